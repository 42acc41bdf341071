//! In how few hands the network is.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::{note, on_demand};
use crate::page::markup::Markup;
use crate::page::part;
use crate::schema::comparison::{Comparison, ConcentrationFigures};
use crate::table::comparison::{Section, sections};
use crate::words::portion;

const BARS: &str = "Each bar is the share of the greatest group.";

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let Section { title, table, note: told } = sections::concentration(comparison);
    if table.rows.is_empty() {
        return;
    }
    part(page, "concentration", title, |section| {
        note(section, Some(&format!("{BARS} {}", told.unwrap_or_default())));
        bars::draw(section, Extent::ALL, comparison.concentration.iter().map(row));
        on_demand(section, Section { title, table, note: None });
    });
}

fn row(of: &ConcentrationFigures) -> Row {
    Row {
        name: format!("{} by {}", of.attribute, of.weight),
        aside: format!(
            "most: {}",
            if of.attribute == "operator" { super::short(&of.largest) } else { of.largest.clone() }
        ),
        bars: vec![Bar::of("served", of.largest_share)],
        figure: portion(of.largest_share),
        further: format!("of {:.0}, as if {:.1} equal", of.hill_0.value, of.hill_1.value),
    }
}
