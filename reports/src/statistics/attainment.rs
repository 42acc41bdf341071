//! Whether a trial shows that a share of requests keeps its limits.
//!
//! One-sided at 95 % confidence: the claim that the true share is at least `s` is made where, if it were less, so few
//! misses would have come up with a probability of at most 5 %. The number of requests is fixed before the trial; a trial
//! that goes on until it pleases shows nothing.

use super::binomial::{DRAWS_MAX, MILLION, lower_tail, surely_at_most};
use super::bisection::last_where_from_start;
use super::proportion::lower_bound_ppm;

/// The probability that a bound is wrong: 1 less the confidence.
const RISK: f64 = 0.05;

/// The largest number of misses among `requests` requests that still shows a share of at least `share_ppm`.
///
/// `None` where not even a trial without a miss shows it: too few requests, more than [`DRAWS_MAX`], or a share of
/// 10^6, which no finite trial shows. A share of 0 is shown by every trial.
#[must_use]
pub fn misses_allowed(requests: u64, share_ppm: u64) -> Option<u64> {
    if requests > DRAWS_MAX {
        return None;
    }
    last_where_from_start(0..requests + 1, |misses| is_shown(misses, requests, share_ppm))
}

/// The fewest requests among which `misses` misses still show a share of at least `share_ppm`.
///
/// `None` where [`DRAWS_MAX`] requests do not do, as for a share of 10^6.
#[must_use]
pub fn smallest_trial(misses: u64, share_ppm: u64) -> Option<u64> {
    let is_too_few = |requests| !is_shown(misses, requests, share_ppm);
    let too_few = last_where_from_start(misses..DRAWS_MAX + 1, is_too_few);
    let requests = too_few.map_or(misses, |too_few| too_few + 1);
    (requests <= DRAWS_MAX).then_some(requests)
}

/// The largest share that `within` of `requests` requests within their limits show, in millionths, rounded down: the
/// one-sided lower bound of Clopper and Pearson (1934); 0 of more than [`DRAWS_MAX`] requests.
///
/// It is at least `share_ppm` exactly where `requests - within` is at most [`misses_allowed`].
///
/// # Panics
/// When more requests are within their limits than there are.
#[must_use]
pub fn share_low_ppm(within: u64, requests: u64) -> u64 {
    lower_bound_ppm(within, requests, RISK)
}

