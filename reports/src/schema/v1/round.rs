//! What one process measured of a cell.

use serde::{Deserialize, Serialize};

use super::{AcceleratorReadings, Ceilings, Doubt};
use crate::Digest;
#[cfg(test)]
use crate::schema::form;

/// What one process measured of a cell. A run goes through all cells, then through all of them again: what differs between processes
/// and from minute to minute shows between a cell's rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Counted from 0; raised each time the run was killed during this round.
    pub attempt: u32,
    /// As the profile's, from a tenth of the time just before the round: whether the machine was as fast for all of them.
    pub ceilings: Option<Ceilings>,
    /// From start of loading to its end.
    pub load_ns: u64,
    /// Untimed iterations before the timed ones.
    pub warm_up: WarmUp,
    /// The seed of the first timed iteration.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub seed_0: Digest,
    /// Every timed iteration, in order.
    pub latency_ns: Vec<u64>,
    /// Time to first token; of generation, as `latency_ns`, else empty.
    pub ttft_ns: Vec<u64>,
    /// Mean time of each further token; as `ttft_ns`.
    pub tpot_ns: Vec<u64>,
    /// One an iteration, in order.
    #[cfg_attr(test, schemars(with = "Vec<form::Digest>"))]
    pub output_digests: Vec<Digest>,
    /// The chain's head after the round; after the last one's, the trials of the cell's capacity included.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub chain_head: Digest,
    /// The process's largest resident set.
    pub peak_memory_bytes: Option<u64>,
    /// How the GPU was; `null` on the processor.
    pub accelerator: Option<AcceleratorReadings>,
    /// What was seen of the machine meanwhile.
    pub doubts: Vec<Doubt>,
}

/// What was run before timing; the first iteration is the self-check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
