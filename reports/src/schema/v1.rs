//! Coverage profile, version 1. Member names and meanings stay within the major version; unknown members are refused,
//! except below `extensions`.
//!
//! All numbers are integers, the unit in the name: `_ns` nanoseconds, `_bytes` bytes, `_ppm` millionths. Absent values are
//! `null`, so that every member is always there.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Digest;

/// `kind` of a profile.
pub const KIND: &str = "proofmark.coverage_profile";
/// The schema that this program writes.
pub const SCHEMA: &str = "1.1.0";

/// What a machine was measured to serve, signed by its operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// [`KIND`]
    pub kind: String,
    /// [`SCHEMA`]
    pub schema: String,
    /// What was run.
    pub suite: SuiteReference,
    /// The signer, as `did:key`.
    pub operator: String,
    /// What it ran on.
    pub machine: Machine,
    /// What ran it.
    pub harness: Harness,
    /// What bound the run to a time.
    pub challenge: Challenge,
    /// UTC, `2026-11-21T03:45:00Z`.
    pub started_at: String,
    /// As `started_at`.
    pub finished_at: String,
    /// The first, and one more each time the run was resumed; what lies between counts as elapsed.
    pub sittings: Vec<Sitting>,
    /// What the machine's memory and arithmetic reach at most; `null` where they could not be measured.
    pub ceilings: Option<Ceilings>,
    /// One a planned workload, in the order of the suite.
    pub cells: Vec<Cell>,
    /// Derived from `cells` and the suite.
    pub coverage: Coverage,
    /// Circumstances that speak against the figures.
    pub doubts: Vec<Doubt>,
    /// Free members of the operator's.
    pub extensions: Map<String, Value>,
    /// The signature; `null` only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// Names a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteReference {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    pub digest: Digest,
}

/// The machine as the harness saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// One value a machine, whatever key signs: a hash of the machine's own id.
    pub commitment: Digest,
    /// As the system names it.
    pub cpu_model: String,
    /// Instruction-set features that bear on speed, ascending.
    pub cpu_features: Vec<String>,
    /// Processors that the process may use.
    pub logical_cpus: u32,
    /// Cores behind them; `null` if unknown.
    pub physical_cpus: Option<u32>,
    /// Installed memory.
    pub memory_bytes: u64,
    /// Of that, what was free for the run when it began, within the control group's limit.
    pub available_memory_bytes: u64,
    /// The control group's limit, if there is one.
    pub cgroup_memory_bytes: Option<u64>,
    /// The control group's processor quota in thousandths of a processor, if there is one.
    pub cgroup_cpu_milli: Option<u64>,
    /// `linux`, ..
    pub os: String,
    /// The distribution's name for itself.
    pub os_release: String,
    /// The kernel's release.
    pub kernel: String,
    /// `x86_64`, ..
    pub architecture: String,
    /// `none`, a hypervisor's name, or `unknown`.
    pub virtualisation: String,
    /// What the latencies were read from.
    pub clock: Clock,
}

/// The monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// As the system names it: `tsc`, ..
    pub source: String,
    /// The smallest step between two different readings.
    pub resolution_ns: u64,
    /// The median cost of a reading, in picoseconds.
    pub overhead_ps: u64,
}

/// A stretch of the run without interruption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sitting {
    /// As the profile's.
    pub started_at: String,
    /// The index of the cell that it began with.
    pub first_cell: u64,
}

/// Upper bounds on speed, measured with all threads of the run: the two sides of the roofline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// Sustained reading of memory far larger than the caches.
    pub read_bytes_per_s: u64,
    /// f32 operations with the instruction set of the exact kernels; a multiply-add counts two.
    pub f32_flops_per_s: u64,
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harness {
    /// Its version.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub git_commit: String,
    /// SHA-256 of the executable.
    pub binary_digest: Digest,
    /// The compiler.
    pub rustc: String,
    /// Versions of the crates that decide native arithmetic, by name.
    pub crates: std::collections::BTreeMap<String, String>,
    /// The instruction set of the exact kernels.
    pub isa: String,
}

