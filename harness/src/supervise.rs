//! A cell's process, from the outside: what it says within its time, or why it says no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
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
pub(crate) fn run_cell(
    job: &Job,
    threads: u32,
    time_limit: Duration,
    judge: impl FnOnce(&Ready) -> Verdict,
    mut on_step: impl FnMut(usize, u64),
) -> CellRun {
    let mut process = match CellProcess::start(threads, time_limit) {
        Ok(process) => process,
        Err(error) => return CellRun::Broken { ready: None, reason: format!("{error:#}") },
    };
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
                    return CellRun::Complete { ready, steps, done };
                }
                ready => {
                    known = ready;
                    break "the cell ended before its iterations were done".to_owned();
                }
            },
            Ok(Event::Failed { reason }) | Err(reason) => break reason,
        }
    };
    CellRun::Broken { ready: known, reason }
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
        let mut child = Command::new(own_program()?)
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
        let status = self.wait_briefly().map_or_else(|| "fell silent".to_owned(), describe);
        let _ = self.child.kill();
        let errors = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        match first_words(&errors) {
            Some(words) => format!("the cell's process {status}: {words}"),
            None => format!("the cell's process {status}"),
        }
    }

    /// A process whose output has ended is about to end itself; one that is not gets no more than a second.
    fn wait_briefly(&mut self) -> Option<ExitStatus> {
        for _ in 0..100 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

/// The program that runs, even if its file was replaced meanwhile: the profile names the digest of this one.
fn own_program() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        Ok(running)
    } else {
        std::env::current_exe().context("cannot find the program's own file")
    }
}

/// The first two lines of what a process said before it died: a panic's place and message, without the thread's number.
fn first_words(errors: &str) -> Option<String> {
    let lines = errors.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
    let words = lines.take(2).collect::<Vec<_>>().join(" ");
    let words = words.split(' ').filter(|word| !(word.starts_with('(') && word.ends_with(')')));
    Some(words.collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
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
