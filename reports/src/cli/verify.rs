use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Timestamp;
use crate::audit::Randomness;
use crate::beacon::BeaconRound;
use crate::schema::v1::{Challenge, NetworkChallenge, Profile, Receipt};
use crate::synthetic::is_synthetic;
use crate::verify::{Audited, Context, LatencyStanding, Proven, Verification, verify};
use crate::words::{self, share};
use clap::Args;
use serde_json::Value;

use super::in_order::in_order;
use super::profile_files::{ProfileFiles, Unreadable};
use super::{Failure, Outcome, OutputFormat, document_file, print, suite_file};

/// Check profiles: form, signature, and agreement with their own data
#[derive(Debug, Args)]
pub struct Verify {
    /// Profiles; of a folder all files *.json inside, at any depth
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
    /// A further suite that profiles may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
    /// The challenge that the profiles must answer
    #[arg(long, value_name = "FILE")]
    challenge: Option<PathBuf>,
    /// The network's receipt for the profile; one a run of this command
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// The operator's in-toto statement about the profile, in its envelope; one a run of this command
    #[arg(long, value_name = "FILE")]
    in_toto: Option<PathBuf>,
    /// An audit of the profile by somebody who is believed; any number, all of one profile
    #[arg(long, value_name = "FILE")]
    audit: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

impl Verify {
    /// Prints the verdict on every file.
    ///
    /// # Errors
    /// When something beside the profiles cannot be read, or the verdicts cannot be written.
    pub fn run(self) -> Result<Outcome, Failure> {
        let suites = suite_file::known(&self.suite)?;
        let challenge = self.challenge.as_deref().map(document_file::load::<NetworkChallenge>).transpose()?;
        let receipt = self.receipt.as_deref().map(document_file::load::<Receipt>).transpose()?;
        let statement = self.in_toto.as_deref().map(suite_file::read_bounded).transpose()?;
        let read = |path: &PathBuf| suite_file::read_bounded(path);
        let audits = self.audit.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let audits: Vec<&[u8]> = audits.iter().map(Vec::as_slice).collect();
        let context = Context {
            challenge: challenge.as_ref(),
            receipt: receipt.as_ref(),
            statement: statement.as_deref(),
            audits: &audits,
            ..Context::new(&suites, Timestamp::of(SystemTime::now()))
        };
        let mut outcome = Outcome::Ok;
        let mut rows = Rows::begin(self.output)?;
        in_order(
            ProfileFiles::named(&self.files),
            |found| Row::of(found, context, self.output, self.in_toto.as_deref()),
            |row| {
                outcome = worse(outcome, row.outcome);
                rows.add(&row.text)
            },
        )?;
        rows.end()?;
        Ok(outcome)
    }
}

/// What cannot be read weighs more than what is refused.
fn worse(a: Outcome, b: Outcome) -> Outcome {
    if (a as u8) < b as u8 { b } else { a }
}

/// Rows as they come: one after another, or as members of one array.
struct Rows {
    output: OutputFormat,
    count: u64,
}

impl Rows {
    fn begin(output: OutputFormat) -> Result<Self, Failure> {
        if output == OutputFormat::Json {
            print("[")?;
        }
        Ok(Self { output, count: 0 })
    }

