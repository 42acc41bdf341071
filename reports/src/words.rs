//! What a profile says, in words: one text a fact, for every face of a profile.

use crate::audit::{AuditPredicate, Randomness};
use crate::beacon::BeaconRound;
use crate::schema::v1::{
    Accelerator, Bound, CapacityBasis, Challenge, ClassCoverage, Coverage, Doubt, DoubtKind, Factor, Limit,
    Obstacle, Profile, SelfCheck, Status, TrialVerdict,
};
use crate::verify::{Audited, LatencyStanding, Proven};

const MILLION: u64 = 1_000_000;
/// In the order of their testing.
pub const FACTORS: [Factor; 5] =
    [Factor::Model, Factor::Hardware, Factor::Capacity, Factor::Latency, Factor::Verified];

/// A plain sentence on what the machine serves, and one on what it does not. Of a machine that computes wrongly, only that.
#[must_use]
pub fn verdict(profile: &Profile) -> String {
    if computes_wrongly(profile) {
        return "This machine computes wrongly: its outputs are not those of the suite. Check memory and cooling, then \
                the program's build."
            .to_owned();
    }
    let coverage = &profile.coverage;
    let in_demand = coverage.classes.iter().filter(|class| class.share_ppm > 0);
    let (served, lost): (Vec<_>, Vec<_>) = in_demand.partition(|class| class.success_ppm == MILLION);
    let mut text = format!("This machine serves {}, verifiably.", share(coverage));
    if !served.is_empty() {
        let names: Vec<&str> = served.iter().map(|class| class.class.as_str()).collect();
        text += &format!(" It serves {} in full.", names.join(", "));
    }
    if !lost.is_empty() {
        let names: Vec<String> = lost.into_iter().map(partly_served).collect();
        text += &format!(" It loses requests of {}.", names.join(", "));
    }
    if profile.cells.iter().any(|cell| cell.numerics == "native") {
        text += " Native outputs count only once they are audited.";
    }
    text
}

/// Whether a self-check gave another output than the suite's.
#[must_use]
pub fn computes_wrongly(profile: &Profile) -> bool {
    profile.cells.iter().any(|cell| cell.self_check == SelfCheck::Mismatch)
}

/// The coverage in one phrase.
#[must_use]
pub fn share(coverage: &Coverage) -> String {
    format!(
        "{} of the suite's demand (95 % interval {} to {})",
        percent(coverage.success_ppm),
        percent(coverage.low_ppm),
        percent(coverage.high_ppm)
    )
}

fn partly_served(class: &ClassCoverage) -> String {
    let factors: Vec<&str> = losses(class).into_iter().map(|(name, _)| factor(name)).collect();
    let served = percent(class.success_ppm);
    match &factors[..] {
        [] => format!("{} ({served} served)", class.class),
        factors => format!("{} ({served} served, the rest lost to {})", class.class, factors.join(" and ")),
    }
}

/// The factors that take demand of a class, with the share that each takes.
#[must_use]
pub fn losses(class: &ClassCoverage) -> Vec<(Factor, u64)> {
    let after = class.after;
    let left =
        [after.model_ppm, after.hardware_ppm, after.capacity_ppm, after.latency_ppm, after.verified_ppm];
    let mut before = MILLION;
    let mut losses = Vec::new();
    for (factor, left) in FACTORS.into_iter().zip(left) {
        // A profile that was not verified may have shares that grow.
        let left = left.min(before);
        if left < before {
            losses.push((factor, before - left));
        }
        before = left;
    }
    losses
}

/// A factor's name.
#[must_use]
pub fn factor(factor: Factor) -> &'static str {
    match factor {
        Factor::Model => "model",
        Factor::Hardware => "hardware",
        Factor::Capacity => "capacity",
        Factor::Latency => "latency",
        Factor::Verified => "verified",
    }
}

/// A status, as on the wire.
#[must_use]
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Measured => "measured",
        Status::NotCovered => "not_covered",
        Status::Failed => "failed",
    }
}

/// What a self-check said; what nobody may overlook in capitals.
#[must_use]
pub fn self_check(self_check: SelfCheck) -> &'static str {
    match self_check {
        SelfCheck::Match => "match",
        SelfCheck::Mismatch => "MISMATCH",
        SelfCheck::None => "none",
    }
}

/// The basis of a capacity, as on the wire.
#[must_use]
pub fn basis(basis: CapacityBasis) -> &'static str {
    match basis {
        CapacityBasis::ClosedLoop => "closed_loop",
        CapacityBasis::OpenLoop => "open_loop",
    }
}

/// A side of the roofline.
#[must_use]
pub fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Memory => "memory",
        Bound::Compute => "compute",
    }
}

