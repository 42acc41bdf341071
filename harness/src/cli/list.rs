use clap::Args;
use proofmark_reports::cli::{print, suite_file};

use crate::{Failure, Outcome, summary};

/// List the workloads of a suite
#[derive(Debug, Args)]
pub(super) struct List {
    /// The suite: a name, or a TOML file
    #[arg(long, default_value = "smoke", value_name = "NAME|FILE")]
    suite: String,
}

impl List {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let source = suite_file::load(&self.suite)?;
        print(&summary::suite(&source.suite))?;
        Ok(Outcome::Ok)
    }
}
