//! Circumstances that speak against figures.

use serde::{Deserialize, Serialize};

/// A circumstance that speaks against the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// Other programs used the processors.
    ForeignLoad,
    /// The hypervisor gave processor time to others.
    CpuSteal,
    /// The processors ran slower than they can, by heat or power.
    Throttling,
    /// Memory or arithmetic were not as fast for all rounds.
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
    /// Too few timed requests to show that the SLO's share of them is in time.
    TooFewSamples,
    /// The times had not settled when the warm-up ended.
    UnstableWarmUp,
}
