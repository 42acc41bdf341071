use crate::Digest;
use crate::canonical_json::NotCanonical;
use crate::did_key::NotAnOperator;
use crate::proof::ProofFault;

/// Why a profile is refused. The text of each says what and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are not the one accepted form of their content.
    #[error("not canonical JSON: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// Another kind of document.
    #[error("kind is `{actual}`, expected `proofmark.coverage_profile`")]
    UnknownKind {
        /// As written.
        actual: String,
    },
    /// Another version of the schema.
    #[error("schema is `{actual}`, this program reads 1.1.0: use the release that wrote it, or a newer one")]
    UnknownSchema {
        /// As written.
        actual: String,
    },
    /// A member is missing, unknown or of another type.
    #[error("{path}: {fact}")]
    Schema {
        /// Where.
        path: String,
        /// What.
        fact: String,
    },
    /// A member is left out that the schema writes as `null`.
    #[error("a member is left out: absent values are written as null")]
    Incomplete,
    /// What is said of machine and program cannot be true together.
    #[error("{fact}")]
    Machine {
        /// What.
        fact: String,
    },
    /// What is said of interruptions cannot be true of one run.
    #[error("{fact}")]
    Sittings {
        /// What.
        fact: String,
    },
    /// There is no signature.
    #[error("proof is absent")]
    NoProof,
    /// The operator is no usable key.
    #[error("operator is refused: {0}")]
    Operator(NotAnOperator),
    /// The proof does not hold.
    #[error(transparent)]
    Proof(ProofFault),
    /// A time is malformed or impossible.
    #[error("{member} is {fact}")]
    Time {
        /// Which.
        member: &'static str,
        /// What is wrong with it.
        fact: String,
    },
    /// The recorded work does not fit into the run.
    #[error("{work_ns} ns of work are recorded in {elapsed_ns} ns between started_at and finished_at")]
    MoreWorkThanTime {
        /// Loading, warm-up and timed iterations.
        work_ns: u128,
        /// From start to finish.
        elapsed_ns: u128,
    },
    /// A challenge of another kind.
    #[error("challenge.kind is `{kind}`, expected `self_issued`")]
    UnknownChallenge {
        /// As written.
        kind: String,
    },
    /// A suite that the verifier does not have.
    #[error("suite {digest} is unknown, this program has {}", known.join(", "))]
    UnknownSuite {
        /// As written.
        digest: Digest,
        /// Name and version of those it has.
        known: Vec<String>,
    },
    /// Name and version belong to another digest.
    #[error("suite is called `{actual}`, its digest is that of `{expected}`")]
    SuiteName {
        /// As written.
        actual: String,
        /// By its digest.
        expected: String,
    },
    /// A cell contradicts the suite or itself.
    #[error("cell {index} ({workload}): {fact}")]
    Cell {
        /// Its place in `cells`.
        index: usize,
        /// Its workload.
        workload: String,
        /// What.
        fact: String,
    },
    /// The coverage is not what the cells give.
    #[error("{at}")]
    Coverage {
        /// The first difference.
        at: String,
    },
}
