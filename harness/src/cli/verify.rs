use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use proofmark_reports::Timestamp;
use proofmark_reports::verify::{Context, Verification, verify};
use proofmark_reports::words::share;

use serde_json::Value;

use super::{OutputFormat, print};
use crate::{Failure, Outcome, suite_file};

/// Check profiles: form, signature, and agreement with their own data
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Profiles
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A further suite that profiles may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

impl Verify {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let suites = suite_file::known(&self.suite)?;
        let context = Context { suites: &suites, now: Timestamp::of(SystemTime::now()) };
        let mut outcome = Outcome::Ok;
        let mut rows = Vec::new();
        for file in &self.files {
            let name = file.display().to_string();
            let verdict = match suite_file::read_bounded(file) {
                Ok(bytes) => Verdict::from(verify(&bytes, context)),
                Err(failure) => Verdict::Unreadable(failure),
            };
            outcome = match (&verdict, outcome) {
                (Verdict::Unreadable(_), _) | (_, Outcome::BadInput) => Outcome::BadInput,
                (Verdict::Refused(_), _) | (_, Outcome::CheckFailed) => Outcome::CheckFailed,
                _ => Outcome::Ok,
            };
            match self.output {
                OutputFormat::Table => print(&verdict.table(&name))?,
                OutputFormat::Json => rows.push(verdict.json(&name)),
            }
        }
        if self.output == OutputFormat::Json {
            print(&format!("{:#}\n", Value::Array(rows)))?;
        }
        Ok(outcome)
    }
}

/// What is said of one file.
enum Verdict {
    Valid(Box<Verification>),
    Refused(Box<Verification>),
    Unreadable(Failure),
}

impl From<Verification> for Verdict {
    fn from(verification: Verification) -> Self {
        if verification.is_valid() {
            Self::Valid(verification.into())
        } else {
            Self::Refused(verification.into())
        }
    }
}

impl Verdict {
    fn json(&self, file: &str) -> Value {
        let (report_id, body_digest, reasons) = match self {
            Self::Valid(verification) | Self::Refused(verification) => {
                let reasons: Vec<String> = verification.reasons.iter().map(ToString::to_string).collect();
                (Some(verification.report_id), verification.body_digest, reasons)
            }
            Self::Unreadable(failure) => (None, None, vec![failure.to_string()]),
        };
        serde_json::json!({
            "file": file,
            "report_id": report_id,
            "body_digest": body_digest,
            "valid": matches!(self, Self::Valid(_)),
            "reasons": reasons,
        })
    }

    fn table(&self, file: &str) -> String {
        match self {
            Self::Unreadable(failure) => format!("{file}: UNREADABLE\n  - {failure}\n"),
            Self::Refused(verification) => {
                let reasons = verification.reasons.iter().map(|reason| format!("  - {reason}\n"));
                format!(
                    "{file}: REFUSED\n  report   {}\n{}",
                    verification.report_id,
                    reasons.collect::<String>()
                )
            }
            Self::Valid(verification) => {
                let Some(profile) = &verification.profile else { return String::new() };
                format!(
                    "{file}: valid\n  report   {}\n  operator {}\n  suite    {} {}\n  covers   {}\n  means    form, signature \
                     and arithmetic hold; self-issued, so neither the date nor the\n           latencies are proven, and \
                     outputs only by an audit that runs them again\n",
                    verification.report_id,
                    profile.operator,
                    profile.suite.name,
                    profile.suite.version,
                    share(&profile.coverage),
                )
            }
        }
    }
}
