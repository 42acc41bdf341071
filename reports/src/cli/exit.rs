//! Exit codes, and the failures that carry them.

use std::fmt;
use std::process::ExitCode;

/// How the program ends. The numbers are part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All done, nothing refused.
    Ok = 0,
    /// A check said no: a profile was refused, or this machine computes wrongly.
    CheckFailed = 1,
    /// The command line is not understood.
    Usage = 2,
    /// Something is slower, larger or no longer served.
    Regression = 3,
    /// Exact arithmetic gives other bits than before.
    DigestChanged = 4,
    /// The machine is too noisy to judge.
    TooNoisy = 5,
    /// Something given as input cannot be read or is not what it should be: suite, weights, profile.
    BadInput = 10,
    /// The result cannot be written.
    CannotWrite = 11,
    /// The key cannot be read, made or used.
    BadKey = 12,
    /// The profile was written, but some cells failed.
    CellsFailed = 13,
    /// A fault of the program's own.
    Internal = 70,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// An error with its exit code and what to do about it.
#[derive(Debug)]
pub struct Failure {
    outcome: Outcome,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// A failure that ends the program with `outcome`.
    pub fn new(outcome: Outcome, error: impl Into<anyhow::Error>) -> Self {
        Self { outcome, error: error.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How the program ends.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

impl fmt::Display for Failure {
    /// One line: what, why, and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:#}", self.error);
        write!(f, "{}", text.split_whitespace().collect::<Vec<_>>().join(" "))?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Outcome::Internal, error)
    }
}