fn is_shown(misses: u64, requests: u64, share_ppm: u64) -> bool {
    match MILLION.checked_sub(share_ppm) {
        // There is no lesser share that could have been the true one.
        Some(MILLION) => true,
        Some(miss_ppm) => surely_at_most(lower_tail(misses, requests, miss_ppm), RISK),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::binomial::upper_tail_reference;

    #[test]
    fn smallest_trials_equal_those_counted_with_scipy() {
        // from itertools import count; from scipy.stats import binom
        // print(next(n for n in count(misses) if binom.cdf(misses, n, 1 - share_ppm / 1e6) <= 0.05))
        let trials = [
            (0, 500_000, 5),
            (0, 900_000, 29),
            (1, 900_000, 46),
            (2, 900_000, 61),
            (5, 900_000, 103),
            (0, 990_000, 299),
            (1, 990_000, 473),
            (0, 999_000, 2995),
            (3, 999_000, 7752),
        ];
        for (misses, share_ppm, requests) in trials {
            assert_eq!(smallest_trial(misses, share_ppm), Some(requests), "{misses} at {share_ppm}");
            assert_eq!(misses_allowed(requests, share_ppm), Some(misses));
            assert_eq!(misses_allowed(requests - 1, share_ppm), misses.checked_sub(1));
        }
    }

    #[test]
    fn shares_equal_quantiles_of_the_beta_distribution() {
        // from scipy.stats import beta; print(int(1e6 * beta.ppf(0.05, within, requests - within + 1)))
        let shares = [
            (28, 28, 898_534),
            (29, 29, 901_855),
            (44, 45, 898_866),
            (45, 46, 900_975),
            (1, 10, 5116),
            (5, 10, 222_441),
            (95, 100, 897_746),
            (9900, 10_000, 988_202),
        ];
        for (within, requests, share_ppm) in shares {
            assert_eq!(share_low_ppm(within, requests), share_ppm, "{within} of {requests}");
        }
        assert_eq!(share_low_ppm(0, 10), 0);
        assert_eq!(share_low_ppm(0, 0), 0);
    }

    #[test]
    fn no_finite_trial_shows_that_every_request_keeps_its_limits() {
        for requests in [0, 1, DRAWS_MAX] {
            assert_eq!(misses_allowed(requests, MILLION), None);
            assert_eq!(misses_allowed(requests, u64::MAX), None);
        }
        assert_eq!(smallest_trial(0, MILLION), None);
        assert_eq!(smallest_trial(0, u64::MAX), None);
        // The nearest share below takes millions.
        assert_eq!(smallest_trial(0, 999_999), Some(2_995_731));
    }

    #[test]
    fn a_share_of_nothing_is_shown_by_every_trial() {
        assert_eq!(misses_allowed(0, 0), Some(0));
        assert_eq!(misses_allowed(7, 0), Some(7));
        assert_eq!(smallest_trial(7, 0), Some(7));
    }

    #[test]
    fn trials_beyond_the_largest_show_nothing() {
        assert_eq!(misses_allowed(u64::MAX, 900_000), None);
        assert_eq!(smallest_trial(u64::MAX, 900_000), None);
        assert_eq!(smallest_trial(DRAWS_MAX, 900_000), None);
        assert_eq!(share_low_ppm(u64::MAX, u64::MAX), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_trial_shows_a_share_where_its_lower_bound_reaches_it(
            requests in 0_u64..5000,
            missed in 0.0_f64..=1.0,
            offset in -3_i64..=3,
            far_ppm in 0_u64..=MILLION,
        ) {
            let misses = (requests as f64 * missed * missed) as u64;
            let low_ppm = share_low_ppm(requests - misses, requests);
            let near_ppm = low_ppm.saturating_add_signed(offset);
            for share_ppm in [near_ppm, far_ppm] {
                let allowed = misses_allowed(requests, share_ppm).is_some_and(|allowed| misses <= allowed);
                prop_assert_eq!(allowed, low_ppm >= share_ppm, "{} of {} at {}", misses, requests, share_ppm);
            }
        }

        #[test]
        fn the_smallest_trial_is_the_first_that_allows_the_misses(misses in 0_u64..50, share_ppm in 1_u64..=999_900) {
            let requests = smallest_trial(misses, share_ppm).unwrap();
            prop_assert!(misses_allowed(requests, share_ppm) >= Some(misses));
            prop_assert!(requests == misses || misses_allowed(requests - 1, share_ppm) < Some(misses));
        }

        #[test]
        fn more_requests_allow_no_fewer_misses_and_a_larger_share_no_more(
            requests in 0_u64..20_000,
            share_ppm in 0_u64..MILLION,
            more in 1_u64..1000,
        ) {
            let allowed = misses_allowed(requests, share_ppm);
            prop_assert!(allowed <= misses_allowed(requests + more, share_ppm));
            prop_assert!(allowed >= misses_allowed(requests, share_ppm + more));
        }

        #[test]
        fn allowed_misses_are_the_last_with_a_small_tail(requests in 1_u64..2000, share_ppm in 1_u64..MILLION) {
            // So many misses or fewer are so many requests within limits or more.
            let tail = |misses: u64| upper_tail_reference(requests - misses, requests, share_ppm);
            let allowed = misses_allowed(requests, share_ppm);
            prop_assert!(allowed.is_none_or(|misses| tail(misses) <= 0.05));
            prop_assert!(tail(allowed.map_or(0, |misses| misses + 1)) > 0.05 * (1.0 - 1e-6));
        }
    }
}
