//! What a cell derives from its samples, the suite and the machine, for those who write it and those who verify it.

use proofmark_workloads::{Digest, Limits, Numerics, Shape, Suite, Workload};

use crate::capacity;
use crate::schema::v1::{
    Bound, CapacityBasis, Ceilings, Cell, CellStatistics, Distribution, Doubt, DoubtKind, Limit, Machine,
    Obstacle, Roofline, SelfCheck, Status, WarmUp,
};
use crate::statistics::{self, misses_allowed, smallest_trial};

/// The source of weights that suites name.
pub const SYNTHETIC: &str = "synthetic";
/// Windows of the warm-up that must agree, and how closely: what Perf Analyzer asks of its last three.
const STABLE_WINDOWS: usize = 3;
const STABLE_PERCENT: u128 = 10;
/// How much the ceilings before the cells may differ: several times what they vary by on a machine at rest.
const STEADY_PERCENT: u128 = 20;
const GIGA: u64 = 1_000_000_000;
/// A machine that must miss a limit by this factor is not asked to.
const HOPELESS: u64 = 10;
const SECOND_NS: u128 = 1_000_000_000;

/// Enters all that follows from what was observed: times of further tokens, statistics, roofline, capacity, self-check and
/// the doubts that the figures themselves raise. Doing it twice changes nothing.
pub fn complete(cell: &mut Cell, suite: &Suite, workload: &Workload, ceilings: Option<Ceilings>) {
    cell.self_check = match (&cell.weights, cell.self_check_digest) {
        (Some(weights), Some(digest)) => self_check(workload, &weights.source, digest),
        _ => SelfCheck::None,
    };
    cell.doubts.retain(|doubt| !is_derived(doubt.kind));
    if cell.status != Status::Measured {
        return;
    }
    cell.tpot_ns = capacity::further_token_times(workload.shape, &cell.latency_ns, &cell.ttft_ns);
    cell.statistics = distribution(&cell.latency_ns).map(|latency| CellStatistics {
        latency,
        ttft: distribution(&cell.ttft_ns),
        tpot: distribution(&cell.tpot_ns),
    });
    cell.roofline = cell
        .statistics
        .zip(ceilings)
        .and_then(|(statistics, ceilings)| roofline(workload, ceilings, statistics.latency.median_ns));
    cell.capacity = Some(match cell.capacity.take() {
        Some(searched) if searched.basis == CapacityBasis::OpenLoop => {
            let mut trials = searched.trials;
            trials.iter_mut().for_each(|trial| capacity::judge(trial, workload));
            capacity::open_loop(searched.max_batch, trials)
        }
        _ => capacity::closed_loop(&cell.latency_ns),
    });
    cell.doubts.extend(doubts(cell, suite, workload));
}

