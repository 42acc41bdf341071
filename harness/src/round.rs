//! A round of a cell: a process measures, and what it says is entered into the cell.

use std::time::Duration;

use proofmark_reports::audit::KeptOutput;
use proofmark_reports::chain::{self, CellIdentity};
use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{
    Capacity, CapacityBasis, Ceilings, Cell, Round, SelfCheck, Status, Trial, Weights,
};
use proofmark_reports::{Digest, capacity, derived};
use proofmark_workloads::Workload;

use crate::cell::protocol::{Job, Proceed, Purpose, Ready, Step};
use crate::certify::Request;
use crate::environment::{Reading, accelerator_doubts};
use crate::journal::RunHead;
use crate::plan::given;
use crate::progress::Progress;
use crate::supervise::{Complete, Judge, RoundRun, Verdict, run_round};

/// A reason is one line that fits a table.
const MAX_REASON: usize = 400;

/// Which cell is measured in which round, and what is known before.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) head: &'a RunHead,
    pub(crate) workload: &'a Workload,
    /// Round and index.
    pub(crate) place: (u64, u64),
    /// How often the run was killed in this round of this cell.
    pub(crate) attempt: u32,
    /// The chain's, after the round before.
    pub(crate) chain_head: Digest,
}

/// The cell with one more round, or failed, and what is kept of the round's outputs. `ceilings` were measured just before.
pub(crate) fn run(
    visit: Visit<'_>,
    cell: Cell,
    ceilings: Option<Ceilings>,
    progress: &Progress,
) -> (Cell, Vec<KeptOutput>) {
    let before = Reading::now();
    let (mut cell, kept) = visit.measured(cell, progress);
    if let Some(round) = cell.rounds.last_mut().filter(|_| cell.status == Status::Measured) {
        round.ceilings = ceilings;
        round.doubts = before.doubts_until(&Reading::now());
        round.doubts.extend(round.accelerator.iter().flat_map(accelerator_doubts));
    }
    (cell, kept)
}

/// The cell without the round that went wrong.
pub(crate) fn failed(cell: Cell, reason: &str) -> Cell {
    Cell { status: Status::Failed, reason: Some(signable(reason)), ..cell }
}

/// A reason as a document may hold it: a process's last words may be any bytes, and many.
pub(crate) fn signable(reason: &str) -> String {
    printable(reason).chars().take(MAX_REASON).collect()
}

impl Visit<'_> {
    fn measured(self, cell: Cell, progress: &Progress) -> (Cell, Vec<KeptOutput>) {
        let Self { request, head, workload, .. } = self;
        let job = Job {
            weights: given(&request.weights, workload),
            ..Job::of(request.suite, workload, (request.place, request.isa), Purpose::Measure)
        };
        let limit = Duration::from_secs(request.suite.suite.timing.time_limit_s);
        let mut conduct = Conduct { visit: self, cell };
        let run = run_round(&job, head.threads, limit, &mut conduct, |stage| progress.stage(stage));
        let mut cell = conduct.cell;
        match run {
            RoundRun::Complete(complete) => {
                let Complete { ready, steps, trials, kept, done } = *complete;
                let mut round = self.round(&cell, &ready, &steps);
                round.peak_memory_bytes = done.peak_memory_bytes;
                round.accelerator = done.accelerator;
                round.chain_head = chain::head_after_trials(round.chain_head, &trials);
                cell.rounds.push(round);
                cell.capacity = self.searched(trials);
                (cell, kept)
            }
            RoundRun::Broken { reason } => (failed(cell, &reason), Vec::new()),
        }
    }

    /// What was observed before any trial; [`derived::complete`] enters the rest.
    fn round(self, cell: &Cell, ready: &Ready, steps: &[Step]) -> Round {
        let seed_0 = self.seed(cell);
        let output_digests: Vec<Digest> = steps.iter().map(|step| step.digest).collect();
        Round {
            attempt: self.attempt,
            ceilings: None,
            load_ns: ready.load_ns,
            warm_up: ready.warm_up.clone(),
            seed_0,
            latency_ns: steps.iter().map(|step| step.latency_ns).collect(),
            ttft_ns: steps.iter().filter_map(|step| step.ttft_ns).collect(),
            tpot_ns: Vec::new(),
            chain_head: chain::seed_after(seed_0, &output_digests),
            output_digests,
            peak_memory_bytes: None,
            accelerator: None,
            doubts: Vec::new(),
        }
    }

    fn searched(self, trials: Vec<Trial>) -> Option<Capacity> {
        let max_batch = self.workload.max_batch.filter(|_| !trials.is_empty())?;
        Some(Capacity { basis: CapacityBasis::OpenLoop, max_batch, requests_per_hour: 0, trials })
    }

    fn seed(self, cell: &Cell) -> Digest {
        let (round, index) = self.place;
        // A cell that is ready has weights, and so an identity.
        CellIdentity::of(cell, self.attempt)
            .map_or(self.chain_head, |identity| chain::round_seed(self.chain_head, round, index, &identity))
    }
}

/// What the process is told, by what it says.
struct Conduct<'a> {
    visit: Visit<'a>,
    cell: Cell,
}

impl Judge for Conduct<'_> {
    fn start(&mut self, ready: &Ready) -> Verdict {
        let Self { visit, cell } = self;
        let workload = visit.workload;
        let weights = Weights { source: ready.weights_source.clone(), digest: ready.weights_digest };
        if cell.weights.get_or_insert_with(|| weights.clone()) != &weights {
            return Verdict::Refuse("the weights are no longer those of the first round".to_owned());
        }
        let digest = ready.self_check_digest;
        let first = *cell.self_check_digest.get_or_insert(digest);
        if derived::self_check(workload, &weights.source, digest) == SelfCheck::Mismatch {
            cell.self_check_digest = Some(digest);
            return Verdict::Refuse(format!(
                "this machine computes wrongly: self-check digest {digest}, the suite says {}",
                workload.self_check.map(|digest| digest.to_string()).unwrap_or_default()
            ));
        }
        if workload.numerics.is_exact() && digest != first {
            return Verdict::Refuse(format!(
                "this machine computes wrongly: self-check digest {digest}, in the first round {first}"
            ));
        }
        Verdict::Start(visit.seed(cell))
    }

    /// A search is due as a verifier will find from the same times.
    fn proceed(&mut self, ready: &Ready, steps: &[Step]) -> Proceed {
        let Self { visit, cell } = self;
        let suite = &visit.request.suite.suite;
        if visit.place.0 + 1 < suite.timing.rounds {
            return Proceed::End;
        }
        let mut all = cell.clone();
        all.rounds.push(visit.round(cell, ready, steps));
        derived::complete(&mut all, suite, visit.workload, visit.head.ceilings);
        if capacity::is_search_due(&suite.timing, visit.workload, &all) {
            Proceed::Search
        } else {
            Proceed::End
        }
    }
}
