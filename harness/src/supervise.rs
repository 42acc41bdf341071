//! A cell's process, from the outside: what it says within its time, or why it says no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use proofmark_reports::Digest;
use serde::Serialize;

use crate::cell::protocol::{Done, Event, Job, Ready, Start, Step};

/// What became of a cell.
#[derive(Debug)]
pub(crate) enum CellRun {
    /// All iterations are there.
    Complete { ready: Ready, steps: Vec<Step>, done: Done },
    /// It was stopped, stopped itself, or died; `ready` if it got that far.
    Broken { ready: Option<Ready>, reason: String },
}

/// What to do with a cell that is loaded and warm.
pub(crate) enum Verdict {
    /// Begin with this seed.
    Start(Digest),
    /// Stop it, for this reason.
    Refuse(String),
}

/// Runs `job` in a child process with `threads` threads and at most `time_limit`.
///
/// # Errors
/// When the process cannot be started at all.
pub(crate) fn run_cell(
    job: &Job,
    threads: u32,
    time_limit: Duration,
    judge: impl FnOnce(&Ready) -> Verdict,
    mut on_step: impl FnMut(usize, u64),
) -> anyhow::Result<CellRun> {
    let mut process = CellProcess::start(threads, time_limit)?;
    let mut judge = Some(judge);
    let mut known: Option<Ready> = None;
    let mut steps = Vec::new();
    process.say(job);
    let reason = loop {
        match process.next_event() {
            Ok(Event::Ready(ready)) => {
                let verdict = judge.take().map(|judge| judge(&ready));
                known = Some(ready);
                match verdict {
                    Some(Verdict::Start(seed)) => process.say(&Start { seed }),
                    Some(Verdict::Refuse(reason)) => break reason,
                    None => break "the cell said twice that it is ready".to_owned(),
                }
            }
            Ok(Event::Step(step)) => {
                steps.push(step);
                on_step(steps.len(), known.as_ref().map_or(0, |ready| ready.iterations));
            }
            Ok(Event::Done(done)) => match known.take() {
                Some(ready) if ready.iterations == steps.len() as u64 => {
                    return Ok(CellRun::Complete { ready, steps, done });
                }
                ready => {
                    known = ready;
                    break "the cell ended before its iterations were done".to_owned();
                }
            },
            Ok(Event::Failed { reason }) | Err(reason) => break reason,
        }
    };
    Ok(CellRun::Broken { ready: known, reason })
}

/// The child; killed when it goes out of scope, so that none outlives its cell.
struct CellProcess {
    child: Child,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
    deadline: Instant,
    time_limit: Duration,
}

impl CellProcess {
    fn start(threads: u32, time_limit: Duration) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the program's own file")?;
        let mut child = Command::new(program)
            .arg("cell")
            .env("RAYON_NUM_THREADS", threads.to_string())
            .env_remove("CANDLE_NUM_THREADS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start a process for the cell")?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let errors = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stderr.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Ok(Self { child, lines, errors, deadline: Instant::now() + time_limit, time_limit })
    }

    /// A child that is gone shows in the next event, so a broken pipe is no news here.
    fn say(&mut self, message: &impl Serialize) {
        if let (Some(stdin), Ok(mut line)) = (&mut self.child.stdin, serde_json::to_vec(message)) {
            line.push(b'\n');
            let _ = stdin.write_all(&line).and_then(|()| stdin.flush());
        }
    }

    fn next_event(&mut self) -> Result<Event, String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                serde_json::from_str(&line).map_err(|_| "the cell said something unintelligible".to_owned())
            }
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("took longer than its limit of {} s", self.time_limit.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.cause_of_death()),
        }
    }

    fn cause_of_death(&mut self) -> String {
        let status = self.child.wait().map_or_else(|_| "ended".to_owned(), describe);
        let errors = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        match errors.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => format!("the cell's process {status}: {line}"),
            None => format!("the cell's process {status}"),
        }
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(9)) => "was killed by signal 9, as by a lack of memory".to_owned(),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Drop for CellProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
