//! When requests arrive that do not wait for each other: a Poisson process from a seed.
//!
//! Random words are those of a ChaCha stream with 8 rounds (nonce zero, counter from zero) whose key is the digest over the fields
//! `proofmark/arrivals/1` and the seed, read as little-endian u64. A word `w` gives `u = (floor(w / 2^11) + 1) / 2^53`, which is
//! exact and in `(0, 1]`, and the gap `-ln(u) * (3.6e12 / requests_per_hour)` nanoseconds: quotient, logarithm and product are f64, the
//! logarithm libm's (Rust, basic operations only), and the result is rounded to the nearest integer. Gaps are summed as integers.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha8, Key, Nonce};

use crate::Digest;

const HOUR_NS: f64 = 3.6e12;
/// 2^-53
const STEP: f64 = f64::EPSILON / 2.0;

/// The times of the first `count` arrivals in nanoseconds from the start, in ascending order; the first comes after one gap. The same
/// on each platform, and more arrivals do not change those before. At a rate of zero nobody arrives.
#[must_use]
pub fn arrivals(seed: Digest, requests_per_hour: u64, count: u64) -> Vec<u64> {
    if requests_per_hour == 0 {
        return Vec::new();
    }
    let mean_ns = HOUR_NS / requests_per_hour as f64;
    let key = Digest::of_fields("proofmark/arrivals/1", &[&seed.0]);
    let mut stream = ChaCha8::new(&Key::from(key.0), &Nonce::default());
    let mut time_ns = 0_u64;
    let next = |_| {
        let mut word = [0; 8];
        stream.apply_keystream(&mut word);
        time_ns = time_ns.saturating_add(gap_ns(u64::from_le_bytes(word), mean_ns));
        time_ns
    };
    (0..count).map(next).collect()
}

/// One exponential gap, by inversion.
fn gap_ns(word: u64, mean_ns: f64) -> u64 {
    let u = ((word >> 11) + 1) as f64 * STEP;
    (-libm::log(u) * mean_ns).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `workloads/reference/arrivals.py`, which takes logarithms to 60 digits.
    #[test]
    fn times_are_those_of_the_second_implementation() {
        let seed = Digest::of(b"arrivals");
        let expected = [
            44_738_400_294,
            60_193_349_207,
            115_385_479_405,
            137_871_758_754,
            139_339_407_929,
            170_505_951_390,
        ];
        assert_eq!(arrivals(seed, 60, 6), expected);
        let expected =
            [745_640_005, 1_003_222_487, 1_923_091_324, 2_297_862_646, 2_322_323_466, 2_841_765_857];
        assert_eq!(arrivals(seed, 3_600, 6), expected);
        let expected = [2_684, 3_611, 6_923, 8_272, 8_360, 10_230];
        assert_eq!(arrivals(seed, 1_000_000_000, 6), expected);
    }

    #[test]
    fn gaps_have_mean_and_variance_of_an_exponential_distribution() {
        let count = 100_000;
        let times = arrivals(Digest::of(b"moments"), 3600, count);
        let gaps: Vec<f64> = std::iter::once(times[0])
            .chain(times.windows(2).map(|pair| pair[1] - pair[0]))
            .map(|gap_ns| gap_ns as f64 / 1e9)
            .collect();
        let mean = gaps.iter().sum::<f64>() / count as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count as f64;
        // Four standard deviations of each: 1 / sqrt(n), sqrt(8 / n).
        assert!((mean - 1.0).abs() < 0.0127, "{mean}");
        assert!((variance - 1.0).abs() < 0.0358, "{variance}");
        // The share of gaps beyond the mean is 1 / e.
        let beyond = gaps.iter().filter(|gap| **gap > 1.0).count() as f64 / count as f64;
        assert!((beyond - 0.367_879).abs() < 0.0062, "{beyond}");
    }

    #[test]
    fn more_arrivals_do_not_change_those_before_and_another_seed_does() {
        let of = |seed: &[u8], count| arrivals(Digest::of(seed), 600, count);
        assert_eq!(of(b"a", 1000), of(b"a", 1000));
        assert_eq!(of(b"a", 1000)[..17], of(b"a", 17));
        assert!(of(b"a", 1000).is_sorted());
        assert_ne!(of(b"a", 17), of(b"b", 17));
    }

    #[test]
    fn the_extreme_words_give_the_extreme_gaps() {
        assert_eq!(gap_ns(u64::MAX, 1e12), 0);
        // 53 ln 2
        assert_eq!(gap_ns(0, 1e9), 36_736_800_570);
        assert!(arrivals(Digest::of(b"a"), 0, 10).is_empty());
        // An absurd rate rounds to no gap at all.
        assert_eq!(arrivals(Digest::of(b"a"), u64::MAX, 3), [0, 0, 0]);
    }
}
