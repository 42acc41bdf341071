//! `proofmark`: certifies what a machine serves, and verifies such certificates.

use std::process::ExitCode;

use clap::Parser;
use proofmark::cli::Cli;
use proofmark_reports::cli::usage;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => usage(&error),
    }
}
