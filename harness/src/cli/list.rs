use std::path::PathBuf;

use clap::Args;
use proofmark_reports::cli::{print, suite_file};

use crate::{Failure, Outcome, hub, summary};

/// List the workloads of a suite
#[derive(Debug, Args)]
pub(super) struct List {
    /// The suite: a name, or a TOML file
    #[arg(long, default_value = "smoke", value_name = "NAME|FILE")]
    suite: String,
    /// What is known of models of the hub [default: the built-in lock file]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

impl List {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let source = suite_file::load(&self.suite)?;
        print(&summary::suite(&source.suite))?;
        print(&summary::models(&source.suite, &hub::lock(self.lock.as_deref())?))?;
        Ok(Outcome::Ok)
    }
}
