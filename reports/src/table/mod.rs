//! Figures as rows and columns, made once and shown as aligned text, as Markdown, as CSV and on the page.

mod cells;
pub mod change;
mod classes;
pub mod comparison;
mod csv;
mod markdown;
mod text;

pub use cells::cells;
pub use classes::classes;
pub use csv::csv;
pub use markdown::markdown;
pub use text::text;

/// Rows below named columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// From left to right.
    pub columns: Vec<Column>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// A column's name and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// As its heading.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, set flush left.
    Words,
    /// What was chosen, not measured, set flush right: often the same in all rows.
    Setting,
    /// Figures, set flush right.
    Figure,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A field a column.
    Fields(Vec<String>),
    /// The first field, and one text instead of all others.
    Remark(String, String),
}

impl Row {
    fn field(&self, column: usize) -> Option<&str> {
        match self {
            Self::Fields(fields) => fields.get(column).map(String::as_str),
            Self::Remark(..) => None,
        }
    }
}

impl Table {
    /// Takes out the columns that say nothing, the empty ones, and those that say the same in each row, settings with one
    /// value, which are returned by name. Equal figures stay: that they are equal is a result.
    pub fn condense(&mut self) -> Vec<(&'static str, String)> {
        let mut common = Vec::new();
        let mut keep = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let mut fields = self.rows.iter().filter_map(|row| row.field(index));
            let value = fields.next().unwrap_or_default().to_owned();
            let is_equal = fields.all(|field| field == value);
            let is_empty = is_equal && value.is_empty();
            let is_common = is_equal && column.kind == Kind::Setting && self.rows.len() > 1;
            if is_common && !is_empty {
                common.push((column.name, value));
            }
            keep.push(index == 0 || !is_common && !is_empty);
        }
        retain(&mut self.columns, &keep);
        for row in &mut self.rows {
            if let Row::Fields(fields) = row {
                retain(fields, &keep);
            }
        }
        common
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().copied().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 4]]) -> Table {
        let kinds =
            [("name", Kind::Words), ("threads", Kind::Setting), ("p50", Kind::Figure), ("p99", Kind::Figure)];
        Table {
            columns: kinds.map(|(name, kind)| Column { name, kind }).to_vec(),
            rows: rows.iter().map(|row| Row::Fields(row.map(str::to_owned).to_vec())).collect(),
        }
    }

    #[test]
    fn an_equal_setting_is_said_once_and_an_equal_figure_stays() {
        let mut table = table(&[["a", "2", "7", ""], ["b", "2", "7", ""]]);
        table.rows.push(Row::Remark("c".to_owned(), "failed".to_owned()));
        assert_eq!(table.condense(), [("threads", "2".to_owned())]);
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(names, ["name", "p50"]);
        assert_eq!(table.rows[1], Row::Fields(vec!["b".to_owned(), "7".to_owned()]));
    }

    #[test]
    fn different_settings_stay() {
        let mut table = table(&[["a", "1", "7", "9"], ["b", "2", "7", ""]]);
        let before = table.clone();
        assert_eq!(table.condense(), []);
        assert_eq!(table, before);
    }
}
