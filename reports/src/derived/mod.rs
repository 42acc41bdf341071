//! What a cell derives from its samples, the suite and the machine, for those who write it and those who verify it.

mod doubts;
mod roofline;

use proofmark_workloads::{Digest, Shape, Suite, Workload};

use crate::capacity;
use crate::schema::v1::{
    CapacityBasis, Ceilings, Cell, CellStatistics, Distribution, Round, SelfCheck, Status, WarmUp,
};
use crate::statistics::Distribution as Sample;

pub use doubts::{is_derived, run_doubts};
pub use roofline::{least_arithmetic_ns, obstacle};

/// The source of weights that are the operator's own; a suite's are those of `ModelWeights::source`.
pub const LOCAL: &str = "local";
/// Windows of the warm-up that must agree, and how closely: what Perf Analyzer asks of its last three.
const STABLE_WINDOWS: usize = 3;
const STABLE_PERCENT: u128 = 10;

/// Enters all that follows from what was observed: times of further tokens, statistics, roofline, capacity, self-check and
/// doubts. Doing it twice changes nothing.
pub fn complete(cell: &mut Cell, suite: &Suite, workload: &Workload, ceilings: Option<Ceilings>) {
    cell.self_check = match (&cell.weights, cell.self_check_digest) {
        (Some(weights), Some(digest)) => self_check(workload, &weights.source, digest),
        _ => SelfCheck::None,
    };
    for round in &mut cell.rounds {
        round.tpot_ns = capacity::further_token_times(workload.shape, &round.latency_ns, &round.ttft_ns);
    }
    cell.doubts = doubts::of_cell(cell, suite, workload);
    if cell.status != Status::Measured {
        (cell.statistics, cell.roofline, cell.capacity) = (None, None, None);
        return;
    }
    cell.statistics = statistics(&cell.rounds);
    cell.roofline = cell
        .statistics
        .zip(ceilings)
        .and_then(|(statistics, ceilings)| roofline::of(workload, ceilings, statistics.latency.median_ns));
    cell.capacity = Some(match cell.capacity.take() {
        Some(searched) if searched.basis == CapacityBasis::OpenLoop => {
            let mut trials = searched.trials;
            trials.iter_mut().for_each(|trial| capacity::judge(trial, workload));
            capacity::open_loop(searched.max_batch, trials)
        }
        _ => capacity::closed_loop(&cell.latency_ns()),
    });
}

/// The mean time of each token after the first, rounded down; `None` where the output comes whole, or if the first token came
/// after the last.
#[must_use]
pub fn tpot_ns(shape: Shape, latency_ns: u64, ttft_ns: u64) -> Option<u64> {
    let further = u64::from(shape.output_tokens()?).checked_sub(1).filter(|further| *further > 0)?;
    Some(latency_ns.checked_sub(ttft_ns)? / further)
}

/// What a self-check digest says; the suite's holds for exact arithmetic on the suite's own weights.
#[must_use]
pub fn self_check(workload: &Workload, weights_source: &str, digest: Digest) -> SelfCheck {
    match workload.self_check {
        Some(golden) if workload.numerics.is_exact() && weights_source == workload.model.weights.source() => {
            if golden == digest {
                SelfCheck::Match
            } else {
                SelfCheck::Mismatch
            }
        }
        _ => SelfCheck::None,
    }
}

/// The distributions of the times of all rounds; `None` of none.
#[must_use]
pub fn statistics(rounds: &[Round]) -> Option<CellStatistics> {
    let of = |times_ns: fn(&Round) -> &[u64]| distribution(&rounds.iter().map(times_ns).collect::<Vec<_>>());
    Some(CellStatistics {
        latency: of(|round| &round.latency_ns)?,
        ttft: of(|round| &round.ttft_ns),
        tpot: of(|round| &round.tpot_ns),
    })
}

/// The distribution of times in nanoseconds, measured in rounds; `None` of none.
#[must_use]
pub fn distribution(rounds: &[&[u64]]) -> Option<Distribution> {
    let of = Sample::of(rounds)?;
    Some(Distribution {
        min_ns: of.min,
        median_ns: of.median,
        median_low_ns: of.median_interval.map(|interval| interval.low),
        median_high_ns: of.median_interval.map(|interval| interval.high),
        p90_ns: of.p90,
        p99_ns: of.p99,
        p999_ns: of.p999,
        max_ns: of.max,
        max_bounds_ppm: of.max_bounds_ppm,
        mild_outliers: of.mild_outliers,
        severe_outliers: of.severe_outliers,
    })
}

/// Whether the last windows of a warm-up agree.
#[must_use]
pub fn is_stable(warm_up: &WarmUp) -> bool {
    let windows = &warm_up.window_median_ns;
    let Some(last) = windows.len().checked_sub(STABLE_WINDOWS).map(|first| &windows[first..]) else {
        return false;
    };
    let (least, most) =
        last.iter().fold((u64::MAX, 0), |(least, most), window| (least.min(*window), most.max(*window)));
    u128::from(most) * 100 <= u128::from(least) * (100 + STABLE_PERCENT)
}
