//! A run: all cells, round after round, each on disk before the next begins.

use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use proofmark_reports::audit::KeptOutput;
use proofmark_reports::chain::{self, RunIdentity};
use proofmark_reports::key::SigningKey;
use proofmark_reports::profile::challenge_digest;
use proofmark_reports::schema::v1::{
    Ceilings, Cell, Challenge, Doubt, Machine, NetworkChallenge, Sitting, Status, SuiteReference,
};
use proofmark_reports::{Digest, Timestamp, derived, did_key, words};
use proofmark_workloads::Workload;

use crate::certify::{Request, internal};
use crate::journal::{self, Entry, Journal, Record, RunHead};
use crate::place::Place;
use crate::progress::Progress;
use crate::round::{self, Visit};
use crate::{Failure, Outcome, ceilings, environment};

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
    pub(crate) kept: Vec<KeptOutput>,
    chain_head: Digest,
    /// Round and index of the last cell that was over.
    last: Option<(u64, u64)>,
    /// Round and index of the cell that was begun after that, and how often.
    begun: Option<((u64, u64), u32)>,
    clock: RunClock,
}

impl<'a> Run<'a> {
    /// A new run.
    pub(crate) fn begin(
        request: &'a Request<'a>,
        workloads: &[&Workload],
        key: &SigningKey,
        clock: RunClock,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let (mut journal, kept) = Journal::claim(&Journal::place(request.out))?;
        if let Some(kept) = kept {
            progress.note(&format!("a run was not finished; its journal is kept as {}", kept.display()));
        }
        let suite = &request.suite.suite;
        let machine = machine_with(request.place)?;
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
            challenge: match request.challenge {
                Some(document) => Challenge::Network { document: Box::new(document.clone()) },
                None => Challenge::SelfIssued { nonce: nonce()? },
            },
            threads: request.threads.unwrap_or(machine.logical_cpus),
            machine,
            workloads: workloads.iter().map(|workload| workload.id.clone()).collect(),
            weights: weights(request),
            started_at: clock.now().to_string(),
            ceilings: None,
        };
        // Before the ceilings are measured, which load the machine themselves.
        let doubts = environment::standing_doubts(&head.machine);
        let time = suite.timing.ceilings();
        head.ceilings = ceilings_of(&head, request, time, progress);
        let chain_head = first_head(&head, key)?;
        let record = journal.begin(head, doubts)?;
        Ok(Self::of(request, record, journal, chain_head, clock))
    }

    /// The run that was killed.
    pub(crate) fn resume(
        request: &'a Request<'a>,
        workloads: &[&Workload],
        key: &SigningKey,
        clock: RunClock,
    ) -> Result<Self, Failure> {
        let path = Journal::place(request.out);
        let (journal, record) = Journal::reopen(&path)?;
        let refuse = |fact: String, hint: &str| {
            let error = anyhow!("{} is of another run: {fact}", path.display());
            Err(Failure::new(Outcome::BadInput, error).hint(hint))
        };
        let head = &record.head;
        let harness = environment::harness(request.isa)?;
        let machine = machine_with(request.place)?;
        let ids: Vec<&str> = workloads.iter().map(|workload| workload.id.as_str()).collect();
        let differs = [
            ("suite", head.suite.digest != request.suite.suite.digest),
            ("challenge", is_other_challenge(&head.challenge, request.challenge)),
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
        let started_at = clock.now();
        if record.last_at.parse::<Timestamp>().is_ok_and(|last| last > started_at) {
            return refuse(
                format!("it tells of {}, and now it is {started_at}", record.last_at),
                "set the system's clock",
            );
        }
        let chain_head = match last_head(&record.cells) {
            Some(head) => head,
            None => first_head(head, key)?,
        };
        let doubts = environment::standing_doubts(&machine);
        let doubts: Vec<Doubt> = doubts.into_iter().filter(|doubt| !record.doubts.contains(doubt)).collect();
        let rounds = request.suite.suite.timing.rounds;
        let (first_round, first_cell) = record.next(rounds).unwrap_or((rounds, 0));
        let sitting = Sitting { started_at: started_at.to_string(), first_round, first_cell };
        let mut run = Self::of(request, record, journal, chain_head, clock);
        run.journal.write(&Entry::Sitting { sitting: sitting.clone(), doubts: doubts.clone() })?;
        run.sittings.push(sitting);
        run.doubts.extend(doubts);
        Ok(run)
    }

    fn of(
        request: &'a Request<'a>,
        record: Record,
        journal: Journal,
        chain_head: Digest,
        clock: RunClock,
    ) -> Self {
        let Record { head, sittings, doubts, cells, kept, last, begun, .. } = record;
        Self { request, head, journal, sittings, doubts, cells, kept, chain_head, last, begun, clock }
    }

    /// Whether a cell is still to be measured in a round.
    pub(crate) fn is_open(&self, round: u64, index: usize) -> bool {
        journal::is_open(&self.cells, self.last, (round, index))
    }

    /// Measures a cell for a round and puts it on disk.
    pub(crate) fn round(
        &mut self,
        round: u64,
        index: usize,
        workload: &Workload,
        progress: &Progress,
    ) -> Result<&Cell, Failure> {
        let place = (round, index as u64);
        let RunHead { machine, threads, ceilings, .. } = &self.head;
        let so_far = self.cells.get(index).cloned().unwrap_or_else(|| Cell {
            device: self.request.place.to_string(),
            ..Cell::planned(workload, *threads)
        });
        let attempt = self.begun.filter(|(begun, _)| *begun == place).map_or(0, |(_, times)| times);
        let (mut cell, kept) = match derived::obstacle(workload, &so_far.device, *threads, machine, *ceilings)
        {
            Some(obstacle) => {
                let (status, reason) = (Status::NotCovered, Some(words::obstacle(obstacle)));
                (Cell { status, reason, obstacle: Some(obstacle), ..so_far }, Vec::new())
            }
            None if attempt >= MAX_ATTEMPTS => {
                let reason = format!("the run was killed {attempt} times while it ran this cell");
                (round::failed(so_far, &reason), Vec::new())
            }
            None => {
                self.journal.write(&Entry::Began { round, index: place.1 })?;
                let ceilings = self.head.ceilings.and_then(|_| self.pace(progress));
                let (request, head, chain_head) = (self.request, &self.head, self.chain_head);
                round::run(
                    Visit { request, head, workload, place, attempt, chain_head },
                    so_far,
                    ceilings,
                    progress,
                )
            }
        };
        derived::complete(&mut cell, &self.request.suite.suite, workload, self.head.ceilings);
        let at = self.clock.now().to_string();
        self.kept.extend_from_slice(&kept);
        let entry = Entry::Finished { round, index: place.1, cell: Box::new(cell.clone()), kept, at };
        self.journal.write(&entry)?;
        (self.last, self.begun) = (Some(place), None);
        // Without a round of its own, a cell leaves the head as it is.
        if let Some(measured) = usize::try_from(round).ok().and_then(|round| cell.rounds.get(round)) {
            self.chain_head = measured.chain_head;
        }
        match self.cells.get_mut(index) {
            Some(earlier) => *earlier = cell,
            None => self.cells.push(cell),
        }
        Ok(&self.cells[index])
    }

    /// The ceilings once more, in a tenth of the time.
    fn pace(&self, progress: &Progress) -> Option<Ceilings> {
        let time = self.request.suite.suite.timing.ceilings_before_a_round();
        ceilings_of(&self.head, self.request, time, progress)
    }

    /// Looks at the machine once more.
    pub(crate) fn end(&mut self, progress: &Progress) {
        if let Some(before) = self.head.ceilings {
            let time = self.request.suite.suite.timing.ceilings();
            let after = ceilings_of(&self.head, self.request, time, progress);
            self.doubts.extend(after.and_then(|after| environment::ceilings_doubt(before, after)));
        }
        self.doubts.extend(derived::run_doubts(&self.cells));
    }
}

