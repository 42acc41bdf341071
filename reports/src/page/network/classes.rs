//! Operators by kind of hardware, where they are too many for a row each.

use std::collections::BTreeMap;

use crate::schema::comparison::{Comparison, OperatorFigures};

/// Operators whose first machines are of one kind.
pub(super) struct Class<'a> {
    pub(super) hardware: &'a str,
    pub(super) operators: usize,
    /// Of all these operators.
    pub(super) machines: u64,
    /// The sum of their Shapley values.
    pub(super) shapley: f64,
    /// In each row of the demand, of these operators' best machines.
    pub(super) success: Vec<Spread>,
}

/// A distribution in three figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// A tenth of all have less or as much.
    pub(super) tenth: f64,
    /// A tenth of all have more or as much.
    pub(super) ninetieth: f64,
}

/// The greatest sum of Shapley values first.
pub(super) fn classes(comparison: &Comparison) -> Vec<Class<'_>> {
    let mut of_hardware: BTreeMap<&str, Vec<&OperatorFigures>> = BTreeMap::new();
    for row in &comparison.operators {
        of_hardware.entry(&row.hardware).or_default().push(row);
    }
    let class = |(hardware, rows): (_, Vec<&OperatorFigures>)| Class {
        hardware,
        operators: rows.len(),
        machines: rows.iter().map(|row| row.machines).sum(),
        shapley: rows.iter().map(|row| row.shapley.value).sum(),
        success: (0..comparison.demand.len())
            .map(|place| {
                spread(rows.iter().map(|row| row.success.get(place).copied().unwrap_or(0.0)).collect())
            })
            .collect(),
    };
    let mut classes: Vec<Class<'_>> = of_hardware.into_iter().map(class).collect();
    classes.sort_by(|a, b| b.shapley.total_cmp(&a.shapley));
    classes
}

fn spread(mut shares: Vec<f64>) -> Spread {
    let Some(last) = shares.len().checked_sub(1) else { return Spread::default() };
    shares.sort_by(f64::total_cmp);
    Spread {
        mean: shares.iter().sum::<f64>() / shares.len() as f64,
        tenth: shares[last / 10],
        ninetieth: shares[last - last / 10],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_lies_beyond_each_end() {
        let shares = (0..=20).rev().map(|part| f64::from(part) / 32.0).collect();
        assert_eq!(spread(shares), Spread { mean: 0.3125, tenth: 0.0625, ninetieth: 0.5625 });
        assert_eq!(spread(vec![0.25]), Spread { mean: 0.25, tenth: 0.25, ninetieth: 0.25 });
        assert_eq!(spread(Vec::new()), Spread::default());
    }
}
