//! Rows as aligned text.

/// What the columns behind the first hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Figures, set flush right.
    Figures,
    /// Words, set flush left.
    Words,
}

/// Columns as wide as their widest field; a row shorter than the first ends in one long field.
pub(crate) fn table(rows: &[Vec<String>], kind: Columns) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter(|row| row.len() == columns).map(|row| row[column].len()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let fields = row.iter().zip(&widths).enumerate().map(|(column, (field, width))| {
            let is_text = kind == Columns::Words || column == 0 || row.len() < columns;
            if is_text { format!("{field:<width$}") } else { format!("{field:>width$}") }
        });
        let line = fields.collect::<Vec<_>>().join("  ");
        text += line.trim_end();
        text.push('\n');
    }
    text
}
