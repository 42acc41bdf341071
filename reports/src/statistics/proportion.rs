//! An interval for a share of successes.

use super::binomial::{DRAWS_MAX, MILLION, surely_at_most, upper_tail};
use super::bisection::{last_where, last_where_near};

/// Two bounds in millionths, rounded outward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The lower bound.
    pub low_ppm: u64,
    /// The upper bound.
    pub high_ppm: u64,
}

/// The exact 95 % interval of Clopper and Pearson (1934) for `successes` of `draws`, fixed beforehand.
///
/// The lower bound is the largest number of millionths at which so many successes or more have a probability of at
/// most 2.5 %; the upper bound is the mirror image. Of more than [`DRAWS_MAX`] draws nothing is said: 0 to 10^6.
///
/// # Panics
/// When there are more successes than draws.
#[must_use]
pub fn clopper_pearson(successes: u64, draws: u64) -> Interval {
    let low_ppm = lower_bound_ppm(successes, draws, 0.025);
    Interval { low_ppm, high_ppm: MILLION - lower_bound_ppm(draws - successes, draws, 0.025) }
}

/// The largest number of millionths at which so many successes or more have a probability of at most `tail`; 0 of more
/// than [`DRAWS_MAX`] draws.
///
/// # Panics
/// When there are more successes than draws.
pub(super) fn lower_bound_ppm(successes: u64, draws: u64, tail: f64) -> u64 {
    assert!(successes <= draws);
    // Nothing or more is certain, whatever the share.
    if draws > DRAWS_MAX || successes == 0 {
        return 0;
    }
    let is_below = |ppm| surely_at_most(upper_tail(successes, draws, ppm), tail);
    if successes < draws {
        return last_where(0..MILLION, is_below).unwrap_or(0);
    }
    // Where all succeed the tail is a power of the share, and its root says where to look, however it is rounded.
    let root_ppm = tail.powf(1.0 / draws as f64) * MILLION as f64;
    last_where_near((root_ppm as u64).min(MILLION - 1), 0..MILLION, is_below).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::binomial::upper_tail_reference;

    fn check(successes: u64, draws: u64, low_ppm: u64, high_ppm: u64) {
        assert_eq!(
            clopper_pearson(successes, draws),
            Interval { low_ppm, high_ppm },
            "{successes} of {draws}"
        );
    }

    #[test]
    fn bounds_equal_quantiles_of_the_beta_distribution() {
        // scipy.stats.beta.ppf(0.025, k, n - k + 1) and ppf(0.975, k + 1, n - k), outward; for k = 0 and k = n also
        // 1 - 0.025^(1/n) in closed form.
        check(0, 10, 0, 308_498);
        check(10, 10, 691_502, 1_000_000);
        check(5, 10, 187_086, 812_914);
        // 0.025 itself, but for the margin.
        check(1, 1, 24_999, 1_000_000);
        check(0, 0, 0, 1_000_000);
        check(95, 100, 887_165, 983_569);
        check(100, 100, 963_783, 1_000_000);
    }

    #[test]
    fn nothing_is_said_of_more_trials_than_a_tail_is_known_for() {
        check(u64::MAX, u64::MAX, 0, 1_000_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_interval_holds_the_share_and_mirrors(draws in 1_u64..3000, share in 0.0_f64..=1.0) {
            let successes = (draws as f64 * share) as u64;
            let Interval { low_ppm, high_ppm } = clopper_pearson(successes, draws);
            prop_assert!(low_ppm * draws <= successes * MILLION && successes * MILLION <= high_ppm * draws);
            let mirrored = clopper_pearson(draws - successes, draws);
            prop_assert_eq!((MILLION - mirrored.high_ppm, MILLION - mirrored.low_ppm), (low_ppm, high_ppm));
        }

        #[test]
        fn the_bound_is_the_last_with_a_small_tail(draws in 1_u64..400, successes in 1_u64..400) {
            let successes = successes.min(draws);
            let low_ppm = clopper_pearson(successes, draws).low_ppm;
            let tail = |ppm: u64| upper_tail_reference(successes, draws, ppm);
            prop_assert!(low_ppm == 0 || tail(low_ppm) <= 0.025);
            prop_assert!(tail(low_ppm + 1) > 0.025 * (1.0 - 1e-6));
        }
    }
}
