//! From demand to served, factor by factor.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::on_demand;
use crate::page::markup::Markup;
use crate::page::part;
use crate::schema::comparison::Comparison;
use crate::table::comparison::sections;
use crate::words::portion;

const NOTE: &str = "A request succeeds if every factor holds. Each bar begins where the one above it ends: what a factor takes is gone \
                    for those below it.";

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let table = sections::demand(comparison);
    part(page, "waterfall", "From demand to served", |section| {
        section.element("p", &[("class", "note")], NOTE);
        bars::draw(section, Extent::ALL, rows(comparison));
        on_demand(section, table);
    });
}

fn rows(comparison: &Comparison) -> Vec<Row> {
    let mut rows = vec![Row {
        name: "demand".to_owned(),
        aside: "every request that is asked for".to_owned(),
        bars: vec![Bar::of("left", 1.0)],
        figure: portion(1.0),
        ..Row::default()
    }];
    let mut before = 1.0;
    for stage in &comparison.waterfall {
        let left = stage.left.min(before);
        rows.push(Row {
            name: stage.factor.clone(),
            aside: sections::lacking(&stage.factor).to_owned(),
            bars: vec![Bar {
                parts: vec![("left", 0.0, left), (lost(&stage.factor), left, before)],
                interval: None,
            }],
            figure: portion(left),
            further: if before > left {
                format!("left, it takes {}", portion(before - left))
            } else {
                "left, it takes nothing".to_owned()
            },
        });
        before = left;
    }
    rows.push(Row {
        name: "served".to_owned(),
        aside: "some machine succeeds".to_owned(),
        bars: vec![Bar::of_figure("served", comparison.coverage)],
        figure: portion(comparison.coverage.value),
        further: format!("({})", sections::interval(comparison.coverage)),
    });
    rows
}

/// The class of what a factor takes.
pub(super) fn lost(factor: &str) -> &'static str {
    match factor {
        "model" => "loss model",
        "hardware" => "loss hardware",
        "capacity" => "loss capacity",
        "route" => "loss route",
        "latency" => "loss latency",
        _ => "loss verified",
    }
}