/// What the run's seeds were bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// `self_issued`: the operator chose the nonce, so nothing bounds when the run was made.
    pub kind: String,
    /// 32 random bytes.
    pub nonce: Digest,
}

/// The result of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Its id in the suite.
    pub workload: String,
    /// `generation`, `embedding` or `reranking`.
    pub task: String,
    /// The model's name in the suite.
    pub model: String,
    /// What was loaded; `null` unless something was.
    pub weights: Option<Weights>,
    /// `exact/1` or `native`.
    pub numerics: String,
    /// `f32`
    pub precision: String,
    /// `cpu`
    pub device: String,
    /// Threads that computed.
    pub threads: u32,
    /// Sequences a request.
    pub batch: u32,
    /// Counted from 0.
    pub attempt: u32,
    /// Whether it ran.
    pub status: Status,
    /// Why it did not run, or failed.
    pub reason: Option<String>,
    /// What was in the way, if it did not run.
    pub obstacle: Option<Obstacle>,
    /// From start of loading to its end.
    pub load_ns: Option<u64>,
    /// Untimed iterations before the timed ones.
    pub warm_up: Option<WarmUp>,
    /// Every timed iteration, in order.
    pub latency_ns: Vec<u64>,
    /// Time to first token; of generation, as `latency_ns`, else empty.
    pub ttft_ns: Vec<u64>,
    /// Mean time of each further token; as `ttft_ns`.
    pub tpot_ns: Vec<u64>,
    /// Of the three above.
    pub statistics: Option<CellStatistics>,
    /// Where the median latency stands below the ceilings.
    pub roofline: Option<Roofline>,
    /// As the profile's, from a tenth of the time just before the cell: whether the machine was as fast for all of them.
    pub ceilings: Option<Ceilings>,
    /// The seed of the first iteration; `null` unless measured.
    pub seed_0: Option<Digest>,
    /// One an iteration, in order.
    pub output_digests: Vec<Digest>,
    /// The chain's head after the cell.
    pub chain_head: Digest,
    /// The output digest for the suite's fixed seed.
    pub self_check_digest: Option<Digest>,
    /// Of native cells, once their outputs are committed for audit.
    pub output_sketch_root: Option<Digest>,
    /// The rate that it sustains.
    pub capacity: Option<Capacity>,
    /// The largest resident set of the cell's process.
    pub peak_memory_bytes: Option<u64>,
    /// Whether `self_check_digest` is the suite's.
    pub self_check: SelfCheck,
    /// Circumstances that speak against this cell's figures.
    pub doubts: Vec<Doubt>,
}

/// Why a machine was not asked to run a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obstacle {
    /// The estimated peak is more than the machine has free.
    Memory {
        /// Estimated.
        needed_bytes: u64,
        /// `machine.available_memory_bytes`
        available_bytes: u64,
    },
    /// By the ceilings, not even a tenth of the asked speed is possible.
    Slo {
        /// Which limit.
        limit: Limit,
        /// By work and ceilings.
        estimate_ns: u64,
        /// By the SLO.
        limit_ns: u64,
    },
}

/// A limit of an SLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// The whole request.
    Latency,
}

/// The distributions of a cell's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellStatistics {
    /// Of `latency_ns`.
    pub latency: Distribution,
    /// Of `ttft_ns`.
    pub ttft: Option<Distribution>,
    /// Of `tpot_ns`.
    pub tpot: Option<Distribution>,
}

