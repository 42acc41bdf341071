//! Samples far from the others.

use super::order::{Quantile, quantile_of_sorted};

/// How many samples lie outside the fences of Tukey (1977); they are reported, never dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outliers {
    /// More than 1.5 and at most 3 interquartile ranges below the first quartile or above the third.
    pub mild: u64,
    /// More than 3 interquartile ranges.
    pub severe: u64,
}

/// The outliers on both sides; quartiles are order statistics.
///
/// `sorted` ascends.
#[must_use]
pub fn outliers_of_sorted(sorted: &[u64]) -> Outliers {
    let mut outliers = Outliers::default();
    let quartiles = quantile_of_sorted(sorted, Quantile::FIRST_QUARTILE)
        .zip(quantile_of_sorted(sorted, Quantile::THIRD_QUARTILE));
    let Some((first, third)) = quartiles else {
        return outliers;
    };
    let range = u128::from(third - first);
    for sample in sorted {
        // A sample lies beyond at most one of the quartiles.
        let beyond = u128::from(first.saturating_sub(*sample) + sample.saturating_sub(third));
        if beyond > 3 * range {
            outliers.severe += 1;
        } else if 2 * beyond > 3 * range {
            outliers.mild += 1;
        }
    }
    outliers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outliers(mut samples: Vec<u64>) -> Outliers {
        samples.sort_unstable();
        outliers_of_sorted(&samples)
    }

    /// Quartiles 100 and 110, fences 85 and 125, 70 and 140, with one more sample.
    fn with(sample: u64) -> Outliers {
        outliers([vec![100; 5], vec![110; 5], vec![sample]].concat())
    }

    #[test]
    fn a_sample_on_a_fence_is_inside() {
        for inside in [85, 100, 105, 110, 125] {
            assert_eq!(with(inside), Outliers { mild: 0, severe: 0 }, "{inside}");
        }
        for mild in [70, 84, 126, 140] {
            assert_eq!(with(mild), Outliers { mild: 1, severe: 0 }, "{mild}");
        }
        for severe in [0, 69, 141, u64::MAX] {
            assert_eq!(with(severe), Outliers { mild: 0, severe: 1 }, "{severe}");
        }
    }

    #[test]
    fn among_equal_samples_every_other_is_severe() {
        assert_eq!(outliers(vec![7, 7, 7, 7, 7, 8]), Outliers { mild: 0, severe: 1 });
        assert_eq!(outliers(vec![7; 9]), Outliers::default());
        assert_eq!(outliers(Vec::new()), Outliers::default());
    }

    /// Fences as numbers, in halves, and samples held against them.
    fn outliers_reference(sorted: &[u64]) -> Outliers {
        let quartile = |quarters: usize| i128::from(sorted[(sorted.len() * quarters).div_ceil(4) - 1]);
        let (first, third) = (quartile(1), quartile(3));
        let outside = |range_halves: i128| {
            let reach = range_halves * (third - first);
            let is_outside = |sample: &&u64| {
                let halves = 2 * i128::from(**sample);
                halves < 2 * first - reach || halves > 2 * third + reach
            };
            sorted.iter().filter(is_outside).count() as u64
        };
        Outliers { mild: outside(3) - outside(6), severe: outside(6) }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn counts_equal_those_against_fences(
            mut samples in prop::collection::vec(prop_oneof![0_u64..100, any::<u64>()], 1..60),
        ) {
            samples.sort_unstable();
            prop_assert_eq!(outliers_of_sorted(&samples), outliers_reference(&samples));
        }

        #[test]
        fn the_middle_half_is_never_counted(samples in prop::collection::vec(any::<u64>(), 0..100)) {
            let count = samples.len() as u64;
            let Outliers { mild, severe } = outliers(samples);
            prop_assert!(mild + severe <= count / 2);
        }
    }
}
