//! An interval for a share of successes.

/// Two bounds in millionths, rounded outward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The lower bound.
    pub low_ppm: u64,
    /// The upper bound.
    pub high_ppm: u64,
}

const MILLION: u64 = 1_000_000;
/// Half of 5 %, less a margin far above the rounding error of the sums below (about `n` units of 2^-53).
const TAIL: f64 = 0.025 * (1.0 - 1e-9);

/// The exact 95 % interval of Clopper and Pearson (1934) for `successes` of `trials`, fixed beforehand.
///
/// The lower bound is the largest number of millionths at which so many successes or more have a probability of at
/// most 2.5 %; the upper bound is the mirror image.
///
/// # Panics
/// When there are more successes than trials.
#[must_use]
pub fn clopper_pearson(successes: u64, trials: u64) -> Interval {
    assert!(successes <= trials);
    let low_ppm = low(successes, trials);
    Interval { low_ppm, high_ppm: MILLION - low(trials - successes, trials) }
}

fn low(successes: u64, trials: u64) -> u64 {
    if successes == 0 {
        return 0;
    }
    // The tail grows with p, so the bound is found by bisection: the tail is small at `below` and not at `above`.
    let (mut below, mut above) = (0, MILLION);
    while above - below > 1 {
        let middle = below.midpoint(above);
        if upper_tail(successes, trials, middle) <= TAIL {
            below = middle;
        } else {
            above = middle;
        }
    }
    below
}

/// P(X >= successes) for X binomial with `trials` and `ppm`, 0 < ppm < 10^6.
///
/// Terms are taken relative to the largest, so that nothing that counts underflows.
fn upper_tail(successes: u64, trials: u64, ppm: u64) -> f64 {
    let odds = ppm as f64 / (MILLION - ppm) as f64;
    let mode = (u128::from(trials + 1) * u128::from(ppm) / u128::from(MILLION)) as u64;
    let mode = mode.min(trials);
    let (mut tail, mut total) = (0.0, 0.0);
    let mut add = |count: u64, term: f64| {
        total += term;
        if count >= successes {
            tail += term;
        }
    };
    let mut term = 1.0;
    add(mode, term);
    for count in mode..trials {
        term *= (trials - count) as f64 / (count + 1) as f64 * odds;
        add(count + 1, term);
        if term < 1e-40 {
            break;
        }
    }
    let mut term = 1.0;
    for count in (0..mode).rev() {
        term *= (count + 1) as f64 / (trials - count) as f64 / odds;
        add(count, term);
        if term < 1e-40 {
            break;
        }
    }
    tail / total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(successes: u64, trials: u64, low_ppm: u64, high_ppm: u64) {
        assert_eq!(
            clopper_pearson(successes, trials),
            Interval { low_ppm, high_ppm },
            "{successes} of {trials}"
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_interval_holds_the_share_and_mirrors(trials in 1_u64..3000, share in 0.0_f64..=1.0) {
            let successes = (trials as f64 * share) as u64;
            let Interval { low_ppm, high_ppm } = clopper_pearson(successes, trials);
            prop_assert!(low_ppm * trials <= successes * MILLION && successes * MILLION <= high_ppm * trials);
            let mirrored = clopper_pearson(trials - successes, trials);
            prop_assert_eq!((MILLION - mirrored.high_ppm, MILLION - mirrored.low_ppm), (low_ppm, high_ppm));
        }

        #[test]
        fn the_bound_is_the_last_with_a_small_tail(trials in 1_u64..400, successes in 1_u64..400) {
            prop_assume!(successes <= trials);
            let low_ppm = clopper_pearson(successes, trials).low_ppm;
            // An independent sum over the whole distribution, in logarithms.
            let tail = |ppm: u64| -> f64 {
                let p = ppm as f64 / 1e6;
                let log_choose = |k: u64| (1..=k).map(|i| ((trials - k + i) as f64 / i as f64).ln()).sum::<f64>();
                let term = |k: u64| log_choose(k) + k as f64 * p.ln() + (trials - k) as f64 * (-p).ln_1p();
                (successes..=trials).map(|k| term(k).exp()).sum()
            };
            prop_assert!(low_ppm == 0 || tail(low_ppm) <= 0.025);
            prop_assert!(tail(low_ppm + 1) > 0.025 * (1.0 - 1e-6));
        }
    }
}
