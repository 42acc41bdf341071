//! What a machine covers of the demand.

use serde::{Deserialize, Serialize};

/// What the machine covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
