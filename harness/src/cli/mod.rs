//! The command line: each command with its options in a file of its own.

mod audit;
mod ceilings;
mod certify;
mod challenge;
mod key;
mod list;
mod receipt;
mod self_check;
mod show;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use proofmark_models::exact::isa::Isa;

use crate::{Failure, Outcome};

/// Certifies what this machine really serves, and verifies such certificates.
///
/// Exit codes: 0 ok; 1 a check said no; 2 usage; 10 bad input; 11 cannot write; 12 bad key; 13 some cells
/// failed; 70 internal.
#[derive(Debug, Parser)]
#[command(name = "proofmark", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Certify(certify::Certify),
    Verify(verify::Verify),
    Show(show::Show),
    List(list::List),
    SelfCheck(self_check::SelfCheck),
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
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Cli {
    /// Runs the command; errors go to standard error as one line.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Certify(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::List(command) => command.run(),
            Command::SelfCheck(command) => command.run(),
            Command::Audit(command) => command.run(),
            Command::Challenge(command) => command.run(),
            Command::Receipt(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Cell => crate::cell::run(),
            Command::Ceilings(command) => command.run(),
        };
        match result {
            Ok(outcome) => outcome.into(),
            Err(failure) => {
                let _ = writeln!(io::stderr(), "error: {failure}");
                failure.outcome().into()
            }
        }
    }
}

/// Prints help to standard output, faults to standard error.
#[must_use]
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { Outcome::Usage.into() } else { Outcome::Ok.into() }
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

/// Writes to standard output; a closed pipe is the reader's choice, not an error.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Outcome::CannotWrite,
            anyhow::Error::new(error).context("cannot write to standard output"),
        )),
        _ => Ok(()),
    }
}
