//! Each cell against the suite, against itself, and in the chain.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use proofmark_workloads::{Suite, Task, Timing, Workload};

use super::{Reason, trials};
use crate::chain::{self, CellIdentity, RunIdentity};
use crate::derived::{self, SYNTHETIC};
use crate::schema::v1::{Cell, DEVICE, Profile, SelfCheck, Status, WarmUp};
use crate::{Digest, profile, words};

/// Every fault of the cells.
pub(super) fn check(profile: &Profile, suite: &Suite, key: Option<VerifyingKey>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut head = key.and_then(|key| first_head(profile, &key));
    let mut last_place = None;
    let mut seen = Seen::default();
    for (index, cell) in profile.cells.iter().enumerate() {
        let mut faults = Faults(Vec::new());
        let place = suite.workloads.iter().position(|workload| workload.id == cell.workload);
        match place {
            None => faults.add("the suite has no such workload"),
            Some(place) => {
                faults.require(last_place < Some(place), "out of the suite's order, or there twice");
                last_place = Some(place);
                check_cell(cell, &suite.workloads[place], profile, suite, &mut faults);
            }
        }
        if let Some(before) = head {
            check_chain(cell, index, before, &mut faults);
        }
        seen.check(profile, cell, &mut faults);
        // From the head as written, so that one break is reported once.
        head = head.map(|_| cell.chain_head);
        reasons.extend(faults.0.into_iter().map(|fact| Reason::Cell {
            index,
            workload: cell.workload.clone(),
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

    pub(super) fn require(&mut self, holds: bool, fact: impl Into<String>) {
        if !holds {
            self.add(fact);
        }
    }
}

/// What cells of one run have in common, or must not.
#[derive(Default)]
struct Seen<'a> {
    outputs: BTreeSet<Digest>,
    /// By model, task (which tensors are loaded) and precision (what they are rounded to).
    weights: BTreeMap<(&'a str, &'a str, &'a str), Digest>,
}

impl<'a> Seen<'a> {
    fn check(&mut self, profile: &'a Profile, cell: &'a Cell, faults: &mut Faults) {
        // Every input is fresh, so an output that comes again was not computed from it.
        let trials = cell.capacity.iter().flat_map(|capacity| &capacity.trials);
        let outputs = cell.output_digests.iter().chain(trials.flat_map(|trial| &trial.output_digests));
        let repeated = outputs.filter(|digest| !self.outputs.insert(**digest)).count();
        faults.require(repeated == 0, format!("{repeated} output digests were there before"));
        let is_answer = cell.self_check_digest.is_some_and(|digest| cell.output_digests.contains(&digest));
        faults.require(!is_answer, "an output digest is that of the self-check");

        if let Some(weights) = cell.weights.as_ref().filter(|weights| weights.source == SYNTHETIC) {
            let first =
                *self.weights.entry((&cell.model, &cell.task, &cell.precision)).or_insert(weights.digest);
            faults.require(
                first == weights.digest,
                "the weights digest is another than an earlier cell's of this model in this precision",
            );
        }
        let threads = profile.cells.first().map_or(0, |first| first.threads);
        faults.require(cell.threads == threads, "threads differ within the run");
        let memory_bytes = profile.machine.memory_bytes;
        let fits = cell.peak_memory_bytes.is_none_or(|peak| memory_bytes == 0 || peak <= memory_bytes);
        faults.require(fits, "peak_memory_bytes is more than the machine has");
    }
}

fn first_head(profile: &Profile, key: &VerifyingKey) -> Option<Digest> {
    Some(chain::first_head(&RunIdentity {
        suite_digest: profile.suite.digest,
        operator_key: key.to_bytes(),
        machine_commitment: profile.machine.commitment,
        binary_digest: profile.harness.binary_digest,
        challenge_digest: profile::challenge_digest(&profile.challenge).ok()?,
    }))
}

fn check_chain(cell: &Cell, index: usize, head: Digest, faults: &mut Faults) {
    let (Status::Measured, Some(identity)) = (cell.status, CellIdentity::of(cell)) else {
        faults.require(cell.chain_head == head, "chain_head changed although nothing was measured");
        return;
    };
    let seed_0 = chain::cell_seed(head, index as u64, &identity);
    faults.require(cell.seed_0 == Some(seed_0), "seed_0 does not follow from the chain before it");
    let last =
        cell.seed_0.map(|seed| trials::head_after(cell, chain::seed_after(seed, &cell.output_digests)));
    faults.require(
        last == Some(cell.chain_head),
        "chain_head does not follow from seed_0 and the output digests",
    );
}

fn check_cell(cell: &Cell, workload: &Workload, profile: &Profile, suite: &Suite, faults: &mut Faults) {
    let task = workload.shape.task().to_string();
    let numerics = workload.numerics.to_string();
    for (member, actual, expected) in [
        ("task", &cell.task, &task),
        ("model", &cell.model, &workload.model.name),
        ("numerics", &cell.numerics, &numerics),
        ("precision", &cell.precision, &workload.precision),
        ("device", &cell.device, &DEVICE.to_owned()),
    ] {
        faults.require(actual == expected, format!("{member} is `{actual}`, the suite says `{expected}`"));
    }
    let batch = workload.shape.batch();
    faults.require(cell.batch == batch, format!("batch is {}, the suite says {batch}", cell.batch));
    faults.require(cell.threads > 0, "threads is 0");
    let is_known =
        cell.weights.as_ref().is_none_or(|weights| [SYNTHETIC, "local"].contains(&weights.source.as_str()));
    faults.require(is_known, "weights.source is neither synthetic nor local");
    faults.require(cell.output_sketch_root.is_none(), "output_sketch_root is not known to this version");
    match cell.status {
        Status::Measured => check_measured(cell, workload, suite, faults),
        Status::NotCovered | Status::Failed => check_unmeasured(cell, workload, profile, faults),
    }
    faults.require(
        cell.self_check != SelfCheck::Mismatch || cell.status == Status::Failed,
        "this machine computes wrongly, and yet the cell is not failed",
    );
    check_derived(cell, workload, profile, suite, faults);
}

fn check_measured(cell: &Cell, workload: &Workload, suite: &Suite, faults: &mut Faults) {
    faults.require(cell.reason.is_none() && cell.obstacle.is_none(), "measured, and yet a reason is given");
    for (member, is_there) in [
        ("weights", cell.weights.is_some()),
        ("load_ns", cell.load_ns.is_some()),
        ("warm_up", cell.warm_up.is_some()),
        ("self_check_digest", cell.self_check_digest.is_some()),
    ] {
        faults.require(is_there, format!("measured without {member}"));
    }
    let iterations = cell.latency_ns.len();
    if let Some(warm_up) = &cell.warm_up {
        check_warm_up(warm_up, &suite.timing, faults);
        let fixed = suite.timing.iterations(warm_up.median_ns());
        let fact = format!("{iterations} timed iterations, warm-up and suite fix {fixed}");
        faults.require(iterations as u64 == fixed, fact);
    }
    faults.require(!cell.latency_ns.contains(&0), "an iteration took no time");
    let digests = cell.output_digests.len();
    faults.require(digests == iterations, format!("{iterations} timed iterations, {digests} output digests"));
    check_token_times(cell, workload, faults);
    trials::check(cell, workload, suite, faults);
}

/// Long enough, and not ended before the times had settled while there was time left.
fn check_warm_up(warm_up: &WarmUp, timing: &Timing, faults: &mut Faults) {
    let (least_ns, cap_ns) = (timing.warm_up_ms * 1_000_000, timing.warm_up_cap_ms * 1_000_000);
    let windows = warm_up.window_median_ns.len() as u64;
    let is_filled = warm_up.iterations >= windows && !warm_up.window_median_ns.contains(&0) && windows > 0;
    faults.require(is_filled, "warm_up has an empty window");
    let is_enough =
        warm_up.duration_ns >= least_ns && (warm_up.duration_ns >= cap_ns || derived::is_stable(warm_up));
    let (least_ms, cap_ms) = (timing.warm_up_ms, timing.warm_up_cap_ms);
    faults.require(
        is_enough,
        format!("warm_up ended before the suite's {least_ms} ms, or unstable before its {cap_ms} ms"),
    );
}

/// TTFT lies within the request, and TPOT follows from what is left.
fn check_token_times(cell: &Cell, workload: &Workload, faults: &mut Faults) {
    if workload.shape.task() != Task::Generation {
        faults.require(cell.ttft_ns.is_empty() && cell.tpot_ns.is_empty(), "token times outside generation");
        return;
    }
    let (iterations, ttft, tpot) = (cell.latency_ns.len(), cell.ttft_ns.len(), cell.tpot_ns.len());
    if ttft != iterations || tpot != iterations {
        faults.add(format!("{iterations} timed iterations, {ttft} ttft_ns, {tpot} tpot_ns"));
        return;
    }
    let times = cell.latency_ns.iter().zip(&cell.ttft_ns).zip(&cell.tpot_ns);
    let follows = |((latency, ttft), tpot): ((&u64, &u64), &u64)| {
        *ttft > 0 && *tpot > 0 && derived::tpot_ns(workload.shape, *latency, *ttft) == Some(*tpot)
    };
    if let Some(iteration) = times.into_iter().position(|times| !follows(times)) {
        faults.add(format!("tpot_ns of iteration {iteration} does not follow from latency_ns and ttft_ns"));
    }
}

fn check_unmeasured(cell: &Cell, workload: &Workload, profile: &Profile, faults: &mut Faults) {
    faults.require(
        cell.reason.as_ref().is_some_and(|reason| !reason.is_empty()),
        "not measured without a reason",
    );
    let is_empty = cell.latency_ns.is_empty()
        && cell.ttft_ns.is_empty()
        && cell.tpot_ns.is_empty()
        && cell.output_digests.is_empty()
        && cell.seed_0.is_none()
        && cell.statistics.is_none()
        && cell.roofline.is_none()
        && cell.capacity.is_none();
    faults.require(is_empty, "not measured, and yet it has results");
    let expected = match cell.status {
        Status::NotCovered => derived::obstacle(workload, cell.threads, &profile.machine, profile.ceilings),
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
        format!("self_check is {:?}, its digest says {:?}", cell.self_check, expected.self_check),
    );
    faults.require(cell.statistics == expected.statistics, "statistics do not follow from the samples");
    faults.require(cell.roofline == expected.roofline, "roofline does not follow from median and ceilings");
    faults.require(cell.capacity == expected.capacity, "capacity does not follow from the latencies");
    faults.require(
        cell.doubts == expected.doubts,
        "doubts are not those that the figures raise, behind those observed",
    );
}
