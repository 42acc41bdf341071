//! Commands that need no model, for this crate's program and for the harness's: a file a command, and what both programs share.
//!
//! *Architecture invariant:* files, clock, threads and terminal of this crate are in here and in `src/bin`, nowhere else.

mod change;
mod compare;
pub mod document_file;
mod exit;
#[cfg(feature = "parquet")]
mod export;
mod fleet;
mod in_order;
mod profile_files;
pub mod suite_file;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;

pub use compare::Compare;
pub use exit::{Failure, Outcome};
pub use fleet::{Fleet, Synth};
pub use verify::Verify;

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The exit code of a command; its error goes to standard error as one line.
#[must_use]
pub fn ended(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {failure}");
            failure.outcome().into()
        }
    }
}

/// Prints help to standard output, faults to standard error.
#[must_use]
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { Outcome::Usage.into() } else { Outcome::Ok.into() }
}

/// Writes to standard output; a closed pipe is the reader's choice, not an error.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Outcome::CannotWrite,
            anyhow::Error::new(error).context("cannot write to standard output"),
        )),
        _ => Ok(()),
    }
}
