//! What an auditor signs.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::in_toto::Predicate;
use crate::schema::v1::Beacon;

/// What an auditor found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPredicate {
    /// SHA-256 of the profile's file.
    pub report_id: Digest,
    /// SHA-256 of its canonical form without proof.
    pub body_digest: Digest,
    /// Of the public random number that decided what was checked; `null` of a private audit.
    pub beacon: Option<Beacon>,
    /// Of a private audit: the auditor's own random number.
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
    /// Answers whose digest is another here.
    pub mismatches: Vec<AnswerMismatch>,
    /// From the audit's start to its end.
    pub duration_ns: u64,
    /// From the profile's `started_at` to its `finished_at`.
    pub original_duration_ns: u64,
    /// Where the auditor computed.
    pub isa: String,
    /// UTC, `2026-11-21T03:45:00Z`.
    pub audited_at: String,
}

impl Predicate for AuditPredicate {
    const TYPE: &'static str = "urn:x-proofmark:audit:v1";
}

/// A cell whose answers were computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The probability that a tenth of its answers could be faked and none of them be among the checked ones.
    pub tenth_missed_ppm: u64,
}

/// A cell that was not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(deny_unknown_fields)]
pub struct AnswerMismatch {
    /// The cell's place in the profile.
    pub cell: u64,
    /// The answer's place in the cell.
    pub place: u64,
    /// By the profile.
    pub stated: Digest,
    /// By the auditor; `null` where a stated token is not the model's.
    pub computed: Option<Digest>,
}
