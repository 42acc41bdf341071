//! A run of a suite on a machine that is drawn instead of measured, in the order in which an honest program measures.

use proofmark_workloads::{ModelWeights, Numerics, Suite, Timing, Workload};

use super::hardware::Hardware;
use super::random::{Origin, Random};
use super::service::Service;
use super::trials::{self, Search};
use crate::chain::{self, CellIdentity};
use crate::derived;
use crate::schema::v1::{
    Capacity, CapacityBasis, Ceilings, Cell, Machine, PROCESSOR, Round, Status, WarmUp, Weights,
};
use crate::{Digest, capacity, words};

/// Both sides of the roofline.
const SIDES: u128 = 2;
/// Starting a process and what else is not recorded, for each round of a cell.
const BESIDE_NS: u64 = 150_000_000;
/// How long a byte of weights takes to be made.
const LOAD_NS: f64 = 1.1;
/// Of the estimate of the memory that a process needs, what it takes (`workloads::memory`).
const TAKEN_MEMORY: f64 = 0.87;
/// By how much the first window of a warm-up is slower, as a part, and how much of that is left from window to window.
const COLD: f64 = 0.3;
const STILL_COLD: f64 = 0.2;
/// By how much the times of a near copy differ at most, as a part.
const JITTER: f64 = 1e-4;

/// A run whose chain begins at a head.
pub(super) struct Run<'a> {
    pub(super) suite: &'a Suite,
    pub(super) hardware: &'a Hardware,
    pub(super) machine: &'a Machine,
    pub(super) arithmetic: Arithmetic,
    pub(super) noise: Noise,
    pub(super) head: Digest,
}

/// What a machine makes of the suite's self-checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Right,
    /// In one exact workload, if it can run any.
    Wrong,
}

/// Where the random numbers of a run come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Of its times.
    pub(super) times: Origin,
    /// Of its output digests.
    pub(super) outputs: Origin,
    /// Of the differences between a near copy and what it copies.
    pub(super) jitter: Option<Origin>,
}

/// What a run leaves.
pub(super) struct Measured {
    pub(super) ceilings: Option<Ceilings>,
    pub(super) cells: Vec<Cell>,
    pub(super) duration_ns: u128,
}

