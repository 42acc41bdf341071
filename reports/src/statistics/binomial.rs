//! Tails of the binomial distribution.

/// A million, the denominator of every share here.
pub(super) const MILLION: u64 = 1_000_000;

/// The most draws for which a tail is known well enough to state a bound: 10^9.
///
/// A tail then sums fewer than half a million terms, each the product of fewer than a quarter of a million steps of four
/// roundings: a relative error below 10^-9, the margin that every bound leaves.
pub const DRAWS_MAX: u64 = 1_000_000_000;

/// A term this small beside the largest is left out with all behind it.
const NEGLIGIBLE: f64 = 1e-40;

/// P(X >= successes) for X binomial with `draws` and the probability `ppm`, at most 10^6.
///
/// Terms are taken relative to the largest, so that nothing that counts underflows. A tail below 10^-30 may come out
/// too small, down to 0.
pub(super) fn upper_tail(successes: u64, draws: u64, ppm: u64) -> f64 {
    // Infinite at 10^6, where the one step down from the mode then has the weight 0.
    let odds = ppm as f64 / (MILLION - ppm) as f64;
    let mode = ((u128::from(draws) + 1) * u128::from(ppm) / u128::from(MILLION)) as u64;
    let mode = mode.min(draws);
    let (mut tail, mut total) = (0.0, 0.0);
    let mut add = |count: u64, term: f64| {
        total += term;
        if count >= successes {
            tail += term;
        }
    };
    let mut term = 1.0;
    add(mode, term);
    for count in mode..draws {
        term *= (draws - count) as f64 / (count + 1) as f64 * odds;
        add(count + 1, term);
        if term < NEGLIGIBLE {
            break;
        }
    }
    let mut term = 1.0;
    for count in (0..mode).rev() {
        term *= (count + 1) as f64 / (draws - count) as f64 / odds;
        add(count, term);
        if term < NEGLIGIBLE {
            break;
        }
    }
    tail / total
}

/// P(X <= successes) for X binomial with `draws` and the probability `ppm`, at most 10^6: the mirror image of
/// [`upper_tail`], bit for bit.
pub(super) fn lower_tail(successes: u64, draws: u64, ppm: u64) -> f64 {
    if successes >= draws {
        return 1.0;
    }
    upper_tail(draws - successes, draws, MILLION - ppm)
}

/// Whether a computed `tail` is at most `probability` however its sums were rounded.
pub(super) fn surely_at_most(tail: f64, probability: f64) -> bool {
    tail <= probability * (1.0 - 1e-9)
}

