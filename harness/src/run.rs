//! A run: its cells one after another, each on disk before the next begins.

use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use proofmark_reports::chain::{self, CellIdentity, RunIdentity};
use proofmark_reports::key::SigningKey;
use proofmark_reports::profile::{challenge_digest, printable};
use proofmark_reports::schema::v1::{
    Capacity, CapacityBasis, Ceilings, Cell, Challenge, Doubt, Machine, SelfCheck, Sitting, Status,
    SuiteReference, Trial, Weights,
};
use proofmark_reports::{Digest, Timestamp, derived, did_key, words};
use proofmark_workloads::Workload;

use crate::cell::protocol::{Job, Ready, Step};
use crate::certify::{Request, internal};
use crate::environment::{self, Reading};
use crate::journal::{Entry, Journal, Record, RunHead};
use crate::progress::Progress;
use crate::supervise::{CellRun, Verdict, run_cell};
use crate::{Failure, Outcome, ceilings};

/// A cell's reason is one line that fits a table.
const MAX_REASON: usize = 400;
/// A cell that takes down the whole run so often is not begun again.
const MAX_ATTEMPTS: u32 = 3;
/// The shortest workloads take a few milliseconds.
const COARSEST_CLOCK_NS: u64 = 100_000;

/// What is known of a run so far.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    request: &'a Request<'a>,
    pub(crate) head: RunHead,
    pub(crate) journal: Journal,
    pub(crate) sittings: Vec<Sitting>,
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) cells: Vec<Cell>,
    chain_head: Digest,
    /// How often the next cell was begun before.
    attempt: u32,
    /// By the system's clock, and by the monotonic one at the same time.
    clock: (SystemTime, Instant),
}

impl<'a> Run<'a> {
    /// A new run.
    pub(crate) fn begin(
        request: &'a Request<'a>,
        workloads: &[&Workload],
        key: &SigningKey,
        now: SystemTime,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let (mut journal, kept) = Journal::claim(&Journal::place(request.out))?;
        if let Some(kept) = kept {
            progress.note(&format!("a run was not finished; its journal is kept as {}", kept.display()));
        }
        let suite = &request.suite.suite;
        let started_at = Timestamp::of(now).to_string();
        let machine = environment::machine()?;
        if machine.clock.resolution_ns > COARSEST_CLOCK_NS {
            let error = anyhow!(
                "the clock's steps of {} ns are too large to time requests",
                machine.clock.resolution_ns
            );
            return Err(Failure::new(Outcome::Internal, error).hint("choose another clock source"));
        }
        let mut head = RunHead {
            suite: SuiteReference {
                name: suite.name.clone(),
                version: suite.version.clone(),
                digest: suite.digest,
            },
            operator: did_key::format(&key.verifying_key()),
            harness: environment::harness(request.isa)?,
            challenge: Challenge { kind: "self_issued".to_owned(), nonce: nonce()? },
            threads: request.threads.unwrap_or(machine.logical_cpus),
            machine,
            workloads: workloads.iter().map(|workload| workload.id.clone()).collect(),
            weights: weights(request),
            started_at: started_at.clone(),
            ceilings: None,
        };
        // Before the ceilings are measured, which load the machine themselves.
        let doubts = environment::standing_doubts(&head.machine);
        let time = Duration::from_millis(suite.timing.ceilings_ms);
        head.ceilings = ceilings_of(&head, request, time, progress);
        journal.begin(&head)?;
        let chain_head = first_head(&head, key)?;
        let record = Record {
            head,
            sittings: Vec::new(),
            doubts: Vec::new(),
            cells: Vec::new(),
            begun: 0,
            last_at: started_at.clone(),
        };
        Self::sit(request, record, journal, chain_head, Sitting { started_at, first_cell: 0 }, doubts, now)
    }

    /// The run that was killed.
    pub(crate) fn resume(
        request: &'a Request<'a>,
        workloads: &[&Workload],
        key: &SigningKey,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let path = Journal::place(request.out);
        let (journal, record) = Journal::reopen(&path)?;
        let refuse = |fact: String, hint: &str| {
            let error = anyhow!("{} is of another run: {fact}", path.display());
            Err(Failure::new(Outcome::BadInput, error).hint(hint))
        };
        let head = &record.head;
        let harness = environment::harness(request.isa)?;
        let machine = environment::machine()?;
        let ids: Vec<&str> = workloads.iter().map(|workload| workload.id.as_str()).collect();
        let differs = [
            ("suite", head.suite.digest != request.suite.suite.digest),
            ("key", head.operator != did_key::format(&key.verifying_key())),
            ("program", head.harness.binary_digest != harness.binary_digest),
            ("instruction set", head.harness.isa != harness.isa),
            ("machine", !is_same(&head.machine, &machine)),
            ("number of threads", head.threads != request.threads.unwrap_or(machine.logical_cpus)),
            ("selection of workloads", head.workloads != ids),
            ("weights", head.weights != weights(request)),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            let hint = "go on as the run was begun, or leave --resume out to begin anew";
            return refuse(format!("it has another {what}"), hint);
        }
        let started_at = Timestamp::of(now);
        if record.last_at.parse::<Timestamp>().is_ok_and(|last| last > started_at) {
            return refuse(
                format!("it tells of {}, and now it is {started_at}", record.last_at),
                "set the system's clock",
            );
        }
        let chain_head = match record.cells.last() {
            Some(cell) => cell.chain_head,
            None => first_head(head, key)?,
        };
        let doubts = environment::standing_doubts(&machine);
        let doubts = doubts.into_iter().filter(|doubt| !record.doubts.contains(doubt)).collect();
        let sitting = Sitting { started_at: started_at.to_string(), first_cell: record.cells.len() as u64 };
        Self::sit(request, record, journal, chain_head, sitting, doubts, now)
    }

