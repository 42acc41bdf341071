//! Progress on standard error: a bar on a terminal, a line a cell elsewhere, nothing if asked.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofmark_reports::schema::v1::{Cell, Status};

use crate::figures::{duration, median};

/// Where a run stands.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    position: String,
}

impl Progress {
    /// Progress for this process's standard error; none if `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = (!quiet && is_terminal).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, lines: !quiet && !is_terminal, position: String::new() }
    }

    /// A cell begins.
    pub fn cell(&mut self, index: usize, count: usize, workload: &str) {
        self.position = format!("[{}/{count}] {workload}", index + 1);
        if let Some(bar) = &self.bar {
            bar.set_prefix(self.position.clone());
            bar.set_message("loading");
        }
    }

    /// An iteration is done.
    pub fn step(&self, done: usize, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("request {done} of {all}"));
        }
    }

    /// A cell is over.
    pub fn cell_done(&self, cell: &Cell) {
        let result = match cell.status {
            Status::Measured => {
                format!("{} requests, median {}", cell.latency_ns.len(), duration(median(&cell.latency_ns)))
            }
            Status::NotCovered | Status::Failed => cell.reason.clone().unwrap_or_default(),
        };
        let line = format!("{}: {result}", self.position);
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.lines => {
                let _ = writeln!(io::stderr(), "{line}");
            }
            None => {}
        }
    }

    /// All cells are over.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
