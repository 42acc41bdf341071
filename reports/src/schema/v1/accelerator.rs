//! GPUs.

use serde::{Deserialize, Serialize};

/// A GPU that cells ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Accelerator {
    /// As cells name it: `cuda:0`.
    pub device: String,
    /// As its driver names it.
    pub model: String,
    /// What its instructions are: `9.0`.
    pub compute_capability: String,
    /// Parts that run side by side.
    pub multiprocessors: u32,
    /// Its memory.
    pub memory_bytes: u64,
    /// Of that, what was free when the run began.
    pub available_memory_bytes: u64,
    /// Whether its memory corrects errors; `null` if unknown.
    pub has_ecc: Option<bool>,
    /// The newest CUDA that its driver knows: `13.0`; `null` if unknown.
    pub cuda_version: Option<String>,
    /// Its driver's version; `null` if unknown.
    pub driver_version: Option<String>,
}

/// How a GPU was around a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceleratorReadings {
    /// Just before.
    pub before: AcceleratorReading,
    /// Just after.
    pub after: AcceleratorReading,
    /// The most of its memory that the cell's process held, for model and activations; `null` if unknown.
    pub peak_memory_bytes: Option<u64>,
}

/// How a GPU is at one moment; what is not known is `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceleratorReading {
    /// Clock of its multiprocessors.
    pub sm_clock_mhz: Option<u32>,
    /// Clock of its memory.
    pub memory_clock_mhz: Option<u32>,
    /// Of the chip.
    pub temperature_celsius: Option<u32>,
    /// What it draws.
    pub power_milliwatts: Option<u32>,
    /// Why it does not clock higher, by NVML's names, ascending.
    pub throttle_reasons: Option<Vec<String>>,
    /// Processes beside the cell's that compute on it.
    pub other_processes: Option<u32>,
}