/// What a sample says of a distribution; a percentile that it cannot support is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The least.
    pub min_ns: u64,
    /// By order statistic.
    pub median_ns: u64,
    /// 95 %, distribution-free; `null` below six samples.
    pub median_low_ns: Option<u64>,
    /// As `median_low_ns`.
    pub median_high_ns: Option<u64>,
    /// Pessimistic at 99 % confidence (MLPerf's early stopping), as the two below.
    pub p90_ns: Option<u64>,
    /// From 662 samples.
    pub p99_ns: Option<u64>,
    /// From 6636 samples.
    pub p999_ns: Option<u64>,
    /// The greatest.
    pub max_ns: u64,
    /// The quantile that the greatest bounds from above with 99 % confidence.
    pub max_bounds_ppm: u64,
    /// Beyond Tukey's inner fences; all are kept.
    pub mild_outliers: u64,
    /// Beyond the outer fences.
    pub severe_outliers: u64,
}

/// How close to the ceilings a cell came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roofline {
    /// The least time that the ceilings allow for a request, as a share of the median latency.
    pub share_ppm: u64,
    /// What that least time is spent on for the larger part.
    pub bound: Bound,
}

/// The sides of the roofline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Reading weights, keys and values.
    Memory,
    /// Multiply-adds.
    Compute,
}

/// Source and digest of weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// `synthetic` or `local`.
    pub source: String,
    /// Of the tensors as loaded (`EXACT.md`, section 11).
    pub digest: Digest,
}

/// What was run before timing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// How many.
    pub iterations: u64,
    /// How long in all.
    pub duration_ns: u64,
    /// The median of each window. The last one fixes the number of timed iterations.
    pub window_median_ns: Vec<u64>,
}

impl WarmUp {
    /// The median of the last window; 0 of none.
    #[must_use]
    pub fn median_ns(&self) -> u64 {
        self.window_median_ns.last().copied().unwrap_or(0)
    }
}

/// A sustained rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How it was found.
    pub basis: CapacityBasis,
    /// Requests that may run together.
    pub max_batch: u32,
    /// Closed loop: requests by the sum of their latencies. Open loop: the highest rate up to which every trial was met.
    pub requests_per_hour: u64,
    /// Of an open loop, rates ascending.
    pub trials: Vec<Trial>,
}

/// How a capacity was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityBasis {
    /// The next request starts when the last one ends.
    ClosedLoop,
    /// Requests arrive by a Poisson process, whatever became of the ones before.
    OpenLoop,
}

/// Requests that arrived at one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Of their arrival.
    pub requests_per_hour: u64,
    /// Their number, fixed before the trial.
    pub requests: u64,
    /// What the served ones show.
    pub verdict: TrialVerdict,
    /// Served requests within all limits.
    pub within_slo: u64,
    /// The share of requests within all limits is no less, with 95 % confidence (one-sided); 0 unless all were served.
    pub attainment_low_ppm: u64,
    /// From the scheduled arrival to the output, in order of arrival; of those served.
    pub latency_ns: Vec<u64>,
    /// From the scheduled arrival to the first token; of generation, else empty.
    pub ttft_ns: Vec<u64>,
    /// Mean time of each further token; as `ttft_ns`.
    pub tpot_ns: Vec<u64>,
    /// Of `latency_ns`; `null` of none.
    pub statistics: Option<Distribution>,
    /// Requests that ran together, one number a pass, in order.
    pub batches: Vec<u32>,
    /// One a served request, whatever it ran together with.
    pub output_digests: Vec<Digest>,
}

/// What a trial shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialVerdict {
    /// The SLO's share of requests is in time, with 95 % confidence.
    Met,
    /// Not so.
    Missed,
    /// Stopped, because the queue grew past all hope.
    Saturated,
}

/// Whether a cell ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All timed iterations are there.
    Measured,
    /// The machine was not asked to, or cannot.
    NotCovered,
    /// It was tried and went wrong.
    Failed,
}

/// What the self-check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfCheck {
    /// The digest is the suite's.
    Match,
    /// It is another: this machine computes wrongly.
    Mismatch,
    /// There is nothing to compare with.
    None,
}

