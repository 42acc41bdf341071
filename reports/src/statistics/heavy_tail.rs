//! Draws from a distribution with a heavy tail whose quantiles are known, for simulations in tests.

use super::order::Quantile;

/// A source of draws `2^63 / u` with `u` uniform on 1..=2^32: Pareto's law with index 1, which has no mean.
///
/// `u` is the upper half of xorshift64* (Vigna 2016).
pub(super) struct HeavyTail {
    state: u64,
}

impl HeavyTail {
    pub(super) fn of_seed(seed: u64) -> Self {
        assert_ne!(seed, 0);
        Self { state: seed }
    }

    /// The next `count` draws, ascending.
    pub(super) fn sorted(&mut self, count: usize) -> Vec<u64> {
        let mut samples: Vec<u64> = (0..count).map(|_| self.draw()).collect();
        samples.sort_unstable();
        samples
    }

    /// The smallest value that a draw does not exceed with at least the quantile's probability.
    pub(super) fn quantile(quantile: Quantile) -> u64 {
        (1 << 63) / ((1 << 32) * (1000 - quantile.0) / 1000 + 1)
    }

    fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let uniform = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        (1 << 63) / (uniform + 1)
    }
}

/// How many of `runs` samples of `count` draws satisfy `holds`, in thousandths, rounded down.
pub(super) fn thousandths_of_runs(runs: u64, count: usize, holds: impl Fn(&[u64]) -> bool) -> u64 {
    let mut draws = HeavyTail::of_seed(0x9e37_79b9_7f4a_7c15);
    let held = (0..runs).filter(|_| holds(&draws.sorted(count))).count() as u64;
    held * 1000 / runs
}

#[test]
fn draws_lie_below_their_quantiles_as_often_as_they_should() {
    let draws = HeavyTail::of_seed(1).sorted(1_000_000);
    for quantile in [Quantile::MEDIAN, Quantile::P90, Quantile::P99, Quantile::P999] {
        let below = draws.partition_point(|draw| *draw <= HeavyTail::quantile(quantile)) as u64;
        // Four standard deviations at the median.
        assert!(below.abs_diff(quantile.0 * 1000) < 2000, "{below} at {quantile:?}");
    }
}
