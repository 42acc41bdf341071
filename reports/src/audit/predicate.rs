//! What an auditor signs.

use serde::{Deserialize, Serialize};

use crate::in_toto::Predicate;
#[cfg(test)]
use crate::schema::form;
use crate::schema::v1::{Beacon, Profile, Receipt};
use crate::{Digest, Timestamp};

/// Mismatches of a cell that are listed.
pub const MAX_MISMATCHES: usize = 16;

/// What an auditor found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditPredicate {
    /// SHA-256 of the profile's file.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub report_id: Digest,
    /// SHA-256 of its canonical form without proof.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub body_digest: Digest,
    /// Of a public audit: the first round after the receipt, whose random number decided what was checked.
    pub beacon: Option<Beacon>,
    /// Of a public audit: the network's receipt for the profile.
    pub receipt: Option<Box<Receipt>>,
    /// Of a private audit: the auditor's own random number.
    #[cfg_attr(test, schemars(with = "Option<form::Digest>"))]
    pub nonce: Option<Digest>,
    /// Answers asked of each cell; all of them where it has fewer.
    pub answers_a_cell: u64,
    /// What was checked, by cell.
    pub indices: Vec<CheckedCell>,
    /// Cells that were measured and not checked.
    pub skipped: Vec<SkippedCell>,
    /// Answers that were checked.
    pub steps_checked: u64,
    /// Answers of all measured cells.
    pub steps_total: u64,
    /// Answers that are others here.
    pub steps_mismatched: u64,
    /// The first 16 of them of each cell.
    pub mismatches: Vec<AnswerMismatch>,
    /// From the audit's start to its end.
    pub duration_ns: u64,
    /// From the profile's `started_at` to its `finished_at`.
    pub original_duration_ns: u64,
    /// Where the auditor computed: an instruction set of the processor, or a GPU, by its place and what it is.
    pub isa: String,
    /// UTC, `2026-11-21T03:45:00Z`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub audited_at: String,
}

impl Predicate for AuditPredicate {
    const TYPE: &'static str = "urn:x-proofmark:audit:v1";
}

impl AuditPredicate {
    /// The probability that the checked cell with the worst odds has a tenth of its answers faked and none of them be checked.
    #[must_use]
    pub fn tenth_missed_ppm(&self) -> Option<u64> {
        self.indices.iter().map(|cell| cell.tenth_missed_ppm).max()
    }
}

/// What a run took by its own clock, 0 where its times cannot be read.
#[must_use]
pub fn original_duration_ns(profile: &Profile) -> u64 {
    let [from, to] = [&profile.started_at, &profile.finished_at].map(|text| text.parse::<Timestamp>().ok());
    let elapsed = from.zip(to).and_then(|(from, to)| to.since(from)).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// A cell whose answers were computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckedCell {
    /// Its place in the profile.
    pub cell: u64,
    /// Its workload.
    pub workload: String,
    /// How many answers it has.
    pub answers: u64,
    /// Which were checked, ascending.
    pub places: Vec<u64>,
    /// How many of them are others here.
    pub mismatched: u64,
    /// Of a cell in native numerics: how far its sketches may be from exact outputs, and how far they are; `null` of an exact one,
    /// which is compared bit for bit.
    pub tolerance: Option<Tolerance>,
    /// The probability that a tenth of its answers could be faked and none of them be among the checked ones.
    pub tenth_missed_ppm: u64,
}

/// How a cell in native numerics was compared: by the distance of its sketches from exact outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Farther, and it is another computation.
    pub tolerance_ppm: u64,
    /// Of the answers that were checked.
    pub largest_distance_ppm: u64,
}

/// A cell that was not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SkippedCell {
    /// Its place in the profile.
    pub cell: u64,
    /// Its workload.
    pub workload: String,
    /// Why.
    pub reason: String,
}

/// An answer that another machine does not give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerMismatch {
    /// The cell's place in the profile.
    pub cell: u64,
    /// The answer's place in the cell.
    pub place: u64,
    /// By the profile.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub stated: Digest,
    /// By the auditor; `null` in native numerics, and where the cell's weights are not the suite's.
    #[cfg_attr(test, schemars(with = "Option<form::Digest>"))]
    pub computed: Option<Digest>,
    /// How far its sketch is; `null` in exact numerics.
    pub distance_ppm: Option<u64>,
}
