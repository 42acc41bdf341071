//! Rows of the demand by class.

use std::collections::BTreeMap;

use crate::network::waterfall::{Left, binding};
use crate::schema::comparison::{ClassFigures, DemandFigures, Figure, Stage};

/// A row a class, by name; figures are means of its rows by their shares.
pub(super) fn classes(rows: &[DemandFigures]) -> Vec<ClassFigures> {
    let mut classes: BTreeMap<&str, Vec<&DemandFigures>> = BTreeMap::new();
    for row in rows {
        classes.entry(&row.class).or_default().push(row);
    }
    classes.into_iter().map(|(class, rows)| of_class(class, &rows)).collect()
}

fn of_class(class: &str, rows: &[&DemandFigures]) -> ClassFigures {
    let share: f64 = rows.iter().map(|row| row.share).sum();
    let mean = |of: &dyn Fn(&DemandFigures) -> f64| -> f64 {
        rows.iter().map(|row| row.share * of(row)).sum::<f64>() / share
    };
    let left: Left = std::array::from_fn(|need| mean(&|row| row.waterfall[need].left));
    ClassFigures {
        class: class.to_owned(),
        share,
        success: Figure {
            value: mean(&|row| row.success.value),
            low: mean(&|row| row.success.low),
            high: mean(&|row| row.success.high),
        },
        binding_factor: binding(&left).map(|need| need.name().to_owned()),
        waterfall: rows[0]
            .waterfall
            .iter()
            .zip(left)
            .map(|(stage, left)| Stage { left, ..stage.clone() })
            .collect(),
    }
}