/// What a trial shows.
#[must_use]
pub fn trial(verdict: TrialVerdict) -> &'static str {
    match verdict {
        TrialVerdict::Met => "met",
        TrialVerdict::Missed => "missed",
        TrialVerdict::Saturated => "saturated",
    }
}

/// What stood in the way of a workload, as a fact.
#[must_use]
pub fn obstacle(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::Memory { needed_bytes, available_bytes } => {
            format!("needs {}, has {}", bytes(needed_bytes), bytes(available_bytes))
        }
        Obstacle::Slo { limit, estimate_ns, limit_ns } => format!(
            "{} is estimated to take at least {}, the limit is {}",
            match limit {
                Limit::Ttft => "the first token",
                Limit::Tpot => "each further token",
                Limit::Latency => "a request",
            },
            duration(estimate_ns),
            duration(limit_ns)
        ),
    }
}

/// A kind of doubt, as on the wire.
#[must_use]
pub fn doubt(kind: DoubtKind) -> &'static str {
    match kind {
        DoubtKind::ForeignLoad => "foreign_load",
        DoubtKind::CpuSteal => "cpu_steal",
        DoubtKind::Throttling => "throttling",
        DoubtKind::Unsteady => "unsteady",
        DoubtKind::Governor => "governor",
        DoubtKind::Battery => "battery",
        DoubtKind::CgroupThrottling => "cgroup_throttling",
        DoubtKind::Swap => "swap",
        DoubtKind::ClockJump => "clock_jump",
        DoubtKind::ClockSource => "clock_source",
        DoubtKind::TooFewSamples => "too_few_samples",
        DoubtKind::UnstableWarmUp => "unstable_warm_up",
    }
}

/// What a kind of doubt means, as a short heading.
#[must_use]
pub fn doubt_heading(kind: DoubtKind) -> &'static str {
    match kind {
        DoubtKind::ForeignLoad => "Other programs used the processors",
        DoubtKind::CpuSteal => "The hypervisor gave processor time to others",
        DoubtKind::Throttling => "The processors ran slower than they can",
        DoubtKind::Unsteady => "Memory or arithmetic were not as fast for all workloads",
        DoubtKind::Governor => "The system saves power at the cost of speed",
        DoubtKind::Battery => "The machine ran on its battery",
        DoubtKind::CgroupThrottling => "The control group withheld processor time",
        DoubtKind::Swap => "Memory was written to disk and read again",
        DoubtKind::ClockJump => "The system's clock and the monotonic one disagree",
        DoubtKind::ClockSource => "Readings of the clock are slow or coarse",
        DoubtKind::TooFewSamples => "Too few requests to show that the SLO's share is in time",
        DoubtKind::UnstableWarmUp => "The times had not settled when the warm-up ended",
    }
}

