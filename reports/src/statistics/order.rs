//! Quantiles as order statistics.

/// A quantile in thousandths: `Quantile(500)` is the median.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantile(pub u64);

impl Quantile {
    /// A quarter of the samples lies at or below it.
    pub const FIRST_QUARTILE: Self = Self(250);
    /// The median.
    pub const MEDIAN: Self = Self(500);
    /// Three quarters of the samples lie at or below it.
    pub const THIRD_QUARTILE: Self = Self(750);
    /// The 90th percentile.
    pub const P90: Self = Self(900);
    /// The 99th percentile.
    pub const P99: Self = Self(990);
    /// The 99.9th percentile.
    pub const P999: Self = Self(999);
}

/// The smallest sample that at least the quantile's share of all samples does not exceed; `None` of no samples.
///
/// `sorted` ascends.
#[must_use]
pub fn quantile_of_sorted(sorted: &[u64], quantile: Quantile) -> Option<u64> {
    let rank = (sorted.len() as u64 * quantile.0).div_ceil(1000).max(1);
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let sorted: Vec<u64> = (1..=10).collect();
        assert_eq!(quantile_of_sorted(&sorted, Quantile::MEDIAN), Some(5));
        assert_eq!(quantile_of_sorted(&sorted, Quantile::P90), Some(9));
        assert_eq!(quantile_of_sorted(&sorted, Quantile(901)), Some(10));
        assert_eq!(quantile_of_sorted(&sorted[..1], Quantile::P90), Some(1));
        assert_eq!(quantile_of_sorted(&[], Quantile::MEDIAN), None);
    }
}
