//! Change, version 1: what `compare --same-machine --output json` prints.
//!
//! Nothing of it is signed: it follows from two profiles and a floor. Ratios are new by old; an interval's absent end is `null`. Member names and meanings stay
//! within the major version.

use serde::Serialize;

use super::v1::{Factor, Status, SuiteReference};
use crate::Digest;
#[cfg(test)]
use crate::schema::form;

/// What changed on a machine from one profile to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Change {
    /// `proofmark.change`
    pub kind: String,
    /// The version of this schema.
    pub schema: String,
    /// The first profile.
    pub old: RunFacts,
    /// The second one.
    pub new: RunFacts,
    /// What both ran on.
    pub machine: SameMachine,
    /// What else may be a reason: software, settings, suite.
    pub differs: Vec<Difference>,
    /// What to know of the pair before its figures.
    pub notes: Vec<String>,
    /// The least change that counts, as a share.
    pub floor: f64,
    /// A slow-down by this share is excluded where a figure is unchanged.
    pub excluded: f64,
    /// What is computed.
    pub digests: Digests,
    /// The machine's own speed before the rounds: reading and arithmetic. They are no verdict on what ran; cells are judged by them.
    pub ceilings: Vec<FigureChange>,
    /// The latency of the workload in the middle, round by round; `null` of fewer than two.
    pub all: Option<FigureChange>,
    /// A row a workload that both have, in the order of the new profile.
    pub cells: Vec<CellChange>,
    /// Workloads that the new profile does not have.
    pub only_old: Vec<String>,
    /// Workloads that the old profile does not have.
    pub only_new: Vec<String>,
    /// Workloads under one name that ask for something else in each profile, and so are not compared.
    pub other_work: Vec<String>,
    /// Workloads that both measured, so that their latencies were judged.
    pub judged: u64,
    /// Those of them whose latencies are `too_noisy`.
    pub too_noisy: u64,
    /// What follows.
    pub conclusion: Conclusion,
}

/// A profile and its run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunFacts {
    /// Its name.
    pub file: String,
    /// SHA-256 of the file.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub report_id: Digest,
    /// What was run.
    pub suite: SuiteReference,
    /// UTC, `2026-11-21T03:45:00Z`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub started_at: String,
    /// As `started_at`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub finished_at: String,
    /// The program's version.
    pub version: String,
    /// Kinds of doubts of the run and of its cells, each once.
    pub doubts: Vec<String>,
}

/// What makes two profiles those of one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SameMachine {
    /// As the system names it.
    pub cpu_model: String,
    /// Processors that the process may use.
    pub logical_cpus: u32,
    /// Installed memory, by the new profile.
    pub memory_bytes: u64,
    /// What computed: `cpu`.
    pub device: String,
    /// Who signed both, as `did:key`.
    #[cfg_attr(test, schemars(with = "form::DidKey"))]
    pub operator: String,
}

/// A fact that is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Difference {
    /// Which.
    pub fact: String,
    /// In the old profile.
    pub old: String,
    /// In the new one.
    pub new: String,
}

/// What became of the outputs for the suite's fixed seeds, and for seeds that both runs had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Digests {
    /// Exact workloads with the same digests.
    pub same: u64,
    /// Exact workloads with others.
    pub changed: Vec<DigestChange>,
    /// Native workloads with others; their bits may change with the program.
    pub native_changed: Vec<String>,
}

/// A digest that is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DigestChange {
    /// Its id in the suite.
    pub workload: String,
    /// In the old profile.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub old: Digest,
    /// In the new one.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub new: Digest,
    /// Of what input: `self_check`, or `round N, request N`, whose seed both runs had.
    pub input: String,
    /// Why it may be another one; `null` where nothing allows it.
    pub allowed_because: Option<String>,
}

/// A workload in both profiles.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellChange {
    /// Its id in the suite.
    pub workload: String,
    /// In the old profile.
    pub old: CellStanding,
    /// In the new one.
    pub new: CellStanding,
    /// Of what was measured in both.
    pub figures: Vec<FigureChange>,
    /// Of all of the cell; `null` where neither measured it.
    pub verdict: Option<Verdict>,
    /// What regressed, improved or cannot be judged.
    pub because: Vec<String>,
}

/// What a profile says of a workload beside its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellStanding {
    /// Whether it ran.
    pub status: Status,
    /// Why it did not, or failed.
    pub reason: Option<String>,
    /// Timed requests within all limits.
    pub within_slo: u64,
    /// Timed requests.
    pub requests: u64,
    /// The first factor that fails.
    pub failing_factor: Option<Factor>,
}

/// A figure in both profiles.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FigureChange {
    /// Which.
    pub metric: Metric,
    /// As the old profile states it, in the unit of the metric's name; `null` of several workloads.
    pub old: Option<u64>,
    /// As `old`.
    pub new: Option<u64>,
    /// New by old; `null` where the two cannot be divided.
    pub ratio: Option<Ratio>,
    /// How likely chance alone makes the greatest change among all figures of the comparison as great; `null` where it was not asked.
    pub p_value: Option<f64>,
    /// What that says.
    pub verdict: Verdict,
}

/// New by old, with a 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ratio {
    /// The median of the ratios of all pairs of rounds.
    pub value: f64,
    /// `null` where there are too few rounds, or no bound is known.
    pub low: Option<f64>,
    /// As `low`.
    pub high: Option<f64>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The median latency of a request.
    LatencyNs,
    /// The median time to the first token.
    TtftNs,
    /// The median time of each further token.
    TpotNs,
    /// The sustained rate.
    RequestsPerHour,
    /// The largest resident set.
    PeakMemoryBytes,
    /// Memory's ceiling.
    ReadBytesPerS,
    /// The ceiling of arithmetic.
    F32FlopsPerS,
}

/// What a figure's ratio and interval say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse by more than the floor, and no chance.
    Regression,
    /// Better by more than the floor, and no chance.
    Improvement,
    /// No change is shown, and a slow-down by `excluded` is excluded.
    Unchanged,
    /// No change is shown, and none is excluded.
    TooNoisy,
}

/// What the comparison ends with: its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Nothing below: 0.
    Fine,
    /// Something is slower, larger or no longer served: 3.
    Regression,
    /// An exact workload computes something else: 4.
    DigestChanged,
    /// Nothing regressed for sure, and too much of it could not be judged: 5.
    TooNoisy,
}

impl Change {
    /// What `kind` says.
    pub const KIND: &'static str = "proofmark.change";
    /// What `schema` says.
    pub const SCHEMA: &'static str = "1.0.0";
}