/// A start by the system's clock, and the time since then by the monotonic one: a clock set back in between cannot spoil a sitting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: SystemTime,
    monotonic: Instant,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self { started: SystemTime::now(), monotonic: Instant::now() }
    }

    pub(crate) fn now(self) -> Timestamp {
        Timestamp::of(self.started + self.monotonic.elapsed())
    }
}

/// The chain's head after the last round that is over.
fn last_head(cells: &[Cell]) -> Option<Digest> {
    let rounds = cells.iter().map(|cell| cell.rounds.len()).max()?;
    let last = |round: usize| cells.iter().rev().find_map(|cell| cell.rounds.get(round));
    Some(last(rounds.checked_sub(1)?)?.chain_head)
}

/// Whether a run that answers `begun` does not answer what is now asked.
fn is_other_challenge(begun: &Challenge, asked: Option<&NetworkChallenge>) -> bool {
    match (begun, asked) {
        (Challenge::Network { document }, Some(asked)) => document.as_ref() != asked,
        (Challenge::SelfIssued { .. }, None) => false,
        _ => true,
    }
}

/// Whether two readings are of one machine in one state; how much memory is free, and what the clock costs, may differ.
fn is_same(before: &Machine, now: &Machine) -> bool {
    let mut now = now.clone();
    now.available_memory_bytes = before.available_memory_bytes;
    now.clock = before.clock.clone();
    for (now, before) in now.accelerators.iter_mut().zip(&before.accelerators) {
        now.available_memory_bytes = before.available_memory_bytes;
    }
    *before == now
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

/// The machine, with the GPU that models run on.
fn machine_with(place: Place) -> Result<Machine, Failure> {
    let accelerators = environment::accelerator_apart(place)?.into_iter().collect();
    Ok(Machine { accelerators, ..environment::machine()? })
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
        let memory_bytes = head.machine.available_bytes_on(&request.place.to_string());
        ceilings::measure(&program, head.threads, (request.place, request.isa), memory_bytes, time)
    });
    measured.map_err(|error| progress.note(&format!("the ceilings are not measured: {error:#}"))).ok()
}

fn weights(request: &Request<'_>) -> Vec<(String, std::path::PathBuf)> {
    request.weights.iter().map(|weights| (weights.model.clone(), weights.folder.clone())).collect()
}

/// 32 random bytes.
pub(crate) fn nonce() -> Result<Digest, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| internal(anyhow!("no random numbers from the system: {error}")))?;
    Ok(Digest(bytes))
}