/// The kinds of these doubts, each once, between spaces.
#[must_use]
pub fn doubts(doubts: &[Doubt]) -> String {
    let mut kinds: Vec<DoubtKind> = doubts.iter().map(|doubt| doubt.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(doubt).collect::<Vec<_>>().join(" ")
}

/// Three digits and a unit.
#[must_use]
pub fn duration(ns: u64) -> String {
    let (number, unit) = time(ns, ns);
    format!("{number} {unit}")
}

/// Two times in the unit of the first.
#[must_use]
pub fn interval(low_ns: u64, high_ns: u64) -> String {
    let ((low, unit), (high, _)) = (time(low_ns, low_ns), time(high_ns, low_ns));
    format!("{low} to {high} {unit}")
}

/// The number of `ns` in the unit that suits `reference_ns`.
fn time(ns: u64, reference_ns: u64) -> (String, &'static str) {
    let (divisor, unit) = match reference_ns {
        0..1_000 => (1.0, "ns"),
        1_000..1_000_000 => (1e3, "us"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = ns as f64 / divisor;
    let decimals = if unit == "ns" || value >= 100.0 { 0 } else { 1 + usize::from(value < 10.0) };
    (format!("{value:.decimals$}"), unit)
}

/// A share of 1 in percent, however small.
#[must_use]
pub fn portion(share: f64) -> String {
    let percents = 100.0 * share;
    match percents.abs() {
        1.0.. => percent((share.clamp(0.0, 1.0) * MILLION as f64).round() as u64),
        0.1.. => format!("{percents:.2} %"),
        0.01.. => format!("{percents:.3} %"),
        1e-12.. => format!("{percents:.1e} %"),
        _ => "0 %".to_owned(),
    }
}

/// Millionths as a percentage: one decimal, and more where one would say 0 or 100 of what is neither.
#[must_use]
pub fn percent(ppm: u64) -> String {
    let share = ppm as f64 / 1e4;
    match ppm {
        _ if ppm.is_multiple_of(10_000) => format!("{} %", ppm / 10_000),
        0..1_000 | 999_001..MILLION => format!("{share} %"),
        _ => format!("{share:.1} %"),
    }
}

/// Where a run's exact kernels ran: an instruction set of the processor, or a GPU.
#[must_use]
pub fn exact_on(profile: &Profile) -> &str {
    profile.machine.accelerators.first().map_or(&profile.harness.isa, |gpu| &gpu.device)
}

/// A GPU in a line.
#[must_use]
pub fn accelerator(gpu: &Accelerator) -> String {
    let driver = gpu.driver_version.as_ref().map(|version| format!(", driver {version}")).unwrap_or_default();
    format!(
        "{}, {}, compute capability {}{driver}",
        gpu.model,
        bytes(gpu.memory_bytes),
        gpu.compute_capability
    )
}

/// Bytes in binary units.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

/// The first `most` characters, with two dots if there are more.
#[must_use]
pub fn clipped(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        short += "..";
    }
    short
}

/// What a run answered.
#[must_use]
pub fn challenge(challenge: &Challenge) -> String {
    match challenge {
        Challenge::SelfIssued { .. } => "self issued".to_owned(),
        Challenge::Network { document } => format!("of {}, made {}", document.network, document.not_before),
    }
}

/// What challenge and receipt of this network prove of a run.
#[must_use]
pub fn proven(proven: &Proven, network: &str) -> Vec<String> {
    let ns = |ns: u128| duration(u64::try_from(ns).unwrap_or(u64::MAX));
    let elapsed = format!("{} from challenge to receipt, by the clock of {network}", ns(proven.elapsed_ns));
    let mut lines = vec![match proven.mean_step_ns_at_most {
        Some(mean) => format!(
            "{elapsed}: {} steps, one after another, took at most {} each in the mean",
            proven.steps,
            ns(mean)
        ),
        None => format!("{elapsed}, without a step"),
    }];
    let accounted = percent(proven.accounted_ppm);
    lines.push(match proven.latency {
        LatencyStanding::Accounted => {
            format!("{accounted} of that is recorded work: the times are accounted for")
        }
        LatencyStanding::Unproven => {
            format!("only {accounted} of that is recorded work, less than 80 %: the latencies are unproven")
        }
    });
    lines
}

/// What is known of a run because its challenge repeats a round of drand.
#[must_use]
pub fn begun_after(round: &BeaconRound) -> String {
    let time = round.time();
    format!(
        "nothing was computed before {time}, whatever a network's clock says: the challenge repeats drand round {}, \
         which nobody knew before",
        round.number()
    )
}

/// What decided which answers an audit checked.
#[must_use]
pub fn drawn(randomness: &Randomness) -> String {
    match randomness {
        Randomness::Private { .. } => {
            "private: a random number of the auditor's own drew the answers".to_owned()
        }
        Randomness::Public { round, receipt } => format!(
            "public: drand round {} of {} drew the answers, the first after the receipt of {}",
            round.number(),
            round.time(),
            receipt.received_at
        ),
    }
}

/// What the answers that an audit checked say of those that it did not.
#[must_use]
pub fn missed(audit: &AuditPredicate) -> Option<String> {
    let most = percent(audit.tenth_missed_ppm()?);
    Some(format!(
        "a tenth of a cell's answers faked would have been missed with a probability of at most {most}"
    ))
}

/// An audit that holds.
#[must_use]
pub fn audited(audited: &Audited) -> Vec<String> {
    let Audited { auditor, randomness, predicate } = audited;
    let AuditPredicate { steps_checked, steps_total, indices, skipped, mismatches, .. } = predicate;
    let mut lines = vec![
        format!(
            "by {auditor}: {steps_checked} of {steps_total} answers, of {} cells; {} differ, {} cells skipped",
            indices.len(),
            mismatches.len(),
            skipped.len()
        ),
        drawn(randomness),
    ];
    lines.extend(missed(predicate));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (12_345, "12.3 us"),
            (270_400_000, "270 ms"),
            (1_180_000_000, "1.18 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(interval(950_000_000, 1_050_000_000), "950 to 1050 ms");
    }

    #[test]
    fn only_nothing_is_0_percent_and_only_all_is_100() {
        for (ppm, text) in [
            (0, "0 %"),
            (1, "0.0001 %"),
            (125_000, "12.5 %"),
            (963_783, "96.4 %"),
            (999_999, "99.9999 %"),
            (1_000_000, "100 %"),
        ] {
            assert_eq!(percent(ppm), text);
        }
    }

    #[test]
    fn a_long_text_is_clipped_at_a_character() {
        assert_eq!(clipped("memory", 6), "memory");
        assert_eq!(clipped("m\u{e9}mory", 2), "m\u{e9}..");
    }
}