/// What the machine covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// A row a workload of the suite.
    pub workloads: Vec<WorkloadCoverage>,
    /// A row a demand class.
    pub classes: Vec<ClassCoverage>,
    /// Over the suite's demand mix.
    pub success_ppm: u64,
    /// 95 % interval, rounded outward.
    pub low_ppm: u64,
    /// As `low_ppm`.
    pub high_ppm: u64,
}

/// The probability that a request of a workload succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadCoverage {
    /// Its id.
    pub workload: String,
    /// Its demand class.
    pub class: String,
    /// Its share of the demand mix.
    pub share_ppm: u64,
    /// Timed requests.
    pub requests: u64,
    /// Those within all limits.
    pub within_slo: u64,
    /// 0 where a factor fails.
    pub success_ppm: u64,
    /// Clopper-Pearson, 95 %, rounded outward; 0 where a factor fails.
    pub low_ppm: u64,
    /// As `low_ppm`.
    pub high_ppm: u64,
    /// The first factor that fails; `null` where none does.
    pub failing_factor: Option<Factor>,
}

/// The probability that a request of a class succeeds, and where the others are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCoverage {
    /// Its name.
    pub class: String,
    /// Its share of the demand mix.
    pub share_ppm: u64,
    /// Of the class's demand.
    pub success_ppm: u64,
    /// 95 % interval, rounded outward.
    pub low_ppm: u64,
    /// As `low_ppm`.
    pub high_ppm: u64,
    /// The share of the class's demand that is left after each factor, in the order of their testing.
    pub after: AfterFactor,
    /// What is missing where demand is lost.
    pub missing: Vec<Missing>,
}

/// Shares of demand left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfterFactor {
    /// The model is there and runs.
    pub model_ppm: u64,
    /// And the hardware can hold it.
    pub hardware_ppm: u64,
    /// And it sustains the asked rate.
    pub capacity_ppm: u64,
    /// And enough requests are in time; late ones are lost.
    pub latency_ppm: u64,
    /// And what it computes can be verified.
    pub verified_ppm: u64,
}

/// A loss of demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The workload's id.
    pub workload: String,
    /// The factor that fails.
    pub factor: Factor,
    /// In words.
    pub reason: String,
}

/// What a request needs of one machine; the route is the network's to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The right model, running.
    Model,
    /// Hardware that can hold it.
    Hardware,
    /// The asked rate.
    Capacity,
    /// Its limits of time.
    Latency,
    /// Execution that can be checked.
    Verified,
}

/// A circumstance that speaks against the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// Of what kind.
    pub kind: DoubtKind,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub advice: String,
}

/// Kinds of doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// Other programs used the processors.
    ForeignLoad,
    /// The hypervisor gave processor time to others.
    CpuSteal,
    /// The processors ran slower than they can, by heat or power.
    Throttling,
    /// Memory or arithmetic were not as fast for all cells.
    Unsteady,
    /// The system saves power at the cost of speed.
    Governor,
    /// The machine runs on its battery.
    Battery,
    /// The control group withheld processor time.
    CgroupThrottling,
    /// Memory was written to disk and read again.
    Swap,
    /// The system's clock and the monotonic one disagree.
    ClockJump,
    /// Readings of the clock are slow or coarse, as under some hypervisors.
    ClockSource,
    /// Too few timed requests for the percentile that the SLO asks for.
    TooFewSamples,
    /// The times had not settled when the warm-up ended.
    UnstableWarmUp,
}

/// A W3C Data Integrity proof with exactly these members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `DataIntegrityProof`
    pub r#type: String,
    /// `eddsa-jcs-2022`
    pub cryptosuite: String,
    /// As `started_at`.
    pub created: String,
    /// `operator`, `#`, and its key in multibase.
    #[serde(rename = "verificationMethod")]
    pub verification_method: String,
    /// `assertionMethod`
    #[serde(rename = "proofPurpose")]
    pub proof_purpose: String,
    /// `z` and the base58btc of the signature.
    #[serde(rename = "proofValue")]
    pub proof_value: String,
}
