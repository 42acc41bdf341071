//! `proofmark-reports`: verifies and compares coverage profiles, without a machine-learning framework.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use proofmark_reports::cli::{Compare, Fleet, Verify, ended, usage};

/// Verifies and compares coverage profiles.
///
/// Exit codes: 0 ok; 1 a check said no; 2 usage; 3 regression; 4 digest changed; 5 too noisy to judge; 10 bad input; 11 cannot write; 70 internal.
#[derive(Debug, Parser)]
#[command(name = "proofmark-reports", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
    Compare(Compare),
    #[command(subcommand)]
    Fleet(Fleet),
}

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli { command }) => ended(match command {
            Command::Verify(command) => command.run(),
            Command::Compare(command) => command.run(),
            Command::Fleet(command) => command.run(),
        }),
        Err(error) => usage(&error),
    }
}
