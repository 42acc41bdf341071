//! The result of one workload.

use serde::{Deserialize, Serialize};

use proofmark_workloads::Workload;

use super::{Capacity, Doubt, Round};
use crate::Digest;
#[cfg(test)]
use crate::schema::form;

/// The processor, as a device.
pub const PROCESSOR: &str = "cpu";

/// The result of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Its id in the suite.
    pub workload: String,
    /// What the model is used for, as the suite names it: `generation`, `image_classification`, ..
    pub task: String,
    /// The model's name in the suite.
    pub model: String,
    /// What was loaded, in all rounds the same; `null` unless something was.
    pub weights: Option<Weights>,
    /// `exact/1`, `exact/q8` or `native`.
    pub numerics: String,
    /// `f32`
    pub precision: String,
    /// `cpu`, or a GPU of the machine: `cuda:0`
    pub device: String,
    /// Threads that computed.
    pub threads: u32,
    /// Sequences a request.
    pub batch: u32,
    /// Whether it ran.
    pub status: Status,
    /// Why it did not run, or failed.
    pub reason: Option<String>,
    /// What was in the way, if it did not run.
    pub obstacle: Option<Obstacle>,
    /// What its processes measured, in the order of time; of a failed cell, those that ended well.
    pub rounds: Vec<Round>,
    /// Of the times of all rounds.
    pub statistics: Option<CellStatistics>,
    /// Where the median latency stands below the ceilings.
    pub roofline: Option<Roofline>,
    /// The output digest for the suite's fixed seed, in all rounds the same.
    #[cfg_attr(test, schemars(with = "Option<form::Digest>"))]
    pub self_check_digest: Option<Digest>,
    /// Of native cells, once their outputs are committed for audit.
    #[cfg_attr(test, schemars(with = "Option<form::Digest>"))]
    pub output_sketch_root: Option<Digest>,
    /// The rate that it sustains.
    pub capacity: Option<Capacity>,
    /// Whether `self_check_digest` is the suite's.
    pub self_check: SelfCheck,
    /// Circumstances that speak against this cell's figures.
    pub doubts: Vec<Doubt>,
}

impl Cell {
    /// A cell before anything is known of it but what the plan says.
    #[must_use]
    pub fn planned(workload: &Workload, threads: u32) -> Self {
        Self {
            workload: workload.id.clone(),
            task: workload.shape.task().to_string(),
            model: workload.model.name.clone(),
            weights: None,
            numerics: workload.numerics.to_string(),
            precision: workload.precision.clone(),
            device: PROCESSOR.to_owned(),
            threads,
            batch: workload.shape.batch(),
            status: Status::Measured,
            reason: None,
            obstacle: None,
            rounds: Vec::new(),
            statistics: None,
            roofline: None,
            self_check_digest: None,
            output_sketch_root: None,
            capacity: None,
            self_check: SelfCheck::None,
            doubts: Vec::new(),
        }
    }

    /// The number of timed iterations.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.rounds.iter().map(|round| round.latency_ns.len() as u64).sum()
    }

    /// Every timed iteration's latency, round by round.
    #[must_use]
    pub fn latency_ns(&self) -> Vec<u64> {
        self.rounds.iter().flat_map(|round| &round.latency_ns).copied().collect()
    }

    /// Every time to first token; as [`Self::latency_ns`], empty outside generation.
    #[must_use]
    pub fn ttft_ns(&self) -> Vec<u64> {
        self.rounds.iter().flat_map(|round| &round.ttft_ns).copied().collect()
    }

    /// Every mean time of the further tokens; as [`Self::ttft_ns`].
    #[must_use]
    pub fn tpot_ns(&self) -> Vec<u64> {
        self.rounds.iter().flat_map(|round| &round.tpot_ns).copied().collect()
    }

    /// The largest resident set of its processes, as far as known.
    #[must_use]
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        self.rounds.iter().filter_map(|round| round.peak_memory_bytes).max()
    }

    /// The most of a GPU's memory that its processes held, as far as known.
    #[must_use]
    pub fn peak_accelerator_memory_bytes(&self) -> Option<u64> {
        let readings = self.rounds.iter().filter_map(|round| round.accelerator.as_ref());
        readings.filter_map(|readings| readings.peak_memory_bytes).max()
    }
}

/// Why a machine was not asked to run a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The least.
    pub min_ns: u64,
    /// By order statistic.
    pub median_ns: u64,
    /// Between the medians of the rounds: 95 %, distribution-free; `null` below six rounds.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Roofline {
    /// The least time that the ceilings allow for a request, as a share of the median latency.
    pub share_ppm: u64,
    /// What that least time is spent on for the larger part.
    pub bound: Bound,
}

/// The sides of the roofline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Reading weights, keys and values.
    Memory,
    /// Multiply-adds.
    Compute,
}

/// Source and digest of weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// `synthetic` or `hub`, as the suite has it, or `local`.
    pub source: String,
    /// Of the tensors as loaded (`EXACT.md`, section 11).
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub digest: Digest,
}

/// Whether a cell ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All rounds are there.
    Measured,
    /// The machine was not asked to, or cannot.
    NotCovered,
    /// It was tried and went wrong.
    Failed,
}

/// What the self-check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SelfCheck {
    /// The digest is the suite's.
    Match,
    /// It is another: this machine computes wrongly.
    Mismatch,
    /// There is nothing to compare with.
    None,
}
