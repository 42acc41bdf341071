//! A round of a cell, in a process of its own: load, self-check, warm up, timed iterations chained by their digests, and after the
//! last round the search for the rate that the machine sustains.
//!
//! Job and seed come on standard input, events go to standard output, one JSON document a line ([`protocol`]). The
//! process never knows the chain's head; the parent gives it the first seed once it has said what it loaded.

mod audit;
mod capacity;
pub mod kept;
pub mod model;
mod network;
mod peak_memory;
pub mod protocol;
pub(crate) mod quality;
mod queue;
mod warm_up;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use proofmark_models::exact::device::Device;
use proofmark_models::exact::environment::check_all_threads;
use proofmark_models::exact::isa::Isa;
use proofmark_models::{NativeDevice, Numerics};
use proofmark_reports::audit::{Kept, KeptOutput};
use proofmark_reports::cli::suite_file::SuiteSource;
use proofmark_reports::schema::v1::AcceleratorReadings;
use proofmark_reports::{Digest, chain};
use proofmark_workloads::{Suite, Workload, embedded_suite, self_check_seed};

use crate::environment::accelerator;
use crate::place::Place;
use crate::{Failure, Outcome};
use capacity::Server;
use kept::keep;
use model::{Model, Timed};
use protocol::{Done, Event, Job, Proceed, Purpose, Ready, Start, Step};
use warm_up::warm_up;

/// Runs the cell that standard input asks for. Faults of the cell are events, not failures of the process.
///
/// # Errors
/// When standard input or output breaks: the parent is gone.
pub fn run() -> Result<Outcome, Failure> {
    let parent = listen();
    let job: Job = hear(&parent)?;
    match work(&job, &parent) {
        Ok(done) => say(&Event::Done(done))?,
        Err(error) => say(&Event::Failed { reason: format!("{error:#}") })?,
    }
    Ok(Outcome::Ok)
}

fn work(job: &Job, parent: &Receiver<String>) -> anyhow::Result<Done> {
    let isa: Isa = job.isa.parse()?;
    ensure!(isa.is_available(), "this machine does not have the instruction set {isa}");
    check_all_threads(isa)?;
    let suite = job.suite()?;
    let workload = suite.workload(&job.workload).ok_or_else(|| anyhow!("no workload `{}`", job.workload))?;
    let place: Place = job.device.parse().map_err(|fact| anyhow!("device {}: {fact}", job.device))?;
    let (numerics, native) = match (&job.purpose, workload.numerics) {
        (Purpose::Measure, proofmark_workloads::Numerics::Native) => (Numerics::Native, place.native()?),
        (Purpose::Audit(_), _) | (Purpose::Measure, _) => (place.exact(isa)?, NativeDevice::CPU),
    };
    let before = accelerator::reading(place)?;

    let started = Instant::now();
    let model = Model::load_on(workload, job.weights.as_ref(), numerics, native)?;
    let load_ns = nanoseconds(started);
    match &job.purpose {
        Purpose::Measure => {
            if model.weights_source == "hub" {
                quality::check(&model)?;
            }
            measure(&suite, workload, &model, (load_ns, place), parent)?;
        }
        Purpose::Audit(questions) => audit::answer(workload, &model, questions)?,
    }
    let readings = |before| -> anyhow::Result<_> {
        let after = accelerator::reading(place)?.unwrap_or_default();
        let peak_memory_bytes = match numerics {
            Numerics::ExactOn(device) => Some(device.memory_use().peak_bytes as u64),
            Numerics::Native => place.device()?.and_then(Device::native_peak_bytes),
            Numerics::Exact(_) => None,
        };
        Ok(AcceleratorReadings { before, after, peak_memory_bytes })
    };
    Ok(Done {
        peak_memory_bytes: peak_memory::peak_memory_bytes(),
        accelerator: before.map(readings).transpose()?,
    })
}

/// Self-check, warm-up, timed iterations, and the search if the parent asks for it.
fn measure(
    suite: &Suite,
    workload: &Workload,
    model: &Model,
    (load_ns, place): (u64, Place),
    parent: &Receiver<String>,
) -> anyhow::Result<()> {
    let mut self_check_digest = None;
    let warm_up = warm_up(
        &suite.timing,
        || accelerator::clock_mhz(place),
        |iteration| {
            let seed = match iteration {
                0 => self_check_seed(),
                _ => Digest::of_fields("proofmark/warm_up/1", &[&iteration.to_le_bytes()]),
            };
            let (Step { digest, latency_ns, .. }, _) = request(model, workload, seed)?;
            self_check_digest.get_or_insert(digest);
            Ok(latency_ns)
        },
    )?;
    let self_check_digest = self_check_digest.context("the warm-up had no iteration")?;
    let iterations = suite.timing.iterations(warm_up.median_ns());
    say(&Event::Ready(Ready {
        weights_source: model.weights_source.to_owned(),
        weights_digest: model.weights_digest,
        load_ns,
        self_check_digest,
        warm_up,
        iterations,
    }))?;

    let Start { mut seed } = hear(parent)?;
    for step in 0..iterations {
        let (timed, kept) = request(model, workload, seed)?;
        seed = chain::next_seed(seed, step, timed.digest);
        say(&Event::Step(timed))?;
        say_kept(timed.digest, kept)?;
    }
    if let (Proceed::Search, Some(max_batch)) = (hear(parent)?, workload.max_batch) {
        let server = Server { model, workload, max_batch };
        server.search(suite, seed, |trial| say(&Event::Trial(trial.clone())))?;
    }
    Ok(())
}

/// One request: its input is made before the clock starts, its digest and what is kept of it after it stops.
fn request(model: &Model, workload: &Workload, seed: Digest) -> anyhow::Result<(Step, Option<Kept>)> {
    let input = model.prepare(vec![model.input(seed)?])?;
    let Timed { output, latency_ns, ttft_ns } = model.run(&input)?;
    let (digest, kept) = keep(workload.numerics, &output)?;
    Ok((Step { latency_ns, ttft_ns, digest }, kept))
}

impl Job {
    /// A workload of a suite, with the suite's weights.
    pub(crate) fn of(
        source: &SuiteSource,
        workload: &Workload,
        (place, isa): (Place, Isa),
        purpose: Purpose,
    ) -> Self {
        Self {
            suite_name: source.suite.name.clone(),
            suite_text: source.text.clone(),
            workload: workload.id.clone(),
            device: place.to_string(),
            isa: isa.to_string(),
            weights: None,
            purpose,
        }
    }

    fn suite(&self) -> anyhow::Result<Suite> {
        match &self.suite_text {
            Some(text) => Ok(Suite::parse(&self.suite_name, text)?),
            None => {
                embedded_suite(&self.suite_name).with_context(|| format!("no suite `{}`", self.suite_name))
            }
        }
    }
}

/// Nanoseconds since `started`, by the monotonic clock.
pub(crate) fn nanoseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The lines of standard input. When it closes, the parent is gone, and nobody waits for this cell.
fn listen() -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
        std::process::exit(Outcome::Internal as i32);
    });
    lines
}

fn hear<T: serde::de::DeserializeOwned>(parent: &Receiver<String>) -> anyhow::Result<T> {
    let line = parent.recv().context("the parent process is gone")?;
    serde_json::from_str(&line).context("the parent process said something else than expected")
}

fn say_kept(digest: Digest, kept: Option<Kept>) -> anyhow::Result<()> {
    kept.map_or(Ok(()), |kept| say(&Event::Kept(KeptOutput { digest, kept })))
}

fn say(event: &Event) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line).and_then(|()| output.flush()).context("the parent process is gone")
}