    fn sit(
        request: &'a Request<'a>,
        record: Record,
        mut journal: Journal,
        chain_head: Digest,
        sitting: Sitting,
        doubts: Vec<Doubt>,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        journal.write(&Entry::Sitting { sitting: sitting.clone(), doubts: doubts.clone() })?;
        let Record { head, mut sittings, doubts: mut all, cells, begun, .. } = record;
        sittings.push(sitting);
        all.extend(doubts);
        let clock = (now, Instant::now());
        Ok(Self { request, head, journal, sittings, doubts: all, cells, chain_head, attempt: begun, clock })
    }

    /// Runs the next cell and puts it on disk.
    pub(crate) fn cell(
        &mut self,
        index: u64,
        workload: &Workload,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let RunHead { machine, threads, ceilings, .. } = &self.head;
        let mut cell = match derived::obstacle(workload, *threads, machine, *ceilings) {
            Some(obstacle) => Cell {
                status: Status::NotCovered,
                reason: Some(words::obstacle(obstacle)),
                obstacle: Some(obstacle),
                ..self.blank(workload, None)
            },
            None if self.attempt >= MAX_ATTEMPTS => Cell {
                status: Status::Failed,
                reason: Some(format!("the run was killed {} times while it ran this cell", self.attempt)),
                ..self.blank(workload, None)
            },
            None => self.observed(index, workload, progress)?,
        };
        derived::complete(&mut cell, &self.request.suite.suite, workload, self.head.ceilings);
        let at = self.now().to_string();
        self.journal.write(&Entry::Finished { cell: Box::new(cell.clone()), at })?;
        self.chain_head = cell.chain_head;
        self.cells.push(cell);
        self.attempt = 0;
        Ok(())
    }

    /// A cell that is tried, and what was seen of the machine meanwhile.
    fn observed(&mut self, index: u64, workload: &Workload, progress: &Progress) -> Result<Cell, Failure> {
        self.journal.write(&Entry::Began { index })?;
        let ceilings = self.head.ceilings.and_then(|_| self.pace(progress));
        let before = Reading::now();
        let mut cell = self.measured(index, workload, progress);
        cell.ceilings = ceilings;
        cell.doubts = before.doubts_until(&Reading::now());
        Ok(cell)
    }

    /// By the monotonic clock, so that a clock set back in between cannot spoil the sitting.
    pub(crate) fn now(&self) -> Timestamp {
        let (started, clock) = self.clock;
        Timestamp::of(started + clock.elapsed())
    }

    /// The ceilings once more, in a tenth of the time.
    fn pace(&self, progress: &Progress) -> Option<Ceilings> {
        let time = Duration::from_millis(self.request.suite.suite.timing.ceilings_ms) / 10;
        ceilings_of(&self.head, self.request, time, progress)
    }

    /// Looks at the machine once more.
    pub(crate) fn end(&mut self, progress: &Progress) {
        if let Some(before) = self.head.ceilings {
            let time = Duration::from_millis(self.request.suite.suite.timing.ceilings_ms);
            let after = ceilings_of(&self.head, self.request, time, progress);
            self.doubts.extend(after.and_then(|after| environment::ceilings_doubt(before, after)));
        }
        self.doubts.extend(derived::run_doubts(&self.cells));
    }

