//! A cell's process, from the outside: what it says of a round within its time, or why it says no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use proofmark_reports::Digest;
use proofmark_reports::audit::KeptOutput;
use proofmark_reports::schema::v1::Trial;
use serde::Serialize;

use crate::cell::protocol::{Done, Event, Finding, Job, Proceed, Ready, Start, Step};
use crate::environment;

/// A line that a cell may say: the sketch of a long generation has some hundred thousand bytes for each sequence.
const MAX_LINE: u64 = 16 << 20;
/// What a dying process may say.
const MAX_LAST_WORDS: u64 = 1 << 16;

/// What became of a round.
#[derive(Debug)]
pub(crate) enum RoundRun {
    /// All iterations are there.
    Complete(Box<Complete>),
    /// It was stopped, stopped itself, or died.
    Broken { reason: String },
}

/// What a cell said in a round.
#[derive(Debug)]
pub(crate) struct Complete {
    pub(crate) ready: Ready,
    pub(crate) steps: Vec<Step>,
    pub(crate) trials: Vec<Trial>,
    /// Of the outputs of steps and trials.
    pub(crate) kept: Vec<KeptOutput>,
    pub(crate) done: Done,
}

/// What to do with a cell that is loaded and warm.
pub(crate) enum Verdict {
    /// Begin with this seed.
    Start(Digest),
    /// Stop it, for this reason.
    Refuse(String),
}

/// What the parent answers.
pub(crate) trait Judge {
    /// Of a cell that is loaded and warm.
    fn start(&mut self, ready: &Ready) -> Verdict;
    /// Of a cell whose timed iterations are done.
    fn proceed(&mut self, ready: &Ready, steps: &[Step]) -> Proceed;
}

/// Where a cell stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// So many of all its timed iterations are done.
    Steps { done: usize, all: u64 },
    /// So many trials of its search for capacity are done.
    Trials(usize),
}

/// Runs `job` in a child process of this program with `threads` threads and at most `time_limit`.
pub(crate) fn run_round(
    job: &Job,
    threads: u32,
    time_limit: Duration,
    judge: &mut impl Judge,
    on_stage: impl FnMut(Stage),
) -> RoundRun {
    match environment::own_program() {
        Ok(program) => run(&mut cell_command(program, threads), job, time_limit, judge, on_stage),
        Err(error) => RoundRun::Broken { reason: format!("{error:#}") },
    }
}

