//! Runs the workloads of a suite on this machine, one child process a cell, and turns what it observes into a signed
//! coverage profile.
//!
//! The way of the data: [`plan`] makes cells of a suite; `run` takes them one after another through `supervise`, whose
//! children run [`cell`], and keeps each in the `journal`; the observations become a profile in [`certify`], which
//! `reports` signs.
//!
//! *Architecture invariant:* of all crates, only this one reads clocks, the environment or the terminal.

pub mod audit;
mod beacon_file;
pub mod ceilings;
pub mod cell;
pub mod certify;
pub mod cli;
mod device_runs;
pub mod environment;
mod hub;
mod journal;
mod kept_outputs;
mod key_file;
mod output_file;
pub mod place;
pub mod plan;
mod progress;
mod round;
mod run;
mod shown_outputs;
mod summary;
mod supervise;
mod trained;

pub use proofmark_reports::cli::{Failure, Outcome};