/// The mean time of each token after the first, rounded down; `None` outside generation, or if the first token came after
/// the last.
#[must_use]
pub fn tpot_ns(shape: Shape, latency_ns: u64, ttft_ns: u64) -> Option<u64> {
    let Shape::Generation { output_tokens, .. } = shape else { return None };
    let further = u64::from(output_tokens).checked_sub(1).filter(|further| *further > 0)?;
    Some(latency_ns.checked_sub(ttft_ns)? / further)
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

/// The distribution of times in nanoseconds; `None` of none.
#[must_use]
pub fn distribution(times_ns: &[u64]) -> Option<Distribution> {
    let of = statistics::Distribution::of(times_ns)?;
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

/// Why this machine is not asked to run a workload with `threads` threads: it lacks the memory, or its ceilings put a limit out of
/// reach by far. Both are estimates: of memory from above, of time from below.
#[must_use]
pub fn obstacle(
    workload: &Workload,
    threads: u32,
    machine: &Machine,
    ceilings: Option<Ceilings>,
) -> Option<Obstacle> {
    let needed_bytes = workload.memory_bytes(workload.max_batch.unwrap_or(1), threads);
    let available_bytes = machine.available_memory_bytes;
    if needed_bytes > available_bytes {
        return Some(Obstacle::Memory { needed_bytes, available_bytes });
    }
    let ceilings = ceilings?;
    let work = workload.work(1);
    let first_ns = least_ns(work.first, ceilings)?.0;
    let estimates = match (workload.slo.limits, workload.shape) {
        (Limits::Tokens { ttft_ns, tpot_ns }, Shape::Generation { output_tokens, .. }) => {
            let further_ns = least_ns(work.further, ceilings)?.0 / u64::from(output_tokens - 1).max(1);
            vec![(Limit::Ttft, first_ns, ttft_ns), (Limit::Tpot, further_ns, tpot_ns)]
        }
        (Limits::Latency { latency_ns }, _) => vec![(Limit::Latency, first_ns, latency_ns)],
        (Limits::Tokens { .. }, _) => Vec::new(),
    };
    let hopeless =
        |(_, estimate_ns, limit_ns): &(Limit, u64, u64)| *estimate_ns >= limit_ns.saturating_mul(HOPELESS);
    let (limit, estimate_ns, limit_ns) = estimates.into_iter().find(hopeless)?;
    Some(Obstacle::Slo { limit, estimate_ns, limit_ns })
}

fn roofline(workload: &Workload, ceilings: Ceilings, median_ns: u64) -> Option<Roofline> {
    let work = workload.work(1);
    let (first_ns, first_bound) = least_ns(work.first, ceilings)?;
    let (further_ns, further_bound) = least_ns(work.further, ceilings)?;
    let least_ns = u128::from(first_ns) + u128::from(further_ns);
    let share = (least_ns * 1_000_000).checked_div(u128::from(median_ns))?;
    Some(Roofline {
        share_ppm: u64::try_from(share)
            .unwrap_or(u64::MAX)
            .min(crate::canonical_json::MAX_SAFE_INTEGER.unsigned_abs()),
        bound: if first_ns >= further_ns { first_bound } else { further_bound },
    })
}

/// The least time that the ceilings allow for some work, and the side that sets it.
fn least_ns(work: proofmark_workloads::Work, ceilings: Ceilings) -> Option<(u64, Bound)> {
    let time =
        |amount: u64, per_second: u64| (u128::from(amount) * SECOND_NS).checked_div(u128::from(per_second));
    let compute = time(work.flops, ceilings.f32_flops_per_s)?;
    let memory = time(work.read_bytes, ceilings.read_bytes_per_s)?;
    let bound = if compute >= memory { Bound::Compute } else { Bound::Memory };
    Some((u64::try_from(compute.max(memory)).ok()?, bound))
}

/// What the ceilings before each cell say against the run: that the machine was not as fast for all of them.
#[must_use]
pub fn run_doubts(cells: &[Cell]) -> Vec<Doubt> {
    let ceilings = || cells.iter().filter_map(|cell| cell.ceilings);
    let spread = |rates: Vec<u64>| Some((*rates.iter().min()?, *rates.iter().max()?));
    let is_wide =
        |(least, most): (u64, u64)| u128::from(most) * 100 > u128::from(least) * (100 + STEADY_PERCENT);
    let sides = [
        ("reading", "GB/s", spread(ceilings().map(|ceilings| ceilings.read_bytes_per_s).collect())),
        ("arithmetic", "GFLOP/s", spread(ceilings().map(|ceilings| ceilings.f32_flops_per_s).collect())),
    ];
    let told: Vec<String> = sides
        .into_iter()
        .filter_map(|(what, unit, spread)| {
            let (least, most) = spread.filter(|spread| is_wide(*spread))?;
            Some(format!("{what} varied between {} and {} {unit}", least / GIGA, most / GIGA))
        })
        .collect();
    if told.is_empty() {
        return Vec::new();
    }
    vec![Doubt {
        kind: DoubtKind::Unsteady,
        detail: told.join(", "),
        advice: "compare with other runs no closer than this; a machine without neighbours is steadier"
            .to_owned(),
    }]
}

/// What a cell's own figures say against it.
fn doubts(cell: &Cell, suite: &Suite, workload: &Workload) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let (samples, share_ppm) = (cell.latency_ns.len() as u64, workload.slo.share_ppm);
    if misses_allowed(samples, share_ppm).is_none() {
        let percent = share_ppm / 10_000;
        let needed =
            smallest_trial(0, share_ppm).map(|least| format!(", which takes {least}")).unwrap_or_default();
        doubts.push(Doubt {
            kind: DoubtKind::TooFewSamples,
            detail: format!("{samples} requests cannot show that {percent} % are in time{needed}"),
            advice: "go by the interval, or take a suite with more time a workload".to_owned(),
        });
    }
    if let Some(warm_up) = cell.warm_up.as_ref().filter(|warm_up| !is_stable(warm_up)) {
        let windows = warm_up.window_median_ns.len();
        doubts.push(Doubt {
            kind: DoubtKind::UnstableWarmUp,
            detail: format!(
                "{windows} windows within {} ms, the last {STABLE_WINDOWS} not within {STABLE_PERCENT} %",
                suite.timing.warm_up_cap_ms
            ),
            advice: "let the machine come to rest and certify again".to_owned(),
        });
    }
    doubts
}

/// Whether a doubt of this kind follows from the figures, so that a verifier can find it.
#[must_use]
pub fn is_derived(kind: DoubtKind) -> bool {
    matches!(kind, DoubtKind::TooFewSamples | DoubtKind::UnstableWarmUp | DoubtKind::Unsteady)
}
