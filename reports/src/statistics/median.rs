//! An interval for the median.

use super::binomial::{lower_tail, surely_at_most};
use super::bisection::last_where;

/// Two samples between which the median of the distribution lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MedianInterval {
    /// The lower sample.
    pub low: u64,
    /// The upper sample.
    pub high: u64,
}

/// The interval of at least 95 % for the median that the sign test inverts to; `None` of fewer than six samples.
///
/// From the `l`-th smallest sample to the `l`-th largest, with the largest `l` at which fewer than `l` of the samples
/// fall below the median with a probability of at most 2.5 % (Thompson 1936). It holds for every distribution.
///
/// `sorted` ascends.
#[must_use]
pub fn median_interval_of_sorted(sorted: &[u64]) -> Option<MedianInterval> {
    let samples = sorted.len() as u64;
    // Counted from nought: so many samples are cut off at each end.
    let cut = last_where(0..samples, |below| surely_at_most(lower_tail(below, samples, 500_000), 0.025))?;
    let cut = usize::try_from(cut).ok()?;
    Some(MedianInterval { low: sorted[cut], high: sorted[sorted.len() - 1 - cut] })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::heavy_tail::{HeavyTail, thousandths_of_runs};
    use crate::statistics::order::{Quantile, quantile_of_sorted};

    #[test]
    fn ranks_equal_those_counted_with_scipy() {
        // from scipy.stats import binom; print(next(l for l in range(n) if binom.cdf(l, n, 0.5) > 0.025))
        for (samples, rank) in
            [(6, 1), (8, 1), (9, 2), (20, 6), (50, 18), (100, 40), (1000, 469), (40_000, 19_804)]
        {
            let sorted: Vec<u64> = (1..=samples).collect();
            let expected = Some(MedianInterval { low: rank, high: samples + 1 - rank });
            assert_eq!(median_interval_of_sorted(&sorted), expected, "{samples}");
        }
    }

    #[test]
    fn fewer_than_six_samples_have_no_interval() {
        for samples in 0..6 {
            assert_eq!(median_interval_of_sorted(&[1, 2, 3, 4, 5][..samples]), None);
        }
    }

    #[test]
    fn the_interval_covers_the_true_median_in_95_of_100_runs() {
        let median = HeavyTail::quantile(Quantile::MEDIAN);
        for count in [6, 20, 100, 1000] {
            let covered = thousandths_of_runs(4000, count, |sorted| {
                let MedianInterval { low, high } = median_interval_of_sorted(sorted).unwrap();
                low <= median && median <= high
            });
            assert!(covered >= 945, "{covered} of 1000 with {count}");
        }
    }

    /// The interval's rank from sums of whole numbers over all `2^n` ways, for at most 120 samples.
    fn rank_reference(samples: u32) -> u32 {
        let choose =
            |count: u32| (0..count).fold(1_u128, |c, i| c * u128::from(samples - i) / u128::from(i + 1));
        let mut ways = 0_u128;
        (0..samples)
            .take_while(|below| {
                ways += choose(*below);
                ways * 40 <= 1 << samples
            })
            .count() as u32
    }

    #[test]
    fn ranks_equal_those_of_sums_in_whole_numbers() {
        for samples in 6..=115_u32 {
            let sorted: Vec<u64> = (1..=u64::from(samples)).collect();
            let rank = u64::from(rank_reference(samples));
            let expected = Some(MedianInterval { low: rank, high: u64::from(samples) + 1 - rank });
            assert_eq!(median_interval_of_sorted(&sorted), expected, "{samples}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_interval_holds_the_median_of_the_samples(mut samples in prop::collection::vec(any::<u64>(), 6..500)) {
            samples.sort_unstable();
            let MedianInterval { low, high } = median_interval_of_sorted(&samples).unwrap();
            let median = quantile_of_sorted(&samples, Quantile::MEDIAN).unwrap();
            prop_assert!(low <= median && median <= high);
        }

        #[test]
        fn raising_a_sample_lowers_no_end(
            mut samples in prop::collection::vec(0_u64..1000, 6..200),
            raised in any::<prop::sample::Index>(),
            by in 0_u64..1000,
        ) {
            samples.sort_unstable();
            let before = median_interval_of_sorted(&samples).unwrap();
            let index = raised.index(samples.len());
            samples[index] += by;
            samples.sort_unstable();
            let after = median_interval_of_sorted(&samples).unwrap();
            prop_assert!(before.low <= after.low && before.high <= after.high);
        }
    }
}
