//! What each round of a cell measured, as one value a round.

use crate::schema::v1::{Cell, Round};
use crate::statistics::{Quantile, quantile_of_sorted};

const HOUR_NS: f64 = 3.6e12;

/// One value a round, of both runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rounds {
    pub(super) old: Vec<f64>,
    pub(super) new: Vec<f64>,
}

impl Rounds {
    /// By one reading of both cells; `None` where a round lacks its value.
    pub(super) fn read(old: &Cell, new: &Cell, value: impl Fn(&Round) -> Option<f64>) -> Option<Self> {
        let of = |cell: &Cell| cell.rounds.iter().map(&value).collect::<Option<Vec<f64>>>();
        Some(Self { old: of(old)?, new: of(new)? })
    }

    /// Whether there are so many of each.
    pub(super) fn are(&self, old: usize, new: usize) -> bool {
        (self.old.len(), self.new.len()) == (old, new) && old > 0 && new > 0
    }

    /// The values of both runs, the old ones first, each as a share of the median of all.
    pub(super) fn relative(&self) -> Vec<f64> {
        let all: Vec<f64> = self.old.iter().chain(&self.new).copied().collect();
        let Some(median) = median(all.clone()) else { return all };
        all.into_iter().map(|value| value / median).collect()
    }
}

/// The median of a round's times.
pub(super) fn median_ns(times_ns: &[u64]) -> Option<f64> {
    let mut sorted = times_ns.to_vec();
    sorted.sort_unstable();
    quantile_of_sorted(&sorted, Quantile::MEDIAN).map(|ns| ns as f64)
}

/// Requests one after another by the sum of their latencies.
pub(super) fn requests_per_hour(round: &Round) -> Option<f64> {
    let total_ns: f64 = round.latency_ns.iter().map(|ns| *ns as f64).sum();
    (total_ns > 0.0).then(|| round.latency_ns.len() as f64 * HOUR_NS / total_ns)
}

/// The middle one, or between the two in the middle; `None` of none.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let is_odd = values.len() % 2 == 1;
    Some(if is_odd { upper } else { f64::midpoint(values[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shares_of_the_median_of_both_runs() {
        let rounds = Rounds { old: vec![1.0, 2.0], new: vec![4.0, 2.0] };
        assert_eq!(rounds.relative(), [0.5, 1.0, 2.0, 1.0]);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
