//! What is served at a rate of requests, and what of it depends on whom.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::{FEW, note, on_demand, short};
use crate::page::markup::Markup;
use crate::page::part;
use crate::schema::comparison::{CapacityFigures, Comparison, OperatorFigures, RouterFigures};
use crate::table::comparison::{Section, sections};
use crate::words::portion;

/// Operators that are drawn of very many.
const FIRST: usize = 20;
const OUTCOMES: [(&str, &str); 4] = [
    ("served", "served"),
    ("loss latency", "failed on its machine"),
    ("loss route", "waited too long"),
    ("loss model", "nobody eligible"),
];
const PARTS: [(&str, &str); 2] =
    [("served", "coverage part: what no capacity of others makes up for"), ("open", "volume part: the rest")];

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let Some(capacity) = &comparison.capacity else { return };
    let Section { title, table, note: told } = sections::routers(comparison);
    part(page, "capacity", title, |section| {
        let rate = format!("{} requests a second arrive.", capacity.rate_per_s);
        note(section, Some(&format!("{rate} {}", told.unwrap_or_default())));
        bars::legend(section, &OUTCOMES);
        bars::draw(
            section,
            Extent::ALL,
            std::iter::once(best(capacity)).chain(capacity.routers.iter().map(router)),
        );
        on_demand(section, Section { title, table, note: None });
    });
    let mut worth: Vec<&OperatorFigures> =
        comparison.operators.iter().filter(|row| row.coverage_part.is_some()).collect();
    if worth.is_empty() {
        return;
    }
    worth.sort_by(|a, b| parts(b).1.total_cmp(&parts(a).1));
    let all = worth.len();
    if all > FEW {
        worth.truncate(FIRST);
    }
    part(page, "worth", "What is lost at this rate without each operator", |section| {
        note(section, Some(&how(capacity, worth.len(), all)));
        bars::legend(section, &PARTS);
        let extent = Extent::over(worth.iter().map(|row| parts(row).1));
        bars::draw(section, extent, worth.iter().map(|row| operator(row)));
    });
}

fn how(capacity: &CapacityFigures, drawn: usize, all: usize) -> String {
    let mut text = match capacity.worth.as_str() {
        "exact" => "The best routing was found again without each operator.".to_owned(),
        _ => "Finding the best routing again without each operator would take too long: these are bounds."
            .to_owned(),
    };
    if drawn < all {
        text += &format!(" The first {drawn} are drawn; the table of all operators has the others.");
    }
    text
}

fn best(capacity: &CapacityFigures) -> Row {
    Row {
        name: "best possible".to_owned(),
        aside: "requests are sent where they are best".to_owned(),
        bars: vec![Bar::of_figure("served", capacity.success)],
        figure: portion(capacity.success.value),
        further: format!("({})", sections::interval(capacity.success)),
    }
}

fn router(of: &RouterFigures) -> Row {
    let mut from = 0.0;
    let shares = [of.success, of.failed, of.waited_too_long, of.nobody_eligible];
    let part = |((class, _), share): (&(&'static str, _), f64)| {
        let part = (*class, from, from + share);
        from += share;
        part
    };
    Row {
        name: of.router.replace('_', " "),
        aside: format!("{} simulated requests", crate::page::grouped(of.requests)),
        bars: vec![Bar { parts: OUTCOMES.iter().zip(shares).map(part).collect(), interval: None }],
        figure: portion(of.success),
        further: format!("served, standard error {}", portion(of.standard_error)),
    }
}

/// The coverage part, and both together.
fn parts(of: &OperatorFigures) -> (f64, f64) {
    let coverage = of.coverage_part.unwrap_or(0.0);
    (coverage, coverage + of.volume_part.unwrap_or(0.0))
}

fn operator(of: &OperatorFigures) -> Row {
    let (coverage, both) = parts(of);
    Row {
        name: short(&of.operator),
        aside: String::new(),
        bars: vec![Bar { parts: vec![("served", 0.0, coverage), ("open", coverage, both)], interval: None }],
        figure: portion(both),
        further: format!("lost, {} of it coverage", portion(coverage)),
    }
}
