//! Coverage of a set of machines, and what it loses or gains by some of them.
//!
//! Each is tried until one succeeds, and machines fail independently, so the requests of a row fail with the product of all
//! `1 - q`. Rows are computed beside each other and added up in their order: the figures do not depend on the number of threads.

use rayon::prelude::*;

use super::chances::{Bounded, Chances, Estimated};

/// Rows whose figures are held at once: enough for all processors, and few enough that memory is used again.
const TOGETHER: usize = 16;

/// Machines that are left out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// Of each machine.
    pub of_machine: Vec<usize>,
    /// How many there are.
    pub count: usize,
}

impl Units {
    /// Each machine for itself.
    #[must_use]
    pub fn single(machines: usize) -> Self {
        Self { of_machine: (0..machines).collect(), count: machines }
    }
}

/// The probability that one of these succeeds.
#[must_use]
pub fn any(chances: impl IntoIterator<Item = f64>) -> f64 {
    // Not as `1 - product`, which loses what is small.
    chances.into_iter().fold(0.0, |any, chance| any + (1.0 - any) * chance)
}

/// The probability of success in each row.
#[must_use]
pub fn by_row(chances: &Chances) -> Vec<f64> {
    chances.rows().par_iter().map(|row| any(row.iter().copied())).collect()
}

/// C(S): the probability that a request of the demand succeeds.
#[must_use]
pub fn coverage(chances: &Chances, shares: &[f64]) -> f64 {
    by_row(chances).iter().zip(shares).map(|(success, share)| share * success).sum()
}

/// C(S) with all chances at the ends of their intervals.
#[must_use]
pub fn bounded(chances: &Estimated, shares: &[f64]) -> Bounded {
    Bounded {
        value: coverage(&chances.value, shares),
        low: coverage(&chances.low, shares),
        high: coverage(&chances.high, shares),
    }
}

/// By how much coverage falls without each unit: of machines with chances `own`, among others with chances `others`.
#[must_use]
pub fn marginals(own: &Chances, others: &Chances, shares: &[f64], units: &Units) -> Vec<f64> {
    summed(shares.len(), units.count, |row| {
        let mut lost = lost(&own.rows()[row], &others.rows()[row], units);
        lost.iter_mut().for_each(|lost| *lost *= shares[row]);
        lost
    })
}

/// [`marginals`] with intervals: one's own chances low among others' high ones, and the other way round.
#[must_use]
pub fn bounded_marginals(chances: &Estimated, shares: &[f64], units: &Units) -> Vec<Bounded> {
    let Estimated { value, low, high } = chances;
    together(
        marginals(value, value, shares, units),
        marginals(low, high, shares, units),
        marginals(high, low, shares, units),
    )
}

/// The probability of failure in each row, however small.
#[must_use]
pub fn failure_by_row(chances: &Chances) -> Vec<f64> {
    chances.rows().par_iter().map(|row| row.iter().map(|chance| 1.0 - chance).product()).collect()
}

/// By how much coverage rises with one more machine, whose chances in each row are `candidate`, where requests fail with `failure`.
#[must_use]
pub fn gain(candidate: &[f64], failure: &[f64], shares: &[f64]) -> f64 {
    let rows = candidate.iter().zip(failure).zip(shares);
    rows.map(|((chance, failure), share)| share * chance * failure).sum()
}

pub(super) fn together(value: Vec<f64>, low: Vec<f64>, high: Vec<f64>) -> Vec<Bounded> {
    let ends = low.into_iter().zip(high);
    value.into_iter().zip(ends).map(|(value, (low, high))| Bounded { value, low, high }).collect()
}

/// Sums over rows, each with `count` figures: computed beside each other, added up in the order of rows.
pub(super) fn summed(rows: usize, count: usize, of_row: impl Fn(usize) -> Vec<f64> + Sync) -> Vec<f64> {
    let mut sums = vec![0.0; count];
    for from in (0..rows).step_by(TOGETHER) {
        let together: Vec<Vec<f64>> =
            (from..rows.min(from + TOGETHER)).into_par_iter().map(&of_row).collect();
        for row in together {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
    sums
}

/// The share of a row's requests that succeed on each unit and nowhere else.
fn lost(own: &[f64], others: &[f64], units: &Units) -> Vec<f64> {
    let mut succeeds = vec![0.0; units.count];
    let mut fails = vec![1.0; units.count];
    for ((own, other), unit) in own.iter().zip(others).zip(&units.of_machine) {
        succeeds[*unit] += (1.0 - succeeds[*unit]) * own;
        fails[*unit] *= 1.0 - other;
    }
    // All others fail: those before times those behind. A division would ask what 0 / 0 is.
    let mut before = 1.0;
    for (succeeds, fails) in succeeds.iter_mut().zip(&fails) {
        *succeeds *= before;
        before *= fails;
    }
    let mut behind = 1.0;
    for (succeeds, fails) in succeeds.iter_mut().zip(&fails).rev() {
        *succeeds *= behind;
        behind *= fails;
    }
    succeeds
}
