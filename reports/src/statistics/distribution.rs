//! What a sample says of the distribution that it comes from, and its rounds of how that differs from one to the next.

use super::early_stopping::{early_stopping_of_sorted, max_bounds_ppm};
use super::median::{MedianInterval, median_interval_of_sorted};
use super::order::{Quantile, quantile_of_sorted};
use super::outliers::{Outliers, outliers_of_sorted};

/// The figures of one sample; values are in the unit of its samples, whatever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// How many samples there are.
    pub samples: u64,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
    /// The median of the samples, itself a sample.
    pub median: u64,
    /// Where the median of rounds like these lies with at least 95 % confidence; from six rounds on.
    pub median_interval: Option<MedianInterval>,
    /// What the true 90th percentile does not exceed with 99 % confidence; from 64 samples on.
    pub p90: Option<u64>,
    /// The same of the 99th percentile; from 662 samples on.
    pub p99: Option<u64>,
    /// The same of the 99.9th percentile; from 6636 samples on.
    pub p999: Option<u64>,
    /// The largest quantile that `max` bounds from above with 99 % confidence.
    pub max_bounds_ppm: u64,
    /// Samples between Tukey's inner and outer fences.
    pub mild_outliers: u64,
    /// Samples beyond his outer fences.
    pub severe_outliers: u64,
}

impl Distribution {
    /// The figures of all samples together, in any order; `None` of no samples.
    ///
    /// Samples of one round lie closer to each other than to those of another: the process, its memory and its neighbours are the
    /// same. An interval from their number would claim what the next run refutes, so the one of the median goes by the medians of
    /// the rounds. With up to eight rounds it goes from the least of them to the greatest, and `median` lies within it.
    #[must_use]
    pub fn of(rounds: &[&[u64]]) -> Option<Self> {
        let mut sorted = rounds.concat();
        sorted.sort_unstable();
        let mut medians: Vec<u64> = rounds.iter().filter_map(|round| median(round)).collect();
        medians.sort_unstable();
        let Outliers { mild, severe } = outliers_of_sorted(&sorted);
        Some(Self {
            samples: sorted.len() as u64,
            min: *sorted.first()?,
            max: *sorted.last()?,
            median: quantile_of_sorted(&sorted, Quantile::MEDIAN)?,
            median_interval: median_interval_of_sorted(&medians),
            p90: early_stopping_of_sorted(&sorted, Quantile::P90),
            p99: early_stopping_of_sorted(&sorted, Quantile::P99),
            p999: early_stopping_of_sorted(&sorted, Quantile::P999),
            max_bounds_ppm: max_bounds_ppm(sorted.len() as u64),
            mild_outliers: mild,
            severe_outliers: severe,
        })
    }
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    quantile_of_sorted(&sorted, Quantile::MEDIAN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_hundred_numbers_have_known_figures() {
        let samples: Vec<u64> = (1..=100).rev().collect();
        let expected = Distribution {
            samples: 100,
            min: 1,
            max: 100,
            median: 50,
            median_interval: None,
            p90: Some(98),
            p99: None,
            p999: None,
            max_bounds_ppm: 954_992,
            mild_outliers: 0,
            severe_outliers: 0,
        };
        assert_eq!(Distribution::of(&[&samples]), Some(expected));
    }

    #[test]
    fn one_sample_says_little_and_none_says_nothing() {
        let one = Distribution::of(&[&[7]]).unwrap();
        assert_eq!((one.samples, one.min, one.median, one.max), (1, 7, 7, 7));
        assert_eq!((one.median_interval, one.p90, one.p99, one.p999), (None, None, None, None));
        assert_eq!((Distribution::of(&[]), Distribution::of(&[&[], &[]])), (None, None));
    }

    #[test]
    fn seven_thousand_samples_support_every_percentile() {
        let samples: Vec<u64> = (1..=7000).collect();
        let of = Distribution::of(&[&samples]).unwrap();
        assert!(of.p90 < of.p99 && of.p99 < of.p999 && of.p999 == Some(of.max), "{of:?}");
    }

    #[test]
    fn the_interval_tells_of_rounds_and_not_of_samples() {
        let rounds: Vec<Vec<u64>> = (1..=6).map(|round| vec![round * 100 + 1; 50]).collect();
        assert_eq!(of(&rounds).median_interval, Some(MedianInterval { low: 101, high: 601 }));
        assert_eq!((of(&rounds).median, of(&rounds).samples), (301, 300));
        assert_eq!(of(&rounds[..5]).median_interval, None);
    }

    fn rounds() -> impl Strategy<Value = Vec<Vec<u64>>> {
        prop::collection::vec(prop::collection::vec(0_u64..1_000_000, 1..200), 1..=8)
    }

    fn of(rounds: &[Vec<u64>]) -> Distribution {
        Distribution::of(&rounds.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn neither_the_order_of_rounds_nor_that_within_them_matters(rounds in rounds()) {
            let mut turned = rounds.clone();
            turned.reverse();
            turned.iter_mut().for_each(|round| round.reverse());
            prop_assert_eq!(of(&rounds), of(&turned));
        }

        #[test]
        fn another_unit_scales_values_and_keeps_counts(rounds in rounds(), unit in 1_u64..1_000_000) {
            let scaled: Vec<Vec<u64>> =
                rounds.iter().map(|round| round.iter().map(|sample| sample * unit).collect()).collect();
            let unscaled = of(&rounds);
            let expected = Distribution {
                min: unscaled.min * unit,
                max: unscaled.max * unit,
                median: unscaled.median * unit,
                median_interval: unscaled
                    .median_interval
                    .map(|MedianInterval { low, high }| MedianInterval { low: low * unit, high: high * unit }),
                p90: unscaled.p90.map(|p90| p90 * unit),
                p99: unscaled.p99.map(|p99| p99 * unit),
                p999: unscaled.p999.map(|p999| p999 * unit),
                ..unscaled
            };
            prop_assert_eq!(of(&scaled), expected);
        }

        #[test]
        fn figures_ascend(rounds in rounds()) {
            let of = of(&rounds);
            let interval = of.median_interval.unwrap_or(MedianInterval { low: of.min, high: of.max });
            prop_assert_eq!(of.median_interval.is_some(), rounds.len() >= 6);
            prop_assert!(of.min <= interval.low && interval.low <= of.median);
            prop_assert!(of.median <= interval.high && interval.high <= of.max);
            let mut ascending = vec![of.min, of.median];
            ascending.extend(of.p90.into_iter().chain(of.p99).chain(of.p999));
            ascending.push(of.max);
            prop_assert!(ascending.is_sorted(), "{ascending:?}");
        }
    }
}
