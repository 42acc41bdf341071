use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use proofmark_reports::cli::{print, suite_file};
use proofmark_reports::page::page;
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Timestamp, table};

use crate::plan::WeightsFolder;
use crate::shown_outputs::{self, Tokenizers};
use crate::{Failure, Outcome, hub, kept_outputs, summary};

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
    /// Print what its generations said instead, from what certify kept beside it or in FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "output")]
    outputs: Option<Option<PathBuf>>,
    /// With --outputs: a folder with a model's tokenizer [default: the hub's cache]; may be repeated
    #[arg(long, value_name = "MODEL=FOLDER", requires = "outputs")]
    weights: Vec<WeightsFolder>,
    /// With --outputs: what is known of models of the hub [default: the built-in lock file]
    #[arg(long, value_name = "FILE", requires = "outputs")]
    lock: Option<PathBuf>,
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
            if let (Some(outputs), Some(suite)) = (&self.outputs, suite) {
                let outputs = outputs.clone().unwrap_or_else(|| kept_outputs::place(&self.file));
                let lock = hub::lock(self.lock.as_deref())?;
                let tokenizers = Tokenizers { given: &self.weights, lock: &lock };
                print(&shown_outputs::shown(profile, suite, &outputs, &tokenizers)?)?;
                return Ok(Outcome::Ok);
            }
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