    fn measured(&self, index: u64, workload: &Workload, progress: &Progress) -> Cell {
        let source = self.request.suite;
        let folder = self.request.weights.iter().find(|weights| weights.model == workload.model.name);
        let job = Job {
            suite_name: source.suite.name.clone(),
            suite_text: source.text.clone(),
            workload: workload.id.clone(),
            isa: self.request.isa.to_string(),
            weights_folder: folder.map(|weights| weights.folder.clone()),
        };
        let judge = |ready: &Ready| match self_check(workload, ready) {
            SelfCheck::Mismatch => Verdict::Refuse(format!(
                "this machine computes wrongly: self-check digest {}, the suite says {}",
                ready.self_check_digest,
                workload.self_check.map(|digest| digest.to_string()).unwrap_or_default()
            )),
            SelfCheck::Match | SelfCheck::None => {
                Verdict::Start(self.first_seed(index, &self.blank(workload, Some(ready))))
            }
        };
        let limit = Duration::from_secs(source.suite.timing.time_limit_s);
        match run_cell(&job, self.head.threads, limit, judge, |stage| progress.stage(stage)) {
            CellRun::Complete { ready, steps, trials, done } => {
                let mut cell = self.blank(workload, Some(&ready));
                cell.peak_memory_bytes = done.peak_memory_bytes;
                let seed = self.first_seed(index, &cell);
                fill(&mut cell, workload, seed, &steps, trials);
                cell
            }
            CellRun::Broken { ready, reason } => Cell {
                status: Status::Failed,
                reason: Some(printable(&reason).chars().take(MAX_REASON).collect()),
                ..self.blank(workload, ready.as_ref())
            },
        }
    }

    fn first_seed(&self, index: u64, cell: &Cell) -> Digest {
        // A cell that is ready has weights, and so an identity.
        CellIdentity::of(cell)
            .map_or(self.chain_head, |identity| chain::cell_seed(self.chain_head, index, &identity))
    }

    /// A cell with what is known before its timed iterations.
    fn blank(&self, workload: &Workload, ready: Option<&Ready>) -> Cell {
        let mut cell = Cell::planned(workload, self.head.threads, self.chain_head);
        cell.attempt = self.attempt;
        if let Some(ready) = ready {
            cell.weights =
                Some(Weights { source: ready.weights_source.clone(), digest: ready.weights_digest });
            cell.load_ns = Some(ready.load_ns);
            cell.warm_up = Some(ready.warm_up.clone());
            cell.self_check_digest = Some(ready.self_check_digest);
        }
        cell
    }
}

/// Enters what was observed; [`derived::complete`] enters the rest.
fn fill(cell: &mut Cell, workload: &Workload, seed_0: Digest, steps: &[Step], trials: Vec<Trial>) {
    cell.latency_ns = steps.iter().map(|step| step.latency_ns).collect();
    cell.ttft_ns = steps.iter().filter_map(|step| step.ttft_ns).collect();
    cell.seed_0 = Some(seed_0);
    cell.output_digests = steps.iter().map(|step| step.digest).collect();
    cell.chain_head = chain::seed_after(seed_0, &cell.output_digests);
    for (trial, index) in trials.iter().zip(0..) {
        let seed = chain::trial_seed(cell.chain_head, index);
        cell.chain_head = chain::head_after_trial(seed, trial);
    }
    cell.capacity = workload.max_batch.filter(|_| !trials.is_empty()).map(|max_batch| Capacity {
        basis: CapacityBasis::OpenLoop,
        max_batch,
        requests_per_hour: 0,
        trials,
    });
}

/// Whether two readings are of one machine in one state; how much memory is free, and what the clock costs, may differ.
fn is_same(before: &Machine, now: &Machine) -> bool {
    let available_memory_bytes = before.available_memory_bytes;
    *before == Machine { available_memory_bytes, clock: before.clock.clone(), ..now.clone() }
}

fn first_head(head: &RunHead, key: &SigningKey) -> Result<Digest, Failure> {
    Ok(chain::first_head(&RunIdentity {
        suite_digest: head.suite.digest,
        operator_key: key.verifying_key().to_bytes(),
        machine_commitment: head.machine.commitment,
        binary_digest: head.harness.binary_digest,
        challenge_digest: challenge_digest(&head.challenge).map_err(internal)?,
    }))
}

/// What the machine reaches at most, if the suite asks for it and it can be measured.
fn ceilings_of(
    head: &RunHead,
    request: &Request<'_>,
    time: Duration,
    progress: &Progress,
) -> Option<Ceilings> {
    if time.is_zero() {
        return None;
    }
    let measured = environment::own_program().and_then(|program| {
        let memory_bytes = head.machine.available_memory_bytes;
        ceilings::measure(&program, head.threads, request.isa, memory_bytes, time)
    });
    measured.map_err(|error| progress.note(&format!("the ceilings are not measured: {error:#}"))).ok()
}

fn weights(request: &Request<'_>) -> Vec<(String, std::path::PathBuf)> {
    request.weights.iter().map(|weights| (weights.model.clone(), weights.folder.clone())).collect()
}

fn self_check(workload: &Workload, ready: &Ready) -> SelfCheck {
    derived::self_check(workload, &ready.weights_source, ready.self_check_digest)
}

fn nonce() -> Result<Digest, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| internal(anyhow!("no random numbers from the system: {error}")))?;
    Ok(Digest(bytes))
}
