use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use proofmark_reports::cli::{print, suite_file};
use proofmark_reports::page::page;
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Timestamp, table};

use crate::{Failure, Outcome, summary};

/// Print a profile for people or for other programs
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The profile
    #[arg(default_value = "profile.json", value_name = "FILE")]
    file: PathBuf,
    /// A further suite that the profile may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
    /// As what to print it
    #[arg(long, value_enum, default_value = "table")]
    output: Face,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Face {
    /// A summary for terminals
    Table,
    /// A summary in Markdown, to be pasted
    Md,
    /// The profile's own bytes
    Json,
    /// A row a cell, for spreadsheets
    Csv,
    /// One self-contained page for browsers
    Html,
}

impl Show {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let suites = suite_file::known(&self.suite)?;
        let context = Context::new(&suites, Timestamp::of(SystemTime::now()));
        let bytes = suite_file::read_bounded(&self.file)?;
        let verification = verify(&bytes, context);
        if let (Some(profile), []) = (&verification.profile, &verification.reasons[..]) {
            let suite = suites.iter().find(|suite| suite.digest == profile.suite.digest);
            let report_id = verification.report_id;
            print(&match self.output {
                Face::Table => summary::profile(profile, suite),
                Face::Md => table::markdown(profile, report_id),
                Face::Json => String::from_utf8_lossy(&bytes).into_owned(),
                Face::Csv => table::csv(profile),
                Face::Html => page(profile, suite, report_id),
            })?;
            return Ok(Outcome::Ok);
        }
        let first = verification.reasons.first().map(ToString::to_string).unwrap_or_default();
        let error = anyhow::anyhow!("{} is refused: {first}", self.file.display());
        Err(Failure::new(Outcome::CheckFailed, error).hint("`proofmark verify` lists every reason"))
    }
}
