//! What is left when a group of machines is gone, and when the worst are gone together.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::{note, on_demand, told};
use crate::page::markup::Markup;
use crate::page::{grouped, part};
use crate::schema::comparison::{Comparison, Outage};
use crate::table::comparison::{Section, sections};
use crate::words::portion;

/// Groups that are drawn, the worst.
const DRAWN: usize = 20;
const LEGEND: [(&str, &str); 2] = [("served", "still served"), ("gone", "lost with the group")];
/// What is less is rounding.
const LEAST: f64 = 1e-14;

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let Section { title, table, note: together } = sections::outages(comparison);
    if !table.rows.is_empty() {
        part(page, "outages", title, |section| {
            note(section, together.as_deref());
            let coverage = comparison.coverage.value;
            let is_missed = |outage: &&Outage| coverage - outage.coverage > LEAST;
            let missed = comparison.outages.iter().filter(is_missed).count();
            note(section, rest(missed, comparison.outages.len()).as_deref());
            if missed > 0 {
                bars::legend(section, &LEGEND);
                let rows = comparison.outages.iter().filter(is_missed).take(DRAWN);
                bars::draw(section, Extent::ALL, rows.map(|outage| row(outage, coverage)));
            }
            on_demand(section, Section { title, table, note: None });
        });
    }
    told(page, "worst-outages", sections::worst_outages(comparison));
}

/// What is not drawn.
fn rest(missed: usize, all: usize) -> Option<String> {
    let others = all.saturating_sub(missed);
    match missed {
        0 => Some(format!(
            "Without any one of the {} groups as much is served as with it.",
            grouped(all as u64)
        )),
        _ if missed > DRAWN => {
            Some(format!("The worst {DRAWN} of {} groups are drawn.", grouped(all as u64)))
        }
        _ if others == 1 => Some("Nothing is lost without the one other group.".to_owned()),
        _ if others > 1 => Some(format!("Nothing is lost without any one of the {others} other groups.")),
        _ => None,
    }
}

fn row(outage: &Outage, coverage: f64) -> Row {
    let plural = if outage.machines == 1 { "machine" } else { "machines" };
    Row {
        name: outage.group.clone(),
        aside: format!("{}, {} {plural}", outage.attribute, grouped(outage.machines)),
        bars: vec![Bar {
            parts: vec![("served", 0.0, outage.coverage), ("gone", outage.coverage, coverage)],
            interval: None,
        }],
        figure: portion(outage.coverage),
        further: format!("served, {} lost", portion((coverage - outage.coverage).max(0.0))),
    }
}
