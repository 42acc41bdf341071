//! Each cell against the suite, against itself, and against the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ed25519_dalek::VerifyingKey;
use proofmark_workloads::{Numerics, Suite, Workload};

use super::{Reason, chains, rounds, trials};
use crate::Digest;
use crate::derived::{self, LOCAL};
use crate::schema::v1::{Cell, PROCESSOR, Profile, SelfCheck, Status};
use crate::words::{self, clipped};

/// Characters of a foreign workload that each reason repeats.
const NAME: usize = 100;
/// Beating the measured arithmetic by more than this factor is no noise.
const IMPLAUSIBLE: u64 = 4;

/// As [`IMPLAUSIBLE`], of native numerics on a GPU, whose tensor cores multiply formats of 16 and 8 bits many times as fast as the f32 that
/// ceilings count.
const IMPLAUSIBLE_WITH_TENSOR_CORES: u64 = 16 * IMPLAUSIBLE;

/// Every fault of the cells.
pub(super) fn check(profile: &Profile, suite: &Suite, key: Option<VerifyingKey>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut chain_faults = key.map_or_else(Vec::new, |key| chains::check(profile, suite, &key));
    let mut last_place = None;
    let mut seen = Seen::new(profile);
    let best_flops_per_s = best_flops_per_s(profile);
    for (index, cell) in profile.cells.iter().enumerate() {
        let mut faults = Faults(Vec::new());
        let place = suite.workloads.iter().position(|workload| workload.id == cell.workload);
        match place {
            None => faults.add("the suite has no such workload"),
            Some(place) => {
                faults.require(last_place < Some(place), "out of the suite's order, or there twice");
                last_place = Some(place);
                let workload = &suite.workloads[place];
                check_cell(cell, workload, profile, suite, &mut faults);
                check_plausible(cell, workload, best_flops_per_s, &mut faults);
            }
        }
        seen.check(profile, cell, &mut faults);
        faults.0.extend(chain_faults.get_mut(index).map(std::mem::take).unwrap_or_default());
        reasons.extend(faults.0.into_iter().map(|fact| Reason::Cell {
            index,
            workload: clipped(&cell.workload, NAME),
            fact,
        }));
    }
    reasons
}

/// What is wrong with one cell.
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, fact: impl Into<String>) {
        self.0.push(fact.into());
    }

    /// Notes a fact unless something holds; `format_args!` says it without writing it out before.
    pub(super) fn require(&mut self, holds: bool, fact: impl fmt::Display) {
        if !holds {
            self.add(fact.to_string());
        }
    }
}

/// What cells of one run have in common, or must not.
struct Seen<'a> {
    /// Beginnings of output digests that are there more than once; nearly always none.
    doubtful: BTreeSet<u64>,
    /// Of those that begin so.
    outputs: BTreeSet<Digest>,
    /// By model, task (which tensors are loaded) and precision (what they are rounded to).
    weights: BTreeMap<(&'a str, &'a str, &'a str), Digest>,
}

impl<'a> Seen<'a> {
    fn new(profile: &Profile) -> Self {
        let mut beginnings: Vec<u64> = profile.cells.iter().flat_map(exact_outputs).map(beginning).collect();
        beginnings.sort_unstable();
        let twice = beginnings.windows(2).filter(|pair| pair[0] == pair[1]);
        Self {
            doubtful: twice.map(|pair| pair[0]).collect(),
            outputs: BTreeSet::new(),
            weights: BTreeMap::new(),
        }
    }

