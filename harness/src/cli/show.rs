use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use proofmark_reports::Timestamp;
use proofmark_reports::verify::{Context, verify};

use super::print;
use crate::{Failure, Outcome, suite_file, summary};

/// Print the summary of a profile
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The profile
    #[arg(default_value = "profile.json", value_name = "FILE")]
    file: PathBuf,
    /// A further suite that the profile may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
}

impl Show {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let suites = suite_file::known(&self.suite)?;
        let context = Context { suites: &suites, now: Timestamp::of(SystemTime::now()) };
        let verification = verify(&suite_file::read_bounded(&self.file)?, context);
        if let (Some(profile), []) = (&verification.profile, &verification.reasons[..]) {
            let suite = suites.iter().find(|suite| suite.digest == profile.suite.digest);
            print(&summary::profile(profile, suite))?;
            return Ok(Outcome::Ok);
        }
        let first = verification.reasons.first().map(ToString::to_string).unwrap_or_default();
        let error = anyhow::anyhow!("{} is refused: {first}", self.file.display());
        Err(Failure::new(Outcome::CheckFailed, error).hint("`proofmark verify` lists every reason"))
    }
}
