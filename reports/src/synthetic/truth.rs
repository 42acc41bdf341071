//! What the generator knows of a profile and no reader of it can see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What is true of a profile of a fleet, as the generator knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The profile's file.
    pub file: String,
    /// Who signs, as `did:key`.
    pub operator: String,
    /// The class of the machine; of a copy, of the one that was copied.
    pub class: String,
    /// The machine's commitment, as the profile has it.
    pub machine: Digest,
    /// What the operator says of itself, as this and the three below.
    pub region: String,
    /// The company that houses or connects the machine.
    pub provider: String,
    /// The share of time in which the machine can be reached.
    pub availability_ppm: u64,
    /// In whatever unit.
    pub stake: u64,
    /// What is special about it.
    pub kind: Kind,
    /// The operator whose machine is claimed or whose figures are copied.
    pub of: Option<String>,
    /// By workload: the probability that a request is answered within its limits; 0 where the machine does not answer, or wrongly. Of
    /// a copy, as the copied machine has it.
    pub success_ppm: BTreeMap<String, u64>,
}

/// What is special about a profile of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Ordinary,
    /// It is of a further machine of an operator with several.
    SecondMachine,
    /// Its machine is another operator's too: one machine, measured twice, under two keys.
    SharedMachine,
    /// Its times are those of another operator's profile with a tiny jitter, under another key and commitment.
    NearCopy,
    /// Its times and output digests are those of another operator's profile, under another key and commitment.
    ExactCopy,
    /// Its machine computes wrongly in one workload.
    ComputesWrongly,
}
