//! Figures for people: order statistics, durations, percentages.

use proofmark_reports::statistics::{Quantile, quantile_of_sorted};

/// The median by order statistic.
pub(crate) fn median(samples: &[u64]) -> Option<u64> {
    quantile(samples, Quantile::MEDIAN)
}

/// A quantile by order statistic.
pub(crate) fn quantile(samples: &[u64], quantile: Quantile) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    quantile_of_sorted(&sorted, quantile)
}

/// Three digits and a unit; nothing for nothing.
pub(crate) fn duration(nanoseconds: Option<u64>) -> String {
    let Some(nanoseconds) = nanoseconds else { return String::new() };
    let ns = nanoseconds as f64;
    let (value, unit) = match nanoseconds {
        0..1_000 => (ns, "ns"),
        1_000..1_000_000 => (ns / 1e3, "us"),
        1_000_000..1_000_000_000 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

/// Millionths as a percentage.
pub(crate) fn percent(ppm: u64) -> String {
    if ppm.is_multiple_of(10_000) {
        format!("{} %", ppm / 10_000)
    } else {
        format!("{:.1} %", ppm as f64 / 1e4)
    }
}