    fn add(&mut self, row: &str) -> Result<(), Failure> {
        self.count += 1;
        match self.output {
            OutputFormat::Table => print(row),
            OutputFormat::Json => {
                let separator = if self.count > 1 { "," } else { "" };
                print(&format!("{separator}\n  {}", row.replace('\n', "\n  ")))
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        match self.output {
            OutputFormat::Table => Ok(()),
            OutputFormat::Json => print(if self.count > 0 { "\n]\n" } else { "]\n" }),
        }
    }
}

/// What is printed of one file.
struct Row {
    outcome: Outcome,
    text: String,
}

impl Row {
    fn of(
        found: Result<PathBuf, Unreadable>,
        context: Context<'_>,
        output: OutputFormat,
        in_toto: Option<&Path>,
    ) -> Self {
        let (path, verdict) = match found {
            Ok(path) => match suite_file::read_bounded(&path) {
                Ok(bytes) => (path, Verdict::from(verify(&bytes, context))),
                Err(failure) => (path, Verdict::Unreadable(failure)),
            },
            Err(Unreadable { path, failure }) => (path, Verdict::Unreadable(failure)),
        };
        let name = path.display().to_string();
        let text = match output {
            OutputFormat::Table => verdict.table(&name, in_toto),
            OutputFormat::Json => format!("{:#}", verdict.json(&name)),
        };
        Self { outcome: verdict.outcome(), text }
    }
}

/// What is said of one file.
pub(super) enum Verdict {
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
    fn outcome(&self) -> Outcome {
        match self {
            Self::Valid(_) => Outcome::Ok,
            Self::Refused(_) => Outcome::CheckFailed,
            Self::Unreadable(_) => Outcome::BadInput,
        }
    }

    pub(super) fn json(&self, file: &str) -> Value {
        let (held, reasons) = match self {
            Self::Valid(verification) | Self::Refused(verification) => {
                let reasons: Vec<String> = verification.reasons.iter().map(ToString::to_string).collect();
                (Some(verification), reasons)
            }
            Self::Unreadable(failure) => (None, vec![failure.to_string()]),
        };
        serde_json::json!({
            "file": file,
            "report_id": held.map(|held| held.report_id),
            "body_digest": held.and_then(|held| held.body_digest),
            "valid": matches!(self, Self::Valid(_)),
            "begun_after": held.and_then(|held| held.begun_after).map(round),
            "proven": held.and_then(|held| held.proven).map(proven),
            "audits": held.map(|held| held.audits.iter().map(audited).collect::<Vec<_>>()).unwrap_or_default(),
            "reasons": reasons,
        })
    }

    pub(super) fn table(&self, file: &str, in_toto: Option<&Path>) -> String {
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
                let mut text = format!(
                    "{file}: valid\n  report   {}\n  operator {}\n  suite    {} {}\n  covers   {}\n",
                    verification.report_id,
                    profile.operator,
                    profile.suite.name,
                    profile.suite.version,
                    share(&profile.coverage),
                );
                for line in meaning(profile, verification) {
                    text += &format!("  means    {line}\n");
                }
                for audited in &verification.audits {
                    for line in words::audited(audited) {
                        text += &format!("  audited  {line}\n");
                    }
                }
                if let Some(statement) = in_toto.map(Path::display) {
                    text += &format!("  in-toto  {statement} is the operator's statement about this file\n");
                }
                text
            }
        }
    }
}

fn round(round: BeaconRound) -> Value {
    serde_json::json!({ "drand_round": round.number(), "time": round.time().to_string() })
}

fn proven(proven: Proven) -> Value {
    serde_json::json!({
        "elapsed_ns": u64::try_from(proven.elapsed_ns).ok(),
        "steps": proven.steps,
        "mean_step_ns_at_most": proven.mean_step_ns_at_most.and_then(|ns| u64::try_from(ns).ok()),
        "accounted_ppm": proven.accounted_ppm,
        "latency": match proven.latency {
            LatencyStanding::Accounted => "accounted",
            LatencyStanding::Unproven => "unproven",
        },
    })
}

fn audited(audited: &Audited) -> Value {
    let Audited { auditor, randomness, predicate } = audited;
    let (kind, drawn_by) = match randomness {
        Randomness::Private { .. } => ("private", None),
        Randomness::Public { round, .. } => ("public", Some(self::round(*round))),
    };
    serde_json::json!({
        "auditor": auditor,
        "kind": kind,
        "drawn_by": drawn_by,
        "steps_checked": predicate.steps_checked,
        "steps_total": predicate.steps_total,
        "cells_checked": predicate.indices.len(),
        "cells_skipped": predicate.skipped.len(),
        "mismatches": predicate.mismatches.len(),
        "tenth_missed_ppm": predicate.tenth_missed_ppm(),
    })
}

/// What is proven, and what is not.
fn meaning(profile: &Profile, verification: &Verification) -> Vec<String> {
    let mut lines = Vec::new();
    if is_synthetic(profile) {
        lines.push("says that it is synthetic: no machine stands behind it".to_owned());
    }
    lines.push(
        "form, signature and arithmetic hold; outputs are proven only by an audit that runs them again"
            .to_owned(),
    );
    match (&profile.challenge, &verification.proven) {
        (Challenge::SelfIssued { .. }, _) => {
            lines.push("self-issued: neither the date nor the latencies are proven".to_owned());
        }
        (Challenge::Network { document }, Some(proven)) => {
            lines.extend(words::proven(proven, &document.network));
        }
        (Challenge::Network { document }, None) => lines.push(format!(
            "answers a challenge of {}, made {}; without its receipt nothing bounds how long that took",
            document.network, document.not_before
        )),
    }
    lines.extend(verification.begun_after.as_ref().map(words::begun_after));
    lines
}
