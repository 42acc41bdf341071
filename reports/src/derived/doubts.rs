//! Doubts that the figures raise by themselves, so that a verifier can find them again.

use proofmark_workloads::{Suite, Workload};

use super::{STABLE_PERCENT, STABLE_WINDOWS, is_stable};
use crate::schema::v1::{Cell, Doubt, DoubtKind};
use crate::statistics::{misses_allowed, smallest_trial};
use crate::words::percent;

/// How much the ceilings before the cells may differ: several times what they vary by on a machine at rest.
const STEADY_PERCENT: u128 = 20;
const GIGA: u64 = 1_000_000_000;

/// Whether a doubt of this kind follows from the figures, so that a verifier can find it.
#[must_use]
pub fn is_derived(kind: DoubtKind) -> bool {
    matches!(kind, DoubtKind::TooFewSamples | DoubtKind::UnstableWarmUp | DoubtKind::Unsteady)
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
pub(super) fn of_cell(cell: &Cell, suite: &Suite, workload: &Workload) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let (samples, share_ppm) = (cell.latency_ns.len() as u64, workload.slo.share_ppm);
    if misses_allowed(samples, share_ppm).is_none() {
        let percent = percent(share_ppm);
        let needed =
            smallest_trial(0, share_ppm).map(|least| format!(", which takes {least}")).unwrap_or_default();
        doubts.push(Doubt {
            kind: DoubtKind::TooFewSamples,
            detail: format!("{samples} requests cannot show that {percent} are in time{needed}"),
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
