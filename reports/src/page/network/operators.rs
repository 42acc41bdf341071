//! What each operator adds: its share of coverage, and what is lost without it.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::heat_map::level;
use super::long::{self, Squares};
use super::{FEW, note, on_demand, ranks, short};
use crate::page::markup::Markup;
use crate::page::{grouped, part};
use crate::schema::comparison::{Comparison, OperatorFigures};
use crate::table::comparison::{Section, sections};
use crate::words::portion;

/// Rows that are drawn of very many operators.
const FIRST: usize = 10;
const LEGEND: [(&str, &str); 3] = [
    ("served", "share of coverage (Shapley value)"),
    ("open", "what is lost without it"),
    ("whisker", "95 % interval"),
];

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let Section { title, table, note: told } = sections::operators(comparison);
    if table.rows.is_empty() {
        return;
    }
    let operators = &comparison.operators;
    let is_few = operators.len() <= FEW;
    let drawn = if is_few { operators.len() } else { FIRST };
    part(page, "operators", title, |section| {
        note(section, told.as_deref());
        if !is_few {
            ranks::draw(section, operators);
            section.element("h3", &[], &format!("The first {FIRST}"));
        }
        bars::legend(section, &LEGEND);
        let shown = &operators[..drawn];
        let ends = shown.iter().flat_map(|row| [row.shapley.high, row.shapley.value, row.marginal.high]);
        bars::draw(section, Extent::over(ends), shown.iter().map(row));
        if is_few {
            on_demand(section, Section { title, table, note: None });
        } else {
            section.element("h3", &[], &format!("All {} operators", grouped(operators.len() as u64)));
            long::with_squares(section, title, table, Some(squares(comparison)));
        }
    });
}

fn row(of: &OperatorFigures) -> Row {
    let place =
        [of.region.as_deref(), of.provider.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    Row {
        name: short(&of.operator),
        aside: place,
        bars: vec![Bar::of_figure("served", of.shapley), Bar::of_figure("open", of.marginal)],
        figure: portion(of.shapley.value),
        further: format!("its share, {} lost without it", portion(of.marginal.value)),
    }
}

fn squares(comparison: &Comparison) -> Squares {
    let digits = |row: &OperatorFigures| -> String {
        row.success.iter().filter_map(|share| char::from_digit(level(*share) as u32, 16)).collect()
    };
    Squares {
        heading: "success by workload",
        names: comparison.demand.iter().map(|row| sections::named(&row.workload)).collect(),
        rows: comparison.operators.iter().map(digits).collect(),
    }
}