fn run(
    command: &mut Command,
    job: &Job,
    time_limit: Duration,
    judge: &mut impl Judge,
    mut on_stage: impl FnMut(Stage),
) -> RoundRun {
    let mut process = match CellProcess::start(command, time_limit) {
        Ok(process) => process,
        Err(error) => return RoundRun::Broken { reason: format!("{error:#}") },
    };
    let mut known: Option<Ready> = None;
    let (mut steps, mut trials, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    process.say(job);
    let reason = loop {
        match process.next_event() {
            Ok(Event::Ready(_)) if known.is_some() => {
                break "the cell said twice that it is ready".to_owned();
            }
            Ok(Event::Ready(ready)) => {
                let verdict = judge.start(&ready);
                known = Some(ready);
                match verdict {
                    Verdict::Start(seed) => process.say(&Start { seed }),
                    Verdict::Refuse(reason) => break reason,
                }
            }
            Ok(Event::Step(step)) => {
                let Some(ready) = &known else { break "the cell began before it was ready".to_owned() };
                steps.push(step);
                on_stage(Stage::Steps { done: steps.len(), all: ready.iterations });
                if steps.len() as u64 == ready.iterations {
                    process.say(&judge.proceed(ready, &steps));
                }
            }
            Ok(Event::Trial(trial)) => {
                trials.push(trial);
                on_stage(Stage::Trials(trials.len()));
            }
            Ok(Event::Kept(output)) => kept.push(output),
            Ok(Event::Done(done)) => match known {
                Some(ready) if ready.iterations == steps.len() as u64 => {
                    return match process.end() {
                        Ok(()) => RoundRun::Complete(Box::new(Complete { ready, steps, trials, kept, done })),
                        Err(reason) => RoundRun::Broken { reason },
                    };
                }
                _ => break "the cell ended before its iterations were done".to_owned(),
            },
            Ok(Event::Loaded { .. } | Event::Answer(_)) => {
                break "the cell said something unintelligible".to_owned();
            }
            Ok(Event::Failed { reason }) | Err(reason) => break reason,
        }
    };
    RoundRun::Broken { reason }
}

/// Has the questions of `job` answered in a child process of this program: the digest of the weights, and a finding a question.
pub(crate) fn run_audit(
    job: &Job,
    threads: u32,
    time_limit: Duration,
) -> Result<(Digest, Vec<Finding>), String> {
    let told = |error: anyhow::Error| format!("{error:#}");
    let program = environment::own_program().map_err(told)?;
    let mut process = CellProcess::start(&mut cell_command(program, threads), time_limit).map_err(told)?;
    process.say(job);
    let (mut weights, mut findings) = (None, Vec::new());
    loop {
        match process.next_event()? {
            Event::Loaded { weights_digest } => weights = Some(weights_digest),
            Event::Answer(finding) => findings.push(finding),
            Event::Done(_) => {
                process.end()?;
                let weights = weights.ok_or_else(|| "the cell loaded nothing".to_owned())?;
                return Ok((weights, findings));
            }
            Event::Failed { reason } => return Err(reason),
            _ => return Err("the cell said something unintelligible".to_owned()),
        }
    }
}

/// What is freed stays with the process, as glibc's malloc is told by these variables (mallopt(3)): else the buffers of a request
/// of some milliseconds are given back to the system after it and faulted in again, page by page, in the next.
const KEPT_MEMORY: [(&str, &str); 2] =
    [("MALLOC_TRIM_THRESHOLD_", "1073741824"), ("MALLOC_MMAP_THRESHOLD_", "33554432")];

fn cell_command(program: PathBuf, threads: u32) -> Command {
    let mut command = Command::new(program);
    command.arg("cell").env("RAYON_NUM_THREADS", threads.to_string()).env_remove("CANDLE_NUM_THREADS");
    command.envs(KEPT_MEMORY);
    command
}

/// The child; killed when it goes out of scope, so that none outlives its cell.
struct CellProcess {
    child: Child,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
    deadline: Instant,
    time_limit: Duration,
    oom_kills: Option<u64>,
}

impl CellProcess {
    fn start(command: &mut Command, time_limit: Duration) -> anyhow::Result<Self> {
        let oom_kills = environment::oom_kills();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start a process for the cell")?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, lines) = channel();
        let deadline = Instant::now() + time_limit;
        let mut process = Self { child, lines, errors: None, deadline, time_limit, oom_kills };
        if let Some(stdout) = stdout {
            spawn(move || forward(stdout, &sender))?;
        }
        process.errors = stderr.map(|stderr| spawn(move || last_words(stderr))).transpose()?;
        Ok(process)
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

    /// A cell that has said all must also end well: one that crashes behind its last word has a fault.
    fn end(&mut self) -> Result<(), String> {
        match self.wait_briefly() {
            Some(status) if status.success() => Ok(()),
            _ => Err(self.cause_of_death()),
        }
    }

    fn cause_of_death(&mut self) -> String {
        let status =
            self.wait_briefly().map_or_else(|| "fell silent".to_owned(), |status| self.describe(status));
        let _ = self.child.kill();
        let errors = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        match first_words(&errors) {
            Some(words) => format!("the cell's process {status}: {words}"),
            None => format!("the cell's process {status}"),
        }
    }

    /// A process whose output has ended is about to end itself; one that is not gets no more than a second.
    fn wait_briefly(&mut self) -> Option<ExitStatus> {
        for _ in 0..1000 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn describe(&self, status: ExitStatus) -> String {
        use std::os::unix::process::ExitStatusExt;
        let counted = environment::oom_kills().zip(self.oom_kills);
        match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with code {code}"),
            (None, Some(9)) => match counted {
                Some((now, before)) if now > before => "was killed for want of memory".to_owned(),
                Some(_) => "was killed by signal 9, not for want of memory".to_owned(),
                None => "was killed by signal 9, as by a lack of memory".to_owned(),
            },
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "ended".to_owned(),
        }
    }
}

/// A machine that has no thread left costs the cell, not the run.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<thread::JoinHandle<T>> {
    thread::Builder::new().spawn(work).context("cannot start a thread to listen to a process")
}

fn forward(stdout: ChildStdout, sender: &Sender<String>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = String::new();
        match stdout.by_ref().take(MAX_LINE).read_line(&mut line) {
            Ok(1..) if sender.send(line).is_ok() => {}
            _ => return,
        }
    }
}

