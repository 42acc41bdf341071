//! A row a demand class.

use super::{Column, Kind, Row, Table};
use crate::schema::v1::Coverage;
use crate::words::percent;

/// What is left of each class's demand after each factor.
#[must_use]
pub fn classes(coverage: &Coverage) -> Table {
    let figures =
        ["demand", "model", "hardware", "capacity", "latency", "verified", "succeeds", "95 % interval"];
    let first = Column { name: "class", kind: Kind::Words };
    let further = figures.map(|name| Column { name, kind: Kind::Figure });
    let rows = coverage.classes.iter().map(|class| {
        let after = class.after;
        Row::Fields(vec![
            class.class.clone(),
            percent(class.share_ppm),
            percent(after.model_ppm),
            percent(after.hardware_ppm),
            percent(after.capacity_ppm),
            percent(after.latency_ppm),
            percent(after.verified_ppm),
            percent(class.success_ppm),
            format!("{} to {}", percent(class.low_ppm), percent(class.high_ppm)),
        ])
    });
    Table { columns: std::iter::once(first).chain(further).collect(), rows: rows.collect() }
}
