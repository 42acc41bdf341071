//! By what factor one sample is larger than another, with an interval that asks nothing of their distribution.

use crate::schema::change::Ratio;

/// The one-sided tail of the interval is at most one part of so many: 2.5 %.
const TAIL: i128 = 40;

impl Ratio {
    /// The factor from `old` to `new`: the median of the ratios of all pairs (Hodges and Lehmann 1963), between those that the
    /// test of Mann and Whitney (1947) at 5 % does not refuse (Moses 1965). Four values against four are the fewest that give an interval.
    ///
    /// It covers the true factor with at least 95 % if all values are independent draws and those of `new` are distributed as those of `old`, but for that factor.
    /// `None` if either is empty, or a value is not above 0.
    pub(crate) fn of(old: &[f64], new: &[f64]) -> Option<Self> {
        if old.iter().chain(new).any(|value| *value <= 0.0 || !value.is_finite()) {
            return None;
        }
        let mut ratios: Vec<f64> = new.iter().flat_map(|new| old.iter().map(move |old| new / old)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let (middle, last) = (ratios.len() / 2, ratios.len().checked_sub(1)?);
        let value = if ratios.len().is_multiple_of(2) {
            f64::midpoint(ratios[middle - 1], ratios[middle])
        } else {
            ratios[middle]
        };
        let cut = cut(old.len(), new.len());
        Some(Self { value, low: cut.map(|cut| ratios[cut]), high: cut.map(|cut| ratios[last - cut]) })
    }

    /// The factor from new to old: of times where this is of rates.
    pub(crate) fn inverse(self) -> Self {
        let inverse = |bound: f64| 1.0 / bound;
        Self { value: inverse(self.value), low: self.high.map(inverse), high: self.low.map(inverse) }
    }
}

/// How many of the ratios are cut off at each end; `None` where even the whole range says less than 95 %.
fn cut(old: usize, new: usize) -> Option<usize> {
    let ways = ways(old, new);
    let all: i128 = ways.iter().sum();
    let mut below = 0;
    let is_rare = |ways: &&i128| {
        below += **ways;
        below * TAIL <= all
    };
    ways.iter().take_while(is_rare).count().checked_sub(1)
}

/// In how many orders of `old` and `new` different values so many pairs stand the other way round, by that number: the coefficients of the
/// Gaussian binomial, product over i of (1 - q^(new + i)) / (1 - q^i).
fn ways(old: usize, new: usize) -> Vec<i128> {
    let mut ways = vec![0; old * new + 1];
    ways[0] = 1;
    for i in 1..=old {
        for power in (new + i..ways.len()).rev() {
            ways[power] -= ways[power - new - i];
        }
        for power in i..ways.len() {
            ways[power] += ways[power - i];
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By all orders, counted.
    fn ways_reference(old: usize, new: usize) -> Vec<i128> {
        let mut ways = vec![0; old * new + 1];
        for order in 0..1_u32 << (old + new) {
            if order.count_ones() as usize == new {
                let is_new = |place: &usize| order >> place & 1 == 1;
                let before = |place: usize| (0..place).filter(|earlier| !is_new(earlier)).count();
                ways[(0..old + new).filter(is_new).map(before).sum::<usize>()] += 1;
            }
        }
        ways
    }

    #[test]
    fn ways_equal_those_counted() {
        for (old, new) in [(0, 0), (0, 3), (1, 1), (1, 5), (4, 4), (6, 6), (6, 4), (8, 8)] {
            assert_eq!(ways(old, new), ways_reference(old, new), "{old} {new}");
        }
    }

    #[test]
    fn cuts_equal_the_tables_of_mann_and_whitney() {
        // Critical values of U at 5 %, two-sided.
        for (old, new, expected) in [
            (3, 3, None),
            (3, 4, None),
            (3, 5, Some(0)),
            (4, 4, Some(0)),
            (5, 5, Some(2)),
            (6, 6, Some(5)),
            (6, 8, Some(8)),
            (8, 8, Some(13)),
        ] {
            assert_eq!(cut(old, new), expected, "{old} {new}");
        }
    }

    #[test]
    fn the_ratio_of_six_rounds_lies_between_the_sixth_and_the_thirty_first_of_thirty_six() {
        let old = [100.0; 6];
        let new = [90.0, 100.0, 110.0, 120.0, 130.0, 140.0];
        assert_eq!(Ratio::of(&old, &new), Some(Ratio { value: 1.15, low: Some(0.9), high: Some(1.4) }));
        assert_eq!(Ratio::of(&old, &[]), None);
        assert_eq!(Ratio::of(&old, &[0.0]), None);
    }

    fn rounds() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((1_u32..1_000_000).prop_map(f64::from), 1..=8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_value_lies_within_its_interval(old in rounds(), new in rounds()) {
            let Ratio { value, low, high } = Ratio::of(&old, &new).unwrap();
            prop_assert_eq!(low.is_some(), high.is_some());
            prop_assert!(low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high));
        }

        #[test]
        fn a_sample_against_itself_is_unchanged(rounds in rounds()) {
            let Ratio { low, high, .. } = Ratio::of(&rounds, &rounds).unwrap();
            prop_assert!(low.is_none_or(|low| low <= 1.0) && high.is_none_or(|high| 1.0 <= high));
        }

        #[test]
        fn exchanged_samples_have_the_inverse(old in rounds(), new in rounds()) {
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a,
                (a, b) => a == b,
            };
            let (there, back) = (Ratio::of(&old, &new).unwrap(), Ratio::of(&new, &old).unwrap().inverse());
            prop_assert!(close(there.low, back.low) && close(there.high, back.high), "{there:?} {back:?}");
        }

        #[test]
        fn a_factor_moves_value_and_interval_by_itself(old in rounds(), new in rounds(), shift in 0_u32..12) {
            let factor = f64::from(1_u32 << shift);
            let slower: Vec<f64> = new.iter().map(|value| value * factor).collect();
            let (before, after) = (Ratio::of(&old, &new).unwrap(), Ratio::of(&old, &slower).unwrap());
            // Powers of two round nothing.
            prop_assert_eq!(after.value, before.value * factor);
            prop_assert_eq!(after.low, before.low.map(|low| low * factor));
            prop_assert_eq!(after.high, before.high.map(|high| high * factor));
        }

        #[test]
        fn neither_order_matters(mut old in rounds(), mut new in rounds()) {
            let before = Ratio::of(&old, &new);
            old.reverse();
            new.rotate_left(1);
            prop_assert_eq!(Ratio::of(&old, &new), before);
        }
    }
}
