//! The command line: each command with its options in a file of its own.

mod accelerator;
mod audit;
mod ceilings;
mod certify;
mod challenge;
mod devices;
mod key;
mod list;
mod models;
mod receipt;
mod self_check;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::cli::{Compare, Fleet, Verify, ended};

use crate::{Failure, Outcome};

/// Certifies what this machine really serves, and verifies such certificates.
///
/// Exit codes: 0 ok; 1 a check said no; 2 usage; 3 regression; 4 digest changed; 5 too noisy to judge; 10 bad
/// input; 11 cannot write; 12 bad key; 13 some cells failed; 70 internal.
#[derive(Debug, Parser)]
#[command(name = "proofmark", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Certify(certify::Certify),
    Verify(Verify),
    Compare(Compare),
    #[command(subcommand)]
    Fleet(Fleet),
    #[command(subcommand)]
    Models(models::Models),
    Show(show::Show),
    List(list::List),
    SelfCheck(self_check::SelfCheck),
    Devices(devices::Devices),
    Audit(audit::Audit),
    #[command(subcommand)]
    Challenge(challenge::Challenge),
    Receipt(receipt::Receipt),
    #[command(subcommand)]
    Key(key::Key),
    /// Runs one cell; `certify` starts it.
    #[command(hide = true)]
    Cell,
    #[command(hide = true)]
    Ceilings(ceilings::Ceilings),
    #[command(hide = true)]
    Accelerator(accelerator::Accelerator),
}

impl Cli {
    /// Runs the command; errors go to standard error as one line.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Certify(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Compare(command) => command.run(),
            Command::Fleet(command) => command.run(),
            Command::Models(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::List(command) => command.run(),
            Command::SelfCheck(command) => command.run(),
            Command::Devices(command) => command.run(),
            Command::Audit(command) => command.run(),
            Command::Challenge(command) => command.run(),
            Command::Receipt(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Cell => crate::cell::run(),
            Command::Ceilings(command) => command.run(),
            Command::Accelerator(command) => command.run(),
        };
        ended(result)
    }
}

/// The instruction set that was asked for, or the fastest.
fn available(isa: Option<Isa>) -> Result<Isa, Failure> {
    let isa = isa.unwrap_or_else(Isa::detect);
    if isa.is_available() {
        return Ok(isa);
    }
    let error = anyhow::anyhow!("this machine does not have the instruction set {isa}");
    Err(Failure::new(Outcome::Usage, error).hint("leave --isa out, or take portable"))
}
