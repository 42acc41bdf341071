//! Percentiles that hold with 99 % confidence, from as few samples as that takes.
//!
//! The early stopping of MLPerf Inference with confidence 0.99 and tolerance 0 (MLCommons Inference Rules, appendix on
//! early stopping; `loadgen/early_stopping.cc` and `loadgen/results.cc` in mlcommons/inference): an order statistic above
//! the sample's own percentile, the higher the fewer the samples.

use super::binomial::{lower_tail, surely_at_most};
use super::bisection::last_where_from_start;
use super::order::Quantile;
use super::proportion::lower_bound_ppm;

/// The probability that a bound is wrong: 1 less the confidence.
const RISK: f64 = 0.01;

/// A pessimistic estimate of the `quantile` from above, in the samples' unit; `None` where they are too few for one.
///
/// Of `n` samples the `t - 1` largest are discarded and the next is the estimate; `t` is the largest number at which a
/// binomial count of `n` trials, each above the quantile by chance, is at most `t` with a probability of at most 1 %.
/// The estimate lies below the true quantile with a probability of less than 1 %, whatever the distribution. It takes
/// 64 samples for the 90th percentile, 662 for the 99th and 6636 for the 99.9th.
///
/// `sorted` ascends.
#[must_use]
pub fn early_stopping_of_sorted(sorted: &[u64], quantile: Quantile) -> Option<u64> {
    let samples = sorted.len() as u64;
    let rank = rank_from_above(samples, quantile)?;
    sorted.get(usize::try_from(samples - rank).ok()?).copied()
}

/// The largest quantile, in millionths, that the maximum of `samples` samples bounds from above with 99 % confidence:
/// the largest `p` with `p^n` at most 1 %, rounded down.
///
/// What can be said where samples are too few for a percentile.
#[must_use]
pub fn max_bounds_ppm(samples: u64) -> u64 {
    // All samples lie below the quantile: as many successes as trials.
    lower_bound_ppm(samples, samples, RISK)
}

