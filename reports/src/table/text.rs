//! Aligned columns for terminals.

use super::{Kind, Row, Table};

const GAP: &str = "  ";

/// Columns as wide as their widest field, a remark as long as it is.
#[must_use]
pub fn text(table: &Table) -> String {
    let width = |column: usize| {
        let fields = table.rows.iter().map(|row| match row {
            Row::Remark(name, _) if column == 0 => name,
            Row::Fields(fields) => &fields[column],
            Row::Remark(..) => "",
        });
        let names = std::iter::once(table.columns[column].name);
        fields.chain(names).map(|field| field.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let line = |fields: &mut dyn Iterator<Item = &str>| {
        let aligned = fields.zip(&table.columns).zip(&widths).map(|((field, column), width)| {
            if column.kind == Kind::Words { format!("{field:<width$}") } else { format!("{field:>width$}") }
        });
        aligned.collect::<Vec<_>>().join(GAP).trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut table.columns.iter().map(|column| column.name));
    for row in &table.rows {
        text += &match row {
            Row::Fields(fields) => line(&mut fields.iter().map(String::as_str)),
            Row::Remark(name, remark) => {
                format!("{name:<width$}{GAP}{remark}\n", width = widths.first().copied().unwrap_or(0))
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    #[test]
    fn figures_are_flush_right_and_a_remark_widens_no_column() {
        let columns = [("workload", Kind::Words), ("p50", Kind::Figure), ("p90", Kind::Figure)];
        let table = Table {
            columns: columns.map(|(name, kind)| Column { name, kind }).to_vec(),
            rows: vec![
                Row::Fields(vec!["chat".to_owned(), "9 ms".to_owned(), "10 ms".to_owned()]),
                Row::Remark("search-exact".to_owned(), "FAILED: no memory left at all".to_owned()),
            ],
        };
        let expected = "\
workload       p50    p90
chat          9 ms  10 ms
search-exact  FAILED: no memory left at all
";
        assert_eq!(text(&table), expected);
    }
}
