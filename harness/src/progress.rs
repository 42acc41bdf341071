//! Progress on standard error: a bar with the time left on a terminal, a line a cell elsewhere, nothing if asked.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofmark_models::hub::HubProgress;
use proofmark_reports::schema::v1::{Cell, Status};
use proofmark_reports::words::{bytes, duration};
use proofmark_workloads::{Suite, Workload};

use crate::supervise::Stage;

/// A file of the hub that is smaller is there at once.
const WORTH_A_LINE: u64 = 1 << 20;

/// Where a run stands.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    position: String,
    /// By the suite's budgets: round by round, each cell of it.
    planned: Vec<Duration>,
    cells: usize,
    round: usize,
    rounds: usize,
    /// The place in `planned` that the sitting began with, and when.
    began: Option<(usize, Instant)>,
    current: usize,
    current_began: Instant,
    /// What was last said to be done with which file of the hub.
    file: String,
}

impl Progress {
    /// Progress for this process's standard error; none if `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = (!quiet && is_terminal).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let template = "{spinner} {bar:10} {prefix} {wide_msg} {elapsed}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let lines = !quiet && !is_terminal;
        Self {
            bar,
            lines,
            position: String::new(),
            planned: Vec::new(),
            cells: 0,
            round: 0,
            rounds: 0,
            began: None,
            current: 0,
            current_began: Instant::now(),
            file: String::new(),
        }
    }

    /// What is to be run.
    pub(crate) fn plan(&mut self, suite: &Suite, workloads: &[&Workload]) {
        let timing = suite.timing;
        let budget = |round: u64, workload: &Workload| {
            let is_searched = round + 1 == timing.rounds && workload.max_batch.is_some();
            let search_ms = if is_searched { timing.capacity_ms } else { 0 };
            Duration::from_millis(timing.warm_up_ms + timing.measure_ms + search_ms)
        };
        let of_round = |round| workloads.iter().map(move |workload| budget(round, workload));
        self.planned = (0..timing.rounds).flat_map(of_round).collect();
        self.cells = workloads.len();
        self.rounds = self.planned.len() / self.cells.max(1);
        if let Some(bar) = &self.bar {
            bar.set_length(self.planned.len() as u64);
            bar.set_message("measuring the machine's ceilings");
        }
    }

    /// A file of the hub is on its way.
    pub(crate) fn hub(&mut self, event: HubProgress<'_>) {
        let (verb, path, done_bytes, size_bytes) = match event {
            HubProgress::Checking { path, done_bytes, size_bytes } => {
                ("checking", path, done_bytes, size_bytes)
            }
            HubProgress::Fetching { path, done_bytes, size_bytes } => {
                ("fetching", path, done_bytes, size_bytes)
            }
            HubProgress::Waiting { path } => {
                return self.note(&format!("waiting for another program, which fetches {path}"));
            }
            HubProgress::Retrying { path, reason } => {
                return self.note(&format!("{path} once more: {reason}"));
            }
        };
        let file = format!("{verb} {path}");
        if self.file != file {
            if verb == "fetching" && size_bytes >= WORTH_A_LINE {
                self.note(&format!("{file}, {}", bytes(size_bytes)));
            }
            self.file = file;
        }
        if let Some(bar) = &self.bar {
            bar.set_length(size_bytes);
            bar.set_position(done_bytes);
            bar.set_message(format!("{}, {} of {}", self.file, bytes(done_bytes), bytes(size_bytes)));
        }
    }

    /// A round begins.
    pub(crate) fn round(&mut self, round: u64) {
        self.round = usize::try_from(round).unwrap_or(usize::MAX);
        if self.rounds > 1 {
            self.note(&format!("round {} of {}", round + 1, self.rounds));
        }
    }

    /// A cell begins.
    pub(crate) fn cell(&mut self, index: usize, workload: &str) {
        (self.current, self.current_began) = (self.round * self.cells + index, Instant::now());
        self.began.get_or_insert_with(|| (self.current, Instant::now()));
        self.position = format!("[{}/{}] {workload}", index + 1, self.cells);
        if let Some(bar) = &self.bar {
            bar.set_position(self.current as u64);
            bar.set_prefix(self.position.clone());
            bar.set_message(format!("loading{}", self.time_left()));
        }
    }

    /// A cell goes on.
    pub(crate) fn stage(&self, stage: Stage) {
        if let Some(bar) = &self.bar {
            let stage = match stage {
                Stage::Steps { done, all } => format!("request {done} of {all}"),
                Stage::Trials(done) => format!("capacity, {done} rates tried"),
            };
            bar.set_message(format!("{stage}{}", self.time_left()));
        }
    }

    /// A cell is over, in this round or for all.
    pub(crate) fn cell_done(&self, cell: &Cell) {
        let result = match cell.status {
            Status::Measured if cell.rounds.len() < self.rounds => return,
            Status::Measured => {
                let median = cell.statistics.map(|statistics| duration(statistics.latency.median_ns));
                format!("{} requests, median {}", cell.requests(), median.unwrap_or_default())
            }
            Status::NotCovered => format!("not run: {}", cell.reason.as_deref().unwrap_or_default()),
            Status::Failed => format!("failed: {}", cell.reason.as_deref().unwrap_or_default()),
        };
        self.note(&format!("{}: {result}", self.position));
    }

    /// Something to know.
    pub(crate) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.lines => {
                let _ = writeln!(io::stderr(), "{line}");
            }
            None => {}
        }
    }

    /// Writes to the terminal without the bar in between.
    pub(crate) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// All cells are over.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// By the budgets of what is left, scaled by how the cells so far kept theirs.
    fn time_left(&self) -> String {
        let Some((first, began)) = self.began.filter(|(first, _)| *first < self.current) else {
            return String::new();
        };
        let planned: Duration = self.planned[first..self.current].iter().sum();
        let left: Duration = self.planned[self.current..].iter().sum();
        let so_far = (self.current_began - began).as_secs_f64();
        let scale = so_far / planned.as_secs_f64().max(0.001);
        let seconds = left.as_secs_f64() * scale - self.current_began.elapsed().as_secs_f64();
        if seconds < 90.0 {
            format!(", {:.0} s left", seconds.max(1.0))
        } else {
            format!(", {:.0} min left", seconds / 60.0)
        }
    }
}
