//! `compare --same-machine`: a gate for whoever runs a machine.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::anyhow;
use proofmark_workloads::Suite;

use super::suite_file::read_bounded;
use super::verify::Verdict;
use super::{Failure, Outcome, print};
use crate::Timestamp;
use crate::change::{Floor, Run, change};
use crate::schema::change::{Change, Conclusion};
use crate::synthetic::is_synthetic;
use crate::table;
use crate::verify::{Context, Verification, verify};

/// The floor without `--floor`, in percent.
const FLOOR_PERCENT: f64 = 3.0;

/// As what it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeFace {
    Table,
    Json,
    Md,
}

/// Two profiles of one machine, and how to judge them.
pub(super) struct SameMachine<'a> {
    pub(super) profiles: &'a [PathBuf],
    pub(super) suites: &'a [Suite],
    pub(super) floor_percent: Option<f64>,
    pub(super) synthetic: Synthetic,
    pub(super) face: ChangeFace,
}

/// What becomes of profiles that no machine stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Synthetic {
    Taken,
    Refused,
}

impl SameMachine<'_> {
    /// Prints what changed; what `verify` refuses is printed as by `verify`.
    pub(super) fn run(&self) -> Result<Outcome, Failure> {
        let [old, new] = self.profiles else {
            let error = anyhow!("--same-machine takes two profiles, not {}", self.profiles.len());
            return Err(Failure::new(Outcome::Usage, error).hint("compare OLD.json NEW.json --same-machine"));
        };
        let read = [self.read(old)?, self.read(new)?];
        let refused: Vec<&Read> = read.iter().filter(|read| !read.verification.is_valid()).collect();
        if !refused.is_empty() {
            print(&self.refusals(&refused))?;
            return Ok(Outcome::CheckFailed);
        }
        let [old, new] = [self.held(&read[0])?, self.held(&read[1])?];
        for run in [old, new].iter().filter(|run| is_synthetic(run.profile)) {
            if self.synthetic == Synthetic::Refused {
                let error =
                    anyhow!("{}: it says that it is synthetic; no machine stands behind it", run.file);
                return Err(Failure::new(Outcome::BadInput, error).hint("--allow-synthetic takes it"));
            }
        }
        let floor = Floor::of(self.floor_percent.unwrap_or(FLOOR_PERCENT) / 100.0);
        let change = change(old, new, floor).map_err(|other| {
            Failure::new(Outcome::BadInput, other)
                .hint("without --same-machine they are compared as a network's")
        })?;
        print(&match self.face {
            ChangeFace::Table => table::change::text(&change),
            ChangeFace::Json => json(&change)?,
            ChangeFace::Md => table::change::markdown(&change),
        })?;
        Ok(change.conclusion.into())
    }

    fn read(&self, path: &Path) -> Result<Read, Failure> {
        let file = path.display().to_string();
        if path.is_dir() {
            let error = anyhow!("--same-machine takes two profiles, {file} is a folder");
            return Err(Failure::new(Outcome::Usage, error).hint("name one file of it"));
        }
        let context = Context::new(self.suites, Timestamp::of(SystemTime::now()));
        Ok(Read { verification: verify(&read_bounded(path)?, context), file })
    }

    fn held<'a>(&'a self, Read { file, verification }: &'a Read) -> Result<Run<'a>, Failure> {
        let profile = verification.profile.as_ref();
        let suite = |digest| self.suites.iter().find(|suite| suite.digest == digest);
        let of = profile.and_then(|profile| Some((profile, suite(profile.suite.digest)?)));
        let (profile, suite) = of.ok_or_else(|| anyhow!("{file}: it is valid without a suite"))?;
        Ok(Run { file, report_id: verification.report_id, profile, suite })
    }

    /// As `verify` has them.
    fn refusals(&self, refused: &[&Read]) -> String {
        let verdict = |read: &&Read| (Verdict::from(read.verification.clone()), read.file.clone());
        let told = refused.iter().map(verdict);
        match self.face {
            ChangeFace::Json => {
                format!(
                    "{:#}\n",
                    told.map(|(verdict, file)| verdict.json(&file)).collect::<serde_json::Value>()
                )
            }
            ChangeFace::Table | ChangeFace::Md => {
                told.map(|(verdict, file)| verdict.table(&file, None)).collect()
            }
        }
    }
}

/// A file that could be read.
struct Read {
    file: String,
    verification: Verification,
}

fn json(change: &Change) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(change);
    text.map(|text| text + "\n").map_err(|error| Failure::new(Outcome::Internal, error))
}

impl From<Conclusion> for Outcome {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Fine => Self::Ok,
            Conclusion::Regression => Self::Regression,
            Conclusion::DigestChanged => Self::DigestChanged,
            Conclusion::TooNoisy => Self::TooNoisy,
        }
    }
}