/// [`upper_tail`] as a sum of exponentials of logarithms of factorials, term by term.
#[cfg(test)]
pub(super) fn upper_tail_reference(successes: u64, draws: u64, ppm: u64) -> f64 {
    let mut log_factorial = vec![0.0];
    for number in 1..=draws {
        log_factorial.push(log_factorial[number as usize - 1] + (number as f64).ln());
    }
    let p = ppm as f64 / 1e6;
    let term = |count: u64| {
        let log_choose = log_factorial[draws as usize]
            - log_factorial[count as usize]
            - log_factorial[(draws - count) as usize];
        (log_choose + count as f64 * p.ln() + (draws - count) as f64 * (-p).ln_1p()).exp()
    };
    (successes..=draws).map(term).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance * expected, "{value:e} for {expected:e}");
    }

    #[test]
    fn tails_equal_those_of_scipy() {
        // from scipy.stats import binom; print(binom.cdf(successes, draws, ppm / 1e6)), scipy 1.17.1
        let lower = [
            (1, 64, 100_000, 0.009563149713054645),
            (1, 63, 100_000, 0.010480164069100979),
            (1, 662, 10_000, 0.009913985645459311),
            (1, 661, 10_000, 0.010000967746517844),
            (1, 6636, 1000, 0.009995934939779077),
            (1, 6635, 1000, 0.010004630344853492),
            (17, 40, 500_000, 0.21479525392169307),
            (999, 1000, 999_000, 0.6323045752290363),
            (3900, 40_000, 100_000, 0.04822859748871703),
            (99_000, 1_000_000, 100_000, 0.00042469673811763083),
            (495_000, 1_000_000, 500_000, 7.690777521951164e-24),
        ];
        for (successes, draws, ppm, expected) in lower {
            assert_close(lower_tail(successes, draws, ppm), expected, 1e-10);
        }
        // from scipy.stats import binom; print(binom.sf(successes - 1, draws, ppm / 1e6))
        let upper = [
            (3, 20, 150_000, 0.5951037219925648),
            (60, 100, 400_000, 4.246638705729486e-05),
            (250, 1000, 200_000, 6.883012222734626e-05),
            (12, 40_000, 1000, 0.9999999398023044),
            (501_500, 1_000_000, 500_000, 0.001354327653029687),
            (1, 1_000_000, 1, 0.632120742768355),
            (5, 1_000_000, 1, 0.003659823834902278),
            (10, 1_000_000, 1, 1.1142142328861856e-07),
        ];
        for (successes, draws, ppm, expected) in upper {
            assert_close(upper_tail(successes, draws, ppm), expected, 1e-10);
        }
    }

    #[test]
    fn certain_and_impossible_draws_have_tails_of_one_and_nothing() {
        for draws in [0, 1, 7, 1_000_000] {
            for ppm in [0, 1, 500_000, 999_999, MILLION] {
                assert_eq!(upper_tail(0, draws, ppm), 1.0);
                assert_eq!(lower_tail(draws, draws, ppm), 1.0);
                assert_eq!(upper_tail(draws + 1, draws, ppm), 0.0);
            }
        }
        for draws in [1, 7, 1_000_000] {
            assert_eq!(upper_tail(1, draws, 0), 0.0);
            assert_eq!(lower_tail(0, draws, 0), 1.0);
            assert_eq!(upper_tail(draws, draws, MILLION), 1.0);
            assert_eq!(lower_tail(draws - 1, draws, MILLION), 0.0);
        }
    }

    /// The tail as a fraction of whole numbers, for a probability of `tenths` tenths and at most 36 draws.
    fn upper_tail_in_integers_reference(successes: u64, draws: u64, tenths: u64) -> f64 {
        let (successes, draws, tenths) = (successes as u32, draws as u32, u128::from(tenths));
        let choose =
            |count: u32| (0..count).fold(1_u128, |c, i| c * u128::from(draws - i) / u128::from(i + 1));
        let ways = |count: u32| choose(count) * tenths.pow(count) * (10 - tenths).pow(draws - count);
        (successes..=draws).map(ways).sum::<u128>() as f64 / 10_u128.pow(draws) as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tails_equal_fractions_of_whole_numbers(draws in 0_u64..=36, successes in 0_u64..=36, tenths in 0_u64..=10) {
            let successes = successes.min(draws);
            let expected = upper_tail_in_integers_reference(successes, draws, tenths);
            assert_close(upper_tail(successes, draws, tenths * 100_000), expected, 1e-13);
        }

        #[test]
        fn tails_equal_sums_in_logarithms(draws in 1_u64..3000, share in 0.0_f64..=1.0, ppm in 1_u64..MILLION) {
            let successes = (draws as f64 * share) as u64;
            let expected = upper_tail_reference(successes, draws, ppm);
            let tail = upper_tail(successes, draws, ppm);
            prop_assert!((tail - expected).abs() <= 1e-9 * expected + 1e-30, "{tail:e} for {expected:e}");
        }

        #[test]
        fn both_tails_make_one(draws in 1_u64..3000, share in 0.0_f64..1.0, ppm in 0_u64..=MILLION) {
            let successes = (draws as f64 * share) as u64;
            let sum = lower_tail(successes, draws, ppm) + upper_tail(successes + 1, draws, ppm);
            assert_close(sum, 1.0, 1e-12);
        }
    }
}
