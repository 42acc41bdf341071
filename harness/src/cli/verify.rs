use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use proofmark_reports::Timestamp;
use proofmark_reports::verify::{Context, Verification, verify};

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
        let mut verifications = Vec::new();
        for file in &self.files {
            verifications.push((file, verify(&suite_file::read_bounded(file)?, context)));
        }
        let all_valid = verifications.iter().all(|(_, verification)| verification.is_valid());
        match self.output {
            OutputFormat::Table => {
                for (file, verification) in &verifications {
                    print(&table(&file.display().to_string(), verification))?;
                }
            }
            OutputFormat::Json => {
                let rows: Vec<_> = verifications
                    .iter()
                    .map(|(file, verification)| json(&file.display().to_string(), verification))
                    .collect();
                print(&format!("{:#}\n", serde_json::Value::Array(rows)))?;
            }
        }
        Ok(if all_valid { Outcome::Ok } else { Outcome::CheckFailed })
    }
}

fn json(file: &str, verification: &Verification) -> serde_json::Value {
    serde_json::json!({
        "file": file,
        "report_id": verification.report_id,
        "body_digest": verification.body_digest,
        "valid": verification.is_valid(),
        "reasons": verification.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn table(file: &str, verification: &Verification) -> String {
    let mut text = match &verification.profile {
        Some(profile) if verification.is_valid() => format!(
            "{file}: valid\n  report   {}\n  operator {}\n  suite    {} {}\n  covers   {}\n  means    form, signature \
             and arithmetic hold; self-issued, so neither the date nor the\n           latencies are proven, and outputs \
             only by an audit that runs them again\n",
            verification.report_id,
            profile.operator,
            profile.suite.name,
            profile.suite.version,
            crate::summary::share(&profile.coverage),
        ),
        _ => format!("{file}: REFUSED\n  report   {}\n", verification.report_id),
    };
    for reason in &verification.reasons {
        text += &format!("  - {reason}\n");
    }
    text
}
