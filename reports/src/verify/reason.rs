use crate::Digest;
use crate::document::DocumentFault;

/// Why a profile is refused. The text of each says what and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Form, signer or signature do not hold.
    #[error(transparent)]
    Document(#[from] DocumentFault),
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
    /// The challenge does not hold, or the run does not answer it.
    #[error("challenge: {fact}")]
    Challenge {
        /// What.
        fact: String,
    },
    /// The receipt does not hold, or is of something else.
    #[error("receipt: {fact}")]
    Receipt {
        /// What.
        fact: String,
    },
    /// The in-toto statement does not hold, or is about something else.
    #[error("statement: {fact}")]
    Statement {
        /// What.
        fact: String,
    },
    /// An audit does not hold or is of something else; or it holds, and answers differ.
    #[error("audit {number}{}: {fact}", by(.auditor.as_deref()))]
    Audit {
        /// Its place among the given ones, from 1.
        number: usize,
        /// Who signed, if that could be read.
        auditor: Option<String>,
        /// What.
        fact: String,
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

fn by(auditor: Option<&str>) -> String {
    auditor.map(|auditor| format!(" by {auditor}")).unwrap_or_default()
}
