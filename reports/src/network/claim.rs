//! What a verified profile says to a network: the little of it that is kept, however many there are.

use proofmark_workloads::Suite;

use super::attributes::Attributes;
use crate::Digest;
use crate::schema::v1::{Cell, Factor, Profile, Status};
use crate::statistics::{Interval, clopper_pearson};
use crate::verify::Verification;
use crate::words::clipped;

/// Characters of a profile's own words that are kept.
const NAME: usize = 100;

/// A verified profile, as far as a network asks.
#[derive(Clone, Debug)]
pub struct Claim {
    /// SHA-256 of its file.
    pub report_id: Digest,
    /// The signer, as `did:key`.
    pub operator: String,
    /// The machine's commitment.
    pub machine: Digest,
    /// Processor, number of threads and instruction set, by its own word.
    pub hardware: String,
    /// The program that measured, by its own word.
    pub software: String,
    /// By the operator's own word.
    pub attributes: Attributes,
    /// Answers to its claims, in the order of the suite's workloads.
    pub offers: Vec<Offer>,
    /// By the same order.
    pub traces: Vec<Trace>,
}

/// How a machine does in one workload, while it is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The first factor that fails; `None` where none does.
    pub failing: Option<Factor>,
    /// The proportion of timed requests within the limits; of a machine that fails before it is timed, 0.
    pub success: f64,
    /// 95 % interval of `success`; 0 where a factor fails.
    pub low: f64,
    /// As `low`.
    pub high: f64,
    /// The rate that it sustains.
    pub requests_per_hour: u64,
}

/// What tells two machines apart in one workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The output digest for the suite's fixed seed.
    pub self_check: Option<Digest>,
    /// Of the first timed iteration.
    pub first_latency_ns: Option<u64>,
    /// Of all.
    pub median_latency_ns: Option<u64>,
}

impl Claim {
    /// What a valid profile of `suite` says, with the audits that hold; `None` of one that is not valid.
    #[must_use]
    pub fn of(verification: &Verification, suite: &Suite) -> Option<Self> {
        let profile = verification.profile.as_ref().filter(|_| verification.is_valid())?;
        let workloads = suite.workloads.iter().map(|workload| {
            let place = profile.cells.iter().position(|cell| cell.workload == workload.id);
            let cell = place.map(|place| &profile.cells[place]);
            let audited = place.is_some_and(|place| is_audited(verification, place as u64));
            (offer(profile, &workload.id, cell, audited), cell.map(trace).unwrap_or_default())
        });
        let (offers, traces) = workloads.unzip();
        Some(Self {
            report_id: verification.report_id,
            operator: profile.operator.clone(),
            machine: profile.machine.commitment,
            hardware: hardware(profile),
            software: clipped(&format!("{} {}", profile.harness.version, profile.harness.git_commit), NAME),
            attributes: Attributes::stated_by(profile),
            offers,
            traces,
        })
    }
}

/// Whether answers of the cell were checked, and none differed.
fn is_audited(verification: &Verification, place: u64) -> bool {
    let checked = verification.audits.iter().flat_map(|audited| &audited.predicate.indices);
    checked.filter(|cell| cell.cell == place).any(|cell| cell.mismatched == 0 && !cell.places.is_empty())
}

/// By the profile's own coverage, which `verify` has computed again; an audit mends what only an audit can.
fn offer(profile: &Profile, workload: &str, cell: Option<&Cell>, audited: bool) -> Offer {
    let row = profile.coverage.workloads.iter().find(|row| row.workload == workload);
    let is_measured = cell.is_some_and(|cell| cell.status == Status::Measured);
    let rate = cell.and_then(|cell| cell.capacity.as_ref()).map_or(0, |capacity| capacity.requests_per_hour);
    let (Some(row), true) = (row, is_measured) else {
        let failing = Some(row.and_then(|row| row.failing_factor).unwrap_or(Factor::Model));
        return Offer { failing, success: 0.0, low: 0.0, high: 0.0, requests_per_hour: rate };
    };
    let failing = row.failing_factor.filter(|factor| !(audited && *factor == Factor::Verified));
    let interval = match row.failing_factor {
        Some(Factor::Verified) if failing.is_none() => clopper_pearson(row.within_slo, row.requests),
        _ => Interval { low_ppm: row.low_ppm, high_ppm: row.high_ppm },
    };
    let share = |ppm: u64| ppm as f64 / 1e6;
    Offer {
        failing,
        success: if row.requests == 0 { 0.0 } else { row.within_slo as f64 / row.requests as f64 },
        low: share(interval.low_ppm),
        high: share(interval.high_ppm),
        requests_per_hour: rate,
    }
}

fn trace(cell: &Cell) -> Trace {
    Trace {
        self_check: cell.self_check_digest,
        first_latency_ns: cell.rounds.first().and_then(|round| round.latency_ns.first().copied()),
        median_latency_ns: cell.statistics.map(|statistics| statistics.latency.median_ns),
    }
}

/// What its models ran on.
fn hardware(profile: &Profile) -> String {
    if let Some(gpu) = profile.machine.accelerators.first() {
        let (model, capability) = (clipped(&gpu.model, NAME), clipped(&gpu.compute_capability, NAME));
        return format!("{model}, compute capability {capability}");
    }
    let threads = profile.cells.first().map_or(profile.machine.logical_cpus, |cell| cell.threads);
    let (cpu, isa) = (clipped(&profile.machine.cpu_model, NAME), clipped(&profile.harness.isa, NAME));
    format!("{cpu}, {threads} threads, {isa}")
}

/// Whether a workload's digests can be compared bit for bit.
pub(super) fn is_exact(suite: &Suite, workload: usize) -> bool {
    suite.workloads[workload].numerics.is_exact()
}