fn rank_from_above(samples: u64, quantile: Quantile) -> Option<u64> {
    let above_ppm = 1000_u64.saturating_sub(quantile.0) * 1000;
    last_where_from_start(1..samples, |rank| surely_at_most(lower_tail(rank, samples, above_ppm), RISK))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::binomial::upper_tail_reference;
    use crate::statistics::heavy_tail::{HeavyTail, thousandths_of_runs};
    use crate::statistics::order::quantile_of_sorted;

    #[test]
    fn the_smallest_samples_are_those_of_mlperf() {
        let smallest = |quantile| (0..10_000).find(|samples| rank_from_above(*samples, quantile).is_some());
        assert_eq!(smallest(Quantile::P90), Some(64));
        assert_eq!(smallest(Quantile::P99), Some(662));
        assert_eq!(smallest(Quantile::P999), Some(6636));
        assert_eq!(smallest(Quantile(1000)), None);
        assert_eq!(smallest(Quantile(1001)), None);
    }

    #[test]
    fn ranks_equal_those_counted_with_scipy() {
        // from scipy.stats import binom; print(next(t for t in range(n) if binom.cdf(t + 1, n, 1 - p) > 0.01))
        let ranks = [
            (64, Quantile::P90, 1),
            (100, Quantile::P90, 3),
            (1000, Quantile::P90, 78),
            (40_000, Quantile::P90, 3860),
            (662, Quantile::P99, 1),
            (1000, Quantile::P99, 2),
            (40_000, Quantile::P99, 353),
            (6636, Quantile::P999, 1),
            (40_000, Quantile::P999, 25),
        ];
        for (samples, quantile, rank) in ranks {
            assert_eq!(rank_from_above(samples, quantile), Some(rank), "{samples} at {quantile:?}");
        }
    }

    #[test]
    fn the_largest_but_t_minus_one_is_the_estimate() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!(early_stopping_of_sorted(&sorted, Quantile::P90), Some(98));
        assert_eq!(early_stopping_of_sorted(&sorted[..64], Quantile::P90), Some(64));
        assert_eq!(early_stopping_of_sorted(&sorted[..63], Quantile::P90), None);
        assert_eq!(early_stopping_of_sorted(&sorted, Quantile::P99), None);
        assert_eq!(early_stopping_of_sorted(&[], Quantile::P90), None);
    }

    #[test]
    fn the_maximum_bounds_what_the_root_of_a_hundredth_says() {
        // print(int(1e6 * 0.01 ** (1 / samples)))
        let bounds = [
            (10, 630_957),
            (43, 898_438),
            (44, 900_628),
            (458, 989_995),
            (459, 990_017),
            (4602, 998_999),
            (4603, 999_000),
            (40_000, 999_884),
        ];
        for (samples, ppm) in bounds {
            assert_eq!(max_bounds_ppm(samples), ppm, "{samples}");
        }
        // 0.01 and its root themselves, but for the margin; and no samples bound nothing.
        assert_eq!(max_bounds_ppm(1), 9999);
        assert_eq!(max_bounds_ppm(2), 99_999);
        assert_eq!(max_bounds_ppm(0), 0);
    }

    #[test]
    fn the_estimate_is_at_least_the_true_percentile_in_99_of_100_runs() {
        let cases = [
            (64, Quantile::P90),
            (300, Quantile::P90),
            (2000, Quantile::P90),
            (662, Quantile::P99),
            (2000, Quantile::P99),
            (6636, Quantile::P999),
        ];
        for (count, quantile) in cases {
            let percentile = HeavyTail::quantile(quantile);
            let covers = |estimate: Option<u64>| estimate.unwrap() >= percentile;
            let covered =
                thousandths_of_runs(2000, count, |sorted| covers(early_stopping_of_sorted(sorted, quantile)));
            assert!(covered >= 985, "{covered} of 1000 with {count} at {quantile:?}");
            // The sample's own percentile does not do.
            let covered =
                thousandths_of_runs(500, count, |sorted| covers(quantile_of_sorted(sorted, quantile)));
            assert!(covered < 800, "{covered} of 1000 with {count} at {quantile:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_rank_is_the_last_with_a_small_tail(samples in 2_u64..3000, thousandths in 1_u64..1000) {
            let above_ppm = (1000 - thousandths) * 1000;
            let tail = |rank: u64| 1.0 - upper_tail_reference(rank + 1, samples, above_ppm);
            let rank = rank_from_above(samples, Quantile(thousandths));
            prop_assert!(rank.is_none_or(|rank| tail(rank) <= 0.01 * (1.0 + 1e-9)));
            prop_assert!(tail(rank.unwrap_or(0) + 1) > 0.01 * (1.0 - 1e-6));
        }

        #[test]
        fn more_samples_discard_no_fewer_and_bound_no_less(samples in 0_u64..40_000, thousandths in 0_u64..1000) {
            let rank = |samples| rank_from_above(samples, Quantile(thousandths));
            prop_assert!(rank(samples) <= rank(samples + 1));
            prop_assert!(rank(samples + 1).unwrap_or(0) <= rank(samples).unwrap_or(0) + 1);
            prop_assert!(max_bounds_ppm(samples) <= max_bounds_ppm(samples + 1));
        }

        #[test]
        fn a_larger_sample_never_lowers_the_estimate(
            mut samples in prop::collection::vec(0_u64..1000, 64..400),
            raised in any::<prop::sample::Index>(),
            by in 0_u64..1000,
        ) {
            samples.sort_unstable();
            let before = early_stopping_of_sorted(&samples, Quantile::P90);
            let index = raised.index(samples.len());
            samples[index] += by;
            samples.sort_unstable();
            prop_assert!(before <= early_stopping_of_sorted(&samples, Quantile::P90));
        }

        #[test]
        fn the_estimate_lies_at_or_above_the_percentile_of_the_sample(
            mut samples in prop::collection::vec(any::<u64>(), 0..1000),
            thousandths in 1_u64..1000,
        ) {
            samples.sort_unstable();
            if let Some(estimate) = early_stopping_of_sorted(&samples, Quantile(thousandths)) {
                prop_assert!(Some(estimate) >= quantile_of_sorted(&samples, Quantile(thousandths)));
                // The maximum then bounds that quantile too.
                prop_assert!(max_bounds_ppm(samples.len() as u64) >= thousandths * 1000);
            }
        }

        #[test]
        fn the_maximum_bounds_the_last_quantile_with_a_small_power(samples in 1_u64..5000) {
            let ppm = max_bounds_ppm(samples);
            let power = |ppm: u64| (samples as f64 * (ppm as f64 / 1e6).ln()).exp();
            prop_assert!(power(ppm) <= 0.01);
            prop_assert!(power(ppm + 1) > 0.01 * (1.0 - 1e-6));
        }
    }
}