fn last_words(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let _ = stderr.by_ref().take(MAX_LAST_WORDS).read_to_end(&mut bytes);
    // The rest must be read, or the child would wait for room in the pipe.
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first two lines of what a process said before it died: a panic's place and message, without the thread's number.
fn first_words(errors: &str) -> Option<String> {
    let lines = errors.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
    let words = lines.take(2).collect::<Vec<_>>().join(" ");
    let words = words.split(' ').filter(|word| !(word.starts_with('(') && word.ends_with(')')));
    Some(words.collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
}

impl Drop for CellProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::protocol::Purpose;

    struct Lenient;

    impl Judge for Lenient {
        fn start(&mut self, _: &Ready) -> Verdict {
            Verdict::Start(Digest::of(b""))
        }

        fn proceed(&mut self, _: &Ready, _: &[Step]) -> Proceed {
            Proceed::End
        }
    }

    /// What is said of a cell whose process does this, as a shell script, within a second.
    fn reason(script: &str) -> String {
        let job = Job {
            suite_name: "none".to_owned(),
            suite_text: None,
            workload: "none".to_owned(),
            device: "cpu".to_owned(),
            isa: "portable".to_owned(),
            weights: None,
            purpose: Purpose::Measure,
        };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        match run(&mut command, &job, Duration::from_secs(1), &mut Lenient, |_| {}) {
            RoundRun::Complete { .. } => "complete".to_owned(),
            RoundRun::Broken { reason } => reason,
        }
    }

    #[test]
    fn every_way_to_die_costs_the_cell_alone_and_says_why() {
        for (script, expected) in [
            ("exit 3", "the cell's process ended with code 3"),
            ("kill -SEGV $$", "the cell's process was killed by signal 11"),
            ("kill -ABRT $$", "the cell's process was killed by signal 6"),
            ("kill -KILL $$", "the cell's process was killed by signal 9"),
            ("exec sleep 20", "took longer than its limit of 1 s"),
            // It closes its output and lives on.
            ("exec >&-; exec sleep 20", "the cell's process fell silent"),
            ("echo hello", "the cell said something unintelligible"),
            ("echo '{\"event\":\"failed\",\"reason\":\"no luck\"}'; sleep 20", "no luck"),
            (
                "echo '{\"event\":\"done\",\"peak_memory_bytes\":1}'",
                "the cell ended before its iterations were done",
            ),
            (
                "echo \"thread 'main' (7) panicked at src/cell.rs:1:2:\nno luck\nnote: run with\" >&2; exit 101",
                "the cell's process ended with code 101: thread 'main' panicked at src/cell.rs:1:2: no luck",
            ),
        ] {
            let reason = reason(script);
            assert!(reason.starts_with(expected), "{script}: {reason}");
        }
    }

    #[test]
    fn a_flood_of_words_neither_fills_memory_nor_stops_the_cell() {
        assert_eq!(
            reason("yes | head -c 3000000 >&2; exit 4").len(),
            "the cell's process ended with code 4: y y".len()
        );
        let endless = reason("head -c 30000000 /dev/zero | tr '\\0' x; sleep 20");
        assert_eq!(endless, "the cell said something unintelligible");
    }

    #[test]
    fn a_cell_that_says_all_and_then_crashes_has_failed() {
        let ready = "{\"event\":\"ready\",\"weights_source\":\"synthetic\",\"weights_digest\":\"D\",\"load_ns\":1,\
             \"self_check_digest\":\"D\",\"warm_up\":{\"iterations\":1,\"duration_ns\":1,\"window_median_ns\":[1]},\
             \"iterations\":0}"
            .replace('D', &Digest::of(b"").to_string());
        let done = "{\"event\":\"done\",\"peak_memory_bytes\":1}";
        let script = |end: &str| format!("echo '{ready}'; echo '{done}'; {end}");
        assert_eq!(reason(&script("exit 0")), "complete");
        assert_eq!(reason(&script("exit 9")), "the cell's process ended with code 9");
    }
}
