//! A comparison as text, Markdown and CSV.

pub(crate) mod sections;

use super::csv::line;
use super::markdown::{escaped, rows};
use super::{Row, Table, text as aligned};
use crate::schema::comparison::Comparison;
pub use sections::{Section, sections, verdict};

/// Rows of a section in a terminal; a network may have many thousands.
const SHOWN: usize = 20;

/// The verdict, then a section after another.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for Section { title, table, note } in sections(comparison) {
        let (mut table, left_out) = shortened(table);
        table.condense();
        text += &format!("{title}\n{}", aligned(&table));
        if left_out > 0 {
            text += &format!("and {left_out} more: --output json or csv has all\n");
        }
        text += &note.map(|note| format!("{note}\n")).unwrap_or_default();
        text.push('\n');
    }
    for sentence in verdict(comparison) {
        text += &format!("{sentence}\n");
    }
    text
}

/// The same as Markdown.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    for sentence in verdict(comparison) {
        text += &format!("{}\n", escaped(&sentence));
    }
    for Section { title, table, note } in sections(comparison) {
        let (table, left_out) = shortened(table);
        text += &format!("\n### {title}\n\n{}", rows(&table));
        if left_out > 0 {
            text += &format!("\nand {left_out} more\n");
        }
        text += &note.map(|note| format!("\n{}\n", escaped(&note))).unwrap_or_default();
    }
    text
}

/// A row an operator, with all figures as plain numbers.
#[must_use]
pub fn csv(comparison: &Comparison) -> String {
    let mut text = line([
        "operator",
        "machines",
        "shared_machines",
        "availability",
        "region",
        "provider",
        "hardware",
        "stake",
        "marginal",
        "marginal_low",
        "marginal_high",
        "shapley",
        "shapley_low",
        "shapley_high",
        "shapley_common_cause",
        "coverage_part",
        "volume_part",
        "machine_price",
    ]);
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    for row in &comparison.operators {
        text += &line([
            row.operator.as_str(),
            &row.machines.to_string(),
            &row.shared_machines.to_string(),
            &number(row.availability),
            row.region.as_deref().unwrap_or_default(),
            row.provider.as_deref().unwrap_or_default(),
            &row.hardware,
            &number(row.stake),
            &row.marginal.value.to_string(),
            &row.marginal.low.to_string(),
            &row.marginal.high.to_string(),
            &row.shapley.value.to_string(),
            &row.shapley.low.to_string(),
            &row.shapley.high.to_string(),
            &number(row.shapley_common_cause),
            &number(row.coverage_part),
            &number(row.volume_part),
            &number(row.machine_price),
        ]);
    }
    text
}

fn shortened(mut table: Table) -> (Table, usize) {
    let left_out = table.rows.len().saturating_sub(SHOWN);
    table.rows.truncate(SHOWN);
    (table, left_out)
}

/// A row of fields.
pub(super) fn fields<const N: usize>(fields: [String; N]) -> Row {
    Row::Fields(fields.to_vec())
}
