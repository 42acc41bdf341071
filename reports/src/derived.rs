//! What a cell derives from its samples and its suite, for those who write it and those who verify it.

use proofmark_workloads::{Digest, Numerics, Shape, Workload};

use crate::schema::v1::{Capacity, CapacityBasis, SelfCheck};

const NS_PER_HOUR: u128 = 3_600_000_000_000;
/// The source of weights that suites name.
pub const SYNTHETIC: &str = "synthetic";

/// The mean time of each token after the first, rounded down; `None` outside generation, or if the first token came after
/// the last.
#[must_use]
pub fn tpot_ns(shape: Shape, latency_ns: u64, ttft_ns: u64) -> Option<u64> {
    let Shape::Generation { output_tokens, .. } = shape else { return None };
    let further = u64::from(output_tokens).checked_sub(1).filter(|further| *further > 0)?;
    Some(latency_ns.checked_sub(ttft_ns)? / further)
}

/// The rate of a closed loop with these latencies.
#[must_use]
pub fn capacity(latency_ns: &[u64]) -> Capacity {
    let total: u128 = latency_ns.iter().map(|latency| u128::from(*latency)).sum();
    let rate = (latency_ns.len() as u128 * NS_PER_HOUR).checked_div(total).unwrap_or(0);
    Capacity {
        basis: CapacityBasis::ClosedLoop,
        max_batch: 1,
        requests_per_hour: u64::try_from(rate).unwrap_or(u64::MAX),
        trials: Vec::new(),
    }
}

/// What a self-check digest says; the suite's holds for exact arithmetic on the suite's own weights.
#[must_use]
pub fn self_check(workload: &Workload, weights_source: &str, digest: Digest) -> SelfCheck {
    match workload.self_check {
        Some(golden) if workload.numerics == Numerics::Exact1 && weights_source == SYNTHETIC => {
            if golden == digest { SelfCheck::Match } else { SelfCheck::Mismatch }
        }
        _ => SelfCheck::None,
    }
}