impl Run<'_> {
    pub(super) fn measure(&self) -> Measured {
        let timing = &self.suite.timing;
        let mut pace = self.noise.times.random("ceilings", 0);
        let ceilings = (timing.ceilings_ms > 0).then(|| self.hardware.ceilings(&mut pace));
        let workloads = self.suite.workloads.iter().enumerate();
        let mut benches: Vec<Bench<'_>> =
            workloads.map(|(place, workload)| self.bench(place, workload, ceilings)).collect();
        if self.arithmetic == Arithmetic::Wrong {
            self.miscompute(&mut benches);
        }
        let mut head = self.head;
        // Before and after.
        let mut duration_ns = 2 * SIDES * timing.ceilings().as_nanos();
        for number in 0..timing.rounds {
            for bench in benches.iter_mut().filter(|bench| bench.cell.status == Status::Measured) {
                let round_ceilings = ceilings.map(|_| self.hardware.ceilings(&mut pace));
                duration_ns += SIDES * timing.ceilings_before_a_round().as_nanos();
                duration_ns += bench.round(&mut head, number, timing, round_ceilings);
                if number + 1 == timing.rounds && bench.is_search_due(self.suite, ceilings) {
                    duration_ns += bench.search(&mut head, self);
                }
            }
        }
        let complete = |Bench { mut cell, workload, .. }| {
            derived::complete(&mut cell, self.suite, workload, ceilings);
            cell
        };
        Measured { ceilings, cells: benches.into_iter().map(complete).collect(), duration_ns }
    }

    /// A cell with what can be said of it before it is measured.
    fn bench<'a>(&self, place: usize, workload: &'a Workload, ceilings: Option<Ceilings>) -> Bench<'a> {
        let threads = self.hardware.class.logical_cpus;
        let mut cell = Cell::planned(workload, threads);
        if let Some(obstacle) = derived::obstacle(workload, PROCESSOR, threads, self.machine, ceilings) {
            (cell.status, cell.obstacle) = (Status::NotCovered, Some(obstacle));
            cell.reason = Some(words::obstacle(obstacle));
        } else {
            let weights = Weights {
                source: workload.model.weights.source().to_owned(),
                digest: weights_digest(workload),
            };
            cell.weights = Some(weights);
            cell.self_check_digest = Some(self.self_check_digest(workload));
        }
        Bench {
            place,
            workload,
            service: Service::of(self.hardware, workload, place, 1),
            peak_memory_bytes: self.peak_memory_bytes(workload),
            times: self.noise.times.random("times", place),
            outputs: self.noise.outputs.random("outputs", place),
            jitter: self.noise.jitter.map(|jitter| jitter.random("jitter", place)),
            cell,
        }
    }

    /// Of exact arithmetic the suite's, or one for all machines; native bits belong to the class.
    fn self_check_digest(&self, workload: &Workload) -> Digest {
        let invented = |class: &str| {
            Digest::of_fields("proofmark/synthetic/self_check/1", &[workload.id.as_bytes(), class.as_bytes()])
        };
        match workload.numerics {
            Numerics::Exact1 | Numerics::ExactQ8 => workload.self_check.unwrap_or_else(|| invented("")),
            Numerics::Native => invented(self.hardware.class.name),
        }
    }

    fn peak_memory_bytes(&self, workload: &Workload) -> u64 {
        let threads = self.hardware.class.logical_cpus;
        (workload.memory_bytes(workload.max_batch.unwrap_or(1), threads) as f64 * TAKEN_MEMORY) as u64
    }

    /// Fails one of the cells whose self-check the suite knows.
    fn miscompute(&self, benches: &mut [Bench<'_>]) {
        let mut random = self.noise.times.random("wrong", 0);
        let is_known = |bench: &&mut Bench<'_>| {
            bench.cell.status == Status::Measured
                && bench.workload.numerics.is_exact()
                && bench.workload.self_check.is_some()
        };
        let mut known: Vec<&mut Bench<'_>> = benches.iter_mut().filter(is_known).collect();
        let drawn = random.below(known.len());
        if let Some(Bench { cell, workload, .. }) = known.get_mut(drawn) {
            let (digest, golden) = (random.digest(), workload.self_check.unwrap_or(Digest([0; 32])));
            cell.status = Status::Failed;
            cell.self_check_digest = Some(digest);
            cell.reason = Some(format!(
                "this machine computes wrongly: self-check digest {digest}, the suite says {golden}"
            ));
        }
    }
}

/// The same for all machines, as that of true synthetic weights is.
fn weights_digest(workload: &Workload) -> Digest {
    let (model, task) = (&workload.model, workload.shape.task().to_string());
    let origin = match &model.weights {
        ModelWeights::Synthetic { seed } => seed.to_le_bytes().to_vec(),
        ModelWeights::Hub { repo, revision } => format!("{repo}@{revision}").into_bytes(),
    };
    let fields: [&[u8]; 4] = [model.name.as_bytes(), &origin, task.as_bytes(), workload.precision.as_bytes()];
    Digest::of_fields("proofmark/synthetic/weights/1", &fields)
}

/// A cell while it is measured.
struct Bench<'a> {
    place: usize,
    workload: &'a Workload,
    service: Service,
    peak_memory_bytes: u64,
    times: Random,
    outputs: Random,
    jitter: Option<Random>,
    cell: Cell,
}

