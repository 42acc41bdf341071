//! Coverage profile, version 1. Member names and meanings stay within the major version; unknown members are refused,
//! except below `extensions`.
//!
//! All numbers are integers, the unit in the name: `_ns` nanoseconds, `_bytes` bytes, `_ppm` millionths. Absent values are
//! `null`, so that every member is always there.

mod accelerator;
mod capacity;
mod cell;
mod challenge;
mod coverage;
mod doubt;
mod profile_summary;
mod round;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Digest;
use crate::document::Document;
#[cfg(test)]
use crate::{proof, schema::form};

pub use accelerator::{Accelerator, AcceleratorReading, AcceleratorReadings};
pub use capacity::{Capacity, CapacityBasis, Trial, TrialVerdict};
pub use cell::{
    Bound, Cell, CellStatistics, Distribution, Limit, Obstacle, PROCESSOR, Roofline, SelfCheck, Status,
    Weights,
};
pub use challenge::{Beacon, Challenge, NetworkChallenge, Receipt};
pub use coverage::{AfterFactor, ClassCoverage, Coverage, Factor, Missing, WorkloadCoverage};
pub use doubt::{Doubt, DoubtKind};
pub use profile_summary::{CoverageSummary, ProfileSummary};
pub use round::{Round, WarmUp};

/// `kind` of a profile.
pub const KIND: &str = "proofmark.coverage_profile";
/// The schema that this program writes.
pub const SCHEMA: &str = "1.4.0";

/// What a machine was measured to serve, signed by its operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind of document.
    #[cfg_attr(test, schemars(extend("const" = Self::KIND)))]
    pub kind: String,
    /// The version of its schema.
    #[cfg_attr(test, schemars(extend("const" = Self::SCHEMA)))]
    pub schema: String,
    /// What was run.
    pub suite: SuiteReference,
    /// The signer, as `did:key`.
    #[cfg_attr(test, schemars(with = "form::DidKey"))]
    pub operator: String,
    /// What it ran on.
    pub machine: Machine,
    /// What ran it.
    pub harness: Harness,
    /// What bound the run to a time.
    pub challenge: Challenge,
    /// UTC, `2026-11-21T03:45:00Z`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub started_at: String,
    /// As `started_at`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub finished_at: String,
    /// The first, and one more each time the run was resumed; what lies between counts as elapsed.
    pub sittings: Vec<Sitting>,
    /// What memory and arithmetic of the cells' device reach at most; `null` where they could not be measured.
    pub ceilings: Option<Ceilings>,
    /// One a planned workload, in the order of the suite.
    pub cells: Vec<Cell>,
    /// Derived from `cells` and the suite.
    pub coverage: Coverage,
    /// Circumstances that speak against the figures.
    pub doubts: Vec<Doubt>,
    /// Free members of the operator's.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, form::Free>"))]
    pub extensions: Map<String, Value>,
    /// The signature; left out only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Proof"))]
    pub proof: Option<Proof>,
}

impl Document for Profile {
    const KIND: &'static str = KIND;
    const SCHEMA: &'static str = SCHEMA;
    const SIGNER: &'static str = "operator";

    fn signer(&self) -> &str {
        &self.operator
    }

    fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref()
    }

    fn set_proof(&mut self, proof: Option<Proof>) {
        self.proof = proof;
    }
}

/// Names a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SuiteReference {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub digest: Digest,
}

/// The machine as the harness saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// One value a machine, whatever key signs: a hash of the machine's own id.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
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
    /// GPUs that cells ran on, in the order of their numbers; none where the processor did.
    pub accelerators: Vec<Accelerator>,
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

impl Machine {
    /// The GPU of that name, if the machine has one.
    #[must_use]
    pub fn accelerator(&self, device: &str) -> Option<&Accelerator> {
        self.accelerators.iter().find(|accelerator| accelerator.device == device)
    }

    /// Memory that was free for the run on a device.
    #[must_use]
    pub fn available_bytes_on(&self, device: &str) -> u64 {
        self.accelerator(device).map_or(self.available_memory_bytes, |gpu| gpu.available_memory_bytes)
    }
}

/// The monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sitting {
    /// As the profile's.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub started_at: String,
    /// The round that it began in, from 0; the number of rounds if nothing was left to measure.
    pub first_round: u64,
    /// The index of the cell that it began with.
    pub first_cell: u64,
}

/// Upper bounds on speed, measured with all threads of the run: the two sides of the roofline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// Sustained reading of memory far larger than the caches.
    pub read_bytes_per_s: u64,
    /// f32 operations with the instruction set of the exact kernels; a multiply-add counts two.
    pub f32_flops_per_s: u64,
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Harness {
    /// Its version.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub git_commit: String,
    /// SHA-256 of the executable.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub binary_digest: Digest,
    /// The compiler.
    pub rustc: String,
    /// Versions of the crates that decide native arithmetic, by name.
    pub crates: std::collections::BTreeMap<String, String>,
    /// The instruction set of the exact kernels.
    pub isa: String,
}

/// A W3C Data Integrity proof with exactly these members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `DataIntegrityProof`
    #[cfg_attr(test, schemars(extend("const" = proof::TYPE)))]
    pub r#type: String,
    /// `eddsa-jcs-2022`
    #[cfg_attr(test, schemars(extend("const" = proof::CRYPTOSUITE)))]
    pub cryptosuite: String,
    /// When it was made. UTC, `2026-11-21T03:45:00Z`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub created: String,
    /// The signer, `#`, and its key in multibase.
    #[serde(rename = "verificationMethod")]
    #[cfg_attr(test, schemars(with = "form::VerificationMethod"))]
    pub verification_method: String,
    /// `assertionMethod`
    #[serde(rename = "proofPurpose")]
    #[cfg_attr(test, schemars(extend("const" = proof::PURPOSE)))]
    pub proof_purpose: String,
    /// `z` and the base58btc of the signature.
    #[serde(rename = "proofValue")]
    #[cfg_attr(test, schemars(with = "form::Signature"))]
    pub proof_value: String,
}