    fn check(&mut self, profile: &'a Profile, cell: &'a Cell, faults: &mut Faults) {
        // Every input is fresh, so an output that comes again was not computed from it. The sketch of a few scores may, by chance.
        let doubtful = exact_outputs(cell).filter(|digest| self.doubtful.contains(&beginning(digest)));
        let repeated = doubtful.filter(|digest| !self.outputs.insert(**digest)).count();
        faults.require(repeated == 0, format_args!("{repeated} output digests were there before"));
        let is_answer =
            cell.self_check_digest.is_some_and(|digest| exact_steps(cell).any(|output| *output == digest));
        faults.require(!is_answer, "an output digest is that of the self-check");

        if let Some(weights) = cell.weights.as_ref().filter(|weights| weights.source != LOCAL) {
            let first =
                *self.weights.entry((&cell.model, &cell.task, &cell.precision)).or_insert(weights.digest);
            faults.require(
                first == weights.digest,
                "the weights digest is another than an earlier cell's of this model in this precision",
            );
        }
        let threads = profile.cells.first().map_or(0, |first| first.threads);
        faults.require(cell.threads == threads, "threads differ within the run");
        let device = profile.cells.first().map_or(PROCESSOR, |first| &first.device);
        faults.require(cell.device == device, "the device differs within the run");
        let accelerator = profile.machine.accelerator(&cell.device);
        let is_there = cell.device == PROCESSOR || accelerator.is_some();
        faults.require(
            is_there,
            format_args!("device `{}` is none of the machine's", clipped(&cell.device, NAME)),
        );
        for (place, round) in cell.rounds.iter().enumerate() {
            match (accelerator, &round.accelerator) {
                (None, Some(_)) => faults.add(format!("round {place}: readings of a GPU, on the processor")),
                (Some(_), None) => faults.add(format!("round {place}: no readings of the GPU")),
                (Some(gpu), Some(readings)) => faults.require(
                    readings.peak_memory_bytes.is_none_or(|peak| peak <= gpu.memory_bytes),
                    format_args!("round {place}: more memory than the GPU has"),
                ),
                (None, None) => {}
            }
        }
        let memory_bytes = profile.machine.memory_bytes;
        let fits = cell.peak_memory_bytes().is_none_or(|peak| memory_bytes == 0 || peak <= memory_bytes);
        faults.require(fits, "peak_memory_bytes is more than the machine has");
    }
}

/// Output digests of timed iterations in exact numerics.
fn exact_steps(cell: &Cell) -> impl Iterator<Item = &Digest> {
    let rounds = cell.rounds.iter().filter(|_| cell.numerics != Numerics::Native.family());
    rounds.flat_map(|round| &round.output_digests)
}

/// Those of trials too.
fn exact_outputs(cell: &Cell) -> impl Iterator<Item = &Digest> {
    let capacity = cell.capacity.iter().filter(|_| cell.numerics != Numerics::Native.family());
    let trials = capacity.flat_map(|capacity| &capacity.trials);
    exact_steps(cell).chain(trials.flat_map(|trial| &trial.output_digests))
}

fn beginning(digest: &Digest) -> u64 {
    let (first, _) = digest.0.as_chunks::<8>();
    u64::from_le_bytes(first[0])
}

fn check_cell(cell: &Cell, workload: &Workload, profile: &Profile, suite: &Suite, faults: &mut Faults) {
    let task = workload.shape.task().to_string();
    let numerics = workload.numerics.to_string();
    for (member, actual, expected) in [
        ("task", &cell.task, &task),
        ("model", &cell.model, &workload.model.name),
        ("numerics", &cell.numerics, &numerics),
        ("precision", &cell.precision, &workload.precision),
    ] {
        faults
            .require(actual == expected, format_args!("{member} is `{actual}`, the suite says `{expected}`"));
    }
    let batch = workload.shape.batch();
    faults.require(cell.batch == batch, format_args!("batch is {}, the suite says {batch}", cell.batch));
    faults.require(cell.threads > 0, "threads is 0");
    let suites = workload.model.weights.source();
    let is_known = cell.weights.as_ref().is_none_or(|weights| [suites, LOCAL].contains(&&*weights.source));
    faults.require(is_known, format_args!("weights.source is neither {suites} nor {LOCAL}"));
    faults.require(cell.output_sketch_root.is_none(), "output_sketch_root is not known to this version");
    match cell.status {
        Status::Measured => check_measured(cell, workload, suite, faults),
        Status::NotCovered | Status::Failed => check_unmeasured(cell, workload, profile, suite, faults),
    }
    rounds::check(cell, workload, suite, faults);
    faults.require(
        cell.self_check != SelfCheck::Mismatch || cell.status == Status::Failed,
        "this machine computes wrongly, and yet the cell is not failed",
    );
    check_derived(cell, workload, profile, suite, faults);
}