impl Bench<'_> {
    /// Adds a round, or fails; how long it took.
    fn round(&mut self, head: &mut Digest, number: u64, timing: &Timing, ceilings: Option<Ceilings>) -> u128 {
        let Some(identity) = CellIdentity::of(&self.cell, 0) else { return 0 };
        let seed_0 = chain::round_seed(*head, number, self.place as u64, &identity);
        let mut round = self.timed(timing);
        let recorded = round.latency_ns.iter().chain([&round.load_ns, &round.warm_up.duration_ns]);
        let duration_ns = u128::from(BESIDE_NS) + recorded.map(|ns| u128::from(*ns)).sum::<u128>();
        let limit_ns = u128::from(timing.time_limit_s) * 1_000_000_000;
        if duration_ns > limit_ns {
            self.cell.status = Status::Failed;
            self.cell.reason = Some(format!("took longer than its limit of {} s", timing.time_limit_s));
            return limit_ns;
        }
        round.output_digests = round.latency_ns.iter().map(|_| self.outputs.digest()).collect();
        *head = chain::seed_after(seed_0, &round.output_digests);
        (round.seed_0, round.chain_head, round.ceilings) = (seed_0, *head, ceilings);
        self.cell.rounds.push(round);
        duration_ns
    }

    /// A round without outputs and chain.
    fn timed(&mut self, timing: &Timing) -> Round {
        let load_ns = self.peak_memory_bytes as f64 * LOAD_NS * self.times.factor(self.service.spread());
        let warm_up = self.warm_up(timing);
        let mut round = Round {
            attempt: 0,
            ceilings: None,
            load_ns: load_ns as u64,
            seed_0: Digest([0; 32]),
            latency_ns: Vec::new(),
            ttft_ns: Vec::new(),
            tpot_ns: Vec::new(),
            output_digests: Vec::new(),
            chain_head: Digest([0; 32]),
            peak_memory_bytes: Some(self.peak_memory_bytes),
            accelerator: None,
            doubts: Vec::new(),
            warm_up,
        };
        for _ in 0..timing.iterations(round.warm_up.median_ns()) {
            let times = self.service.draw(&mut self.times);
            let jitter =
                self.jitter.as_mut().map_or(1.0, |jitter| 1.0 + JITTER * (2.0 * jitter.uniform() - 1.0));
            let times = times.scaled(jitter);
            round.latency_ns.push(times.latency_ns);
            round.ttft_ns.extend(times.ttft_ns);
        }
        round
    }

    /// Windows until three agree, of requests that become faster.
    fn warm_up(&mut self, timing: &Timing) -> WarmUp {
        let (least_ns, cap_ns) = (timing.warm_up_ms * 1_000_000, timing.warm_up_cap_ms * 1_000_000);
        let window_ns = timing.warm_up_window().as_nanos() as u64;
        let mut warm_up = WarmUp { iterations: 0, duration_ns: 0, window_median_ns: Vec::new() };
        let mut cold = COLD;
        loop {
            let typical_ns = self.service.typical().latency_ns as f64 * (1.0 + cold);
            let iterations = window_ns.div_ceil(typical_ns as u64).max(1);
            // Of so many requests, nearly.
            let spread = self.service.spread() * (1.57 / iterations as f64).sqrt().min(1.0);
            let median_ns = (typical_ns * self.times.factor(spread)) as u64;
            let took_ns = window_ns.max(iterations.saturating_mul(median_ns.max(1)));
            warm_up.iterations += iterations;
            warm_up.duration_ns = warm_up.duration_ns.saturating_add(took_ns);
            warm_up.window_median_ns.push(median_ns.max(1));
            let is_settled = warm_up.duration_ns >= least_ns && derived::is_stable(&warm_up);
            if warm_up.duration_ns >= cap_ns || is_settled {
                return warm_up;
            }
            cold *= STILL_COLD;
        }
    }

    /// Enters what follows from the rounds to see whether trials follow.
    fn is_search_due(&mut self, suite: &Suite, ceilings: Option<Ceilings>) -> bool {
        if self.cell.status != Status::Measured || self.workload.max_batch.is_none() {
            return false;
        }
        derived::complete(&mut self.cell, suite, self.workload, ceilings);
        capacity::is_search_due(&suite.timing, self.workload, &self.cell)
    }

    /// Adds trials behind the last round; how long they took.
    fn search(&mut self, head: &mut Digest, run: &Run<'_>) -> u128 {
        let max_batch = self.workload.max_batch.unwrap_or(1);
        let service = |requests| Service::of(run.hardware, self.workload, self.place, requests);
        let services: Vec<Service> = (1..=max_batch).map(service).collect();
        let mut times = run.noise.times.random("trials", self.place);
        let mut outputs = run.noise.outputs.random("served", self.place);
        let Search { trials, duration_ns } =
            trials::search(run.suite, self.workload, &services, *head, &mut times, &mut outputs);
        *head = chain::head_after_trials(*head, &trials);
        if let Some(last) = self.cell.rounds.last_mut() {
            last.chain_head = *head;
        }
        self.cell.capacity =
            Some(Capacity { basis: CapacityBasis::OpenLoop, max_batch, requests_per_hour: 0, trials });
        duration_ns
    }
}
