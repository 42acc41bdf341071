//! Doubts that the figures raise by themselves, so that a verifier can find them again.

use proofmark_workloads::{Suite, Workload};

use super::{STABLE_PERCENT, STABLE_WINDOWS, is_stable};
use crate::schema::v1::{Cell, Doubt, DoubtKind, Round, Status};
use crate::statistics::{misses_allowed, smallest_trial};
use crate::words::percent;

/// How much the ceilings before the rounds may differ: several times what they vary by on a machine at rest.
const STEADY_PERCENT: u128 = 20;
const GIGA: u64 = 1_000_000_000;

/// Whether a doubt of this kind follows from the figures, so that a verifier can find it.
#[must_use]
pub fn is_derived(kind: DoubtKind) -> bool {
    matches!(kind, DoubtKind::TooFewSamples | DoubtKind::UnstableWarmUp | DoubtKind::Unsteady)
}

/// What the ceilings before each round say against the run: that the machine was not as fast for all of them.
#[must_use]
pub fn run_doubts(cells: &[Cell]) -> Vec<Doubt> {
    let ceilings = || cells.iter().flat_map(|cell| &cell.rounds).filter_map(|round| round.ceilings);
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

/// What was seen during a cell's rounds, and what its own figures say against it.
pub(super) fn of_cell(cell: &Cell, suite: &Suite, workload: &Workload) -> Vec<Doubt> {
    let mut doubts = observed(&cell.rounds);
    if cell.status == Status::Measured {
        doubts.extend(too_few_samples(cell.requests(), workload.slo.share_ppm));
        doubts.extend(unstable_warm_up(&cell.rounds, suite));
    }
    doubts
}

/// One doubt a kind, as the first round has it.
fn observed(rounds: &[Round]) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = Vec::new();
    for doubt in rounds.iter().flat_map(|round| &round.doubts) {
        if doubts.iter().all(|earlier| earlier.kind != doubt.kind) {
            let has_it = |round: &&Round| round.doubts.iter().any(|other| other.kind == doubt.kind);
            let detail = format!("{}{}", doubt.detail, part(rounds, has_it));
            doubts.push(Doubt { detail, ..doubt.clone() });
        }
    }
    doubts
}

fn too_few_samples(samples: u64, share_ppm: u64) -> Option<Doubt> {
    if misses_allowed(samples, share_ppm).is_some() {
        return None;
    }
    let percent = percent(share_ppm);
    let needed =
        smallest_trial(0, share_ppm).map(|least| format!(", which takes {least}")).unwrap_or_default();
    Some(Doubt {
        kind: DoubtKind::TooFewSamples,
        detail: format!("{samples} requests cannot show that {percent} are in time{needed}"),
        advice: "go by the interval, or take a suite with more time a workload".to_owned(),
    })
}

/// A request that takes a third of the cap or more is warm after one, so that fewer windows say nothing.
fn unstable_warm_up(rounds: &[Round], suite: &Suite) -> Option<Doubt> {
    let is_unstable =
        |round: &&Round| round.warm_up.window_median_ns.len() >= STABLE_WINDOWS && !is_stable(&round.warm_up);
    rounds.iter().any(|round| is_unstable(&round)).then(|| Doubt {
        kind: DoubtKind::UnstableWarmUp,
        detail: format!(
            "after {} ms the last {STABLE_WINDOWS} windows were not within {STABLE_PERCENT} %{}",
            suite.timing.warm_up_cap_ms,
            part(rounds, is_unstable)
        ),
        advice: "let the machine come to rest and certify again".to_owned(),
    })
}

/// In how many of several rounds.
fn part(rounds: &[Round], has_it: impl Fn(&&Round) -> bool) -> String {
    match rounds.len() {
        0 | 1 => String::new(),
        all => format!(" ({} of {all} rounds)", rounds.iter().filter(has_it).count()),
    }
}