fn check_measured(cell: &Cell, workload: &Workload, suite: &Suite, faults: &mut Faults) {
    faults.require(cell.reason.is_none() && cell.obstacle.is_none(), "measured, and yet a reason is given");
    for (member, is_there) in
        [("weights", cell.weights.is_some()), ("self_check_digest", cell.self_check_digest.is_some())]
    {
        faults.require(is_there, format_args!("measured without {member}"));
    }
    let (rounds, planned) = (cell.rounds.len() as u64, suite.timing.rounds);
    faults.require(rounds == planned, format_args!("{rounds} rounds, the suite says {planned}"));
    trials::check(cell, workload, suite, faults);
}

/// No request beats the arithmetic that the profile itself says the machine reaches at best.
fn check_plausible(cell: &Cell, workload: &Workload, best_flops_per_s: Option<u64>, faults: &mut Faults) {
    if cell.status != Status::Measured {
        return;
    }
    let least_ns =
        best_flops_per_s.and_then(|rate| derived::least_arithmetic_ns(workload, rate)).unwrap_or(0);
    let fastest_ns = cell.rounds.iter().flat_map(|round| &round.latency_ns).min();
    let is_on_processor = cell.device == PROCESSOR || cell.numerics != Numerics::Native.family();
    let implausible = if is_on_processor { IMPLAUSIBLE } else { IMPLAUSIBLE_WITH_TENSOR_CORES };
    if let Some(fastest_ns) = fastest_ns.filter(|ns| ns.saturating_mul(implausible) < least_ns) {
        faults.add(format!(
            "a request took {fastest_ns} ns, its arithmetic takes {least_ns} ns at the best rate that was measured"
        ));
    }
}

fn best_flops_per_s(profile: &Profile) -> Option<u64> {
    let rounds = profile.cells.iter().flat_map(|cell| &cell.rounds);
    let ceilings = rounds.filter_map(|round| round.ceilings).chain(profile.ceilings);
    ceilings.map(|ceilings| ceilings.f32_flops_per_s).max()
}

fn check_unmeasured(cell: &Cell, workload: &Workload, profile: &Profile, suite: &Suite, faults: &mut Faults) {
    faults.require(
        cell.reason.as_ref().is_some_and(|reason| !reason.is_empty()),
        "not measured without a reason",
    );
    let is_empty = cell.statistics.is_none() && cell.roofline.is_none() && cell.capacity.is_none();
    faults.require(is_empty, "not measured, and yet it has results");
    let rounds_at_most = match cell.status {
        Status::NotCovered => 0,
        Status::Failed | Status::Measured => suite.timing.rounds - 1,
    };
    let rounds = cell.rounds.len() as u64;
    faults.require(rounds <= rounds_at_most, format_args!("not measured, and yet it has {rounds} rounds"));
    let expected = match cell.status {
        Status::NotCovered => {
            derived::obstacle(workload, &cell.device, cell.threads, &profile.machine, profile.ceilings)
        }
        Status::Failed | Status::Measured => None,
    };
    let is_explained = cell.status != Status::NotCovered || expected.is_some();
    faults.require(is_explained, "not covered, and yet memory and ceilings allow it");
    faults.require(cell.obstacle == expected, "obstacle does not follow from machine and ceilings");
    if let Some(obstacle) = cell.obstacle {
        let says = cell.reason.as_deref() == Some(&*words::obstacle(obstacle));
        faults.require(says, "reason is another than the obstacle's");
    }
}

/// Whatever follows from the rest of the cell is what follows from it.
fn check_derived(cell: &Cell, workload: &Workload, profile: &Profile, suite: &Suite, faults: &mut Faults) {
    let mut expected = cell.clone();
    derived::complete(&mut expected, suite, workload, profile.ceilings);
    faults.require(
        cell.self_check == expected.self_check,
        format_args!("self_check is {:?}, its digest says {:?}", cell.self_check, expected.self_check),
    );
    faults.require(cell.statistics == expected.statistics, "statistics do not follow from the samples");
    faults.require(cell.roofline == expected.roofline, "roofline does not follow from median and ceilings");
    faults.require(cell.capacity == expected.capacity, "capacity does not follow from the latencies");
    faults.require(
        cell.doubts == expected.doubts,
        "doubts are not those of the rounds and those that the figures raise",
    );
}
