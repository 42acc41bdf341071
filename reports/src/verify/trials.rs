//! The trials of a search for capacity: whether one was due, whether their times can be those of the stated arrivals, and
//! their place in the chain.

use proofmark_workloads::{MAX_TRIALS, Suite, Workload};

use super::cells::Faults;
use crate::schema::v1::{CapacityBasis, Cell, Trial, TrialVerdict};
use crate::{Digest, capacity, chain};

/// Every fault of a measured cell's trials.
pub(super) fn check(cell: &Cell, workload: &Workload, suite: &Suite, faults: &mut Faults) {
    let Some(capacity) = &cell.capacity else { return faults.add("measured without capacity") };
    let expected = if capacity::is_search_due(&suite.timing, workload, cell) {
        CapacityBasis::OpenLoop
    } else {
        CapacityBasis::ClosedLoop
    };
    faults.require(
        capacity.basis == expected,
        format_args!("capacity.basis is {:?}, times and suite call for {expected:?}", capacity.basis),
    );
    if capacity.basis != CapacityBasis::OpenLoop {
        faults.require(capacity.trials.is_empty(), "trials without an open loop");
        return;
    }
    faults.require(Some(capacity.max_batch) == workload.max_batch, "max_batch is not the suite's");
    let trials = &capacity.trials;
    let count = trials.len() as u64;
    if !(1..=MAX_TRIALS).contains(&count) {
        // What is behind would take as long as there are trials.
        return faults.add(format!("{count} trials, expected 1 to {MAX_TRIALS}"));
    }
    let ascend = trials.windows(2).all(|pair| pair[0].requests_per_hour < pair[1].requests_per_hour);
    faults.require(ascend, "the trials' rates do not ascend");
    let before_last = trials.split_last().map_or(&[][..], |(_, before)| before);
    let is_ended = before_last.iter().all(|trial| trial.verdict == TrialVerdict::Met);
    faults.require(is_ended, "the search goes on behind a trial that was not met");
    let Some(head) = head_before(cell) else { return };
    for (index, (seed, trial)) in chain::trial_seeds(head, trials).enumerate() {
        let fixed = capacity::trial_requests(&suite.timing, &workload.slo, trial.requests_per_hour);
        let fault = if trial.requests_per_hour == 0 {
            Some("a rate of 0".to_owned())
        } else if trial.requests != fixed {
            Some(format!("{} requests, its rate fixes {fixed}", trial.requests))
        } else {
            contradiction(trial, seed, workload, capacity.max_batch)
        };
        if let Some(fact) = fault {
            faults.add(format!("trial {index}: {fact}"));
        }
    }
}

/// From each trial's start to its last output, in all.
pub(super) fn work_ns(cell: &Cell) -> u128 {
    let Some(capacity) = cell.capacity.as_ref().filter(|capacity| !capacity.trials.is_empty()) else {
        return 0;
    };
    let Some(head) = head_before(cell) else { return 0 };
    let trial_ns = |(seed, trial): (Digest, &Trial)| {
        let schedule = capacity::schedule_ns(seed, trial);
        let ends = schedule.iter().zip(&trial.latency_ns);
        ends.map(|(arrival, latency)| u128::from(arrival.saturating_add(*latency))).max().unwrap_or(0)
    };
    chain::trial_seeds(head, &capacity.trials).map(trial_ns).sum()
}

/// Trials follow the steps of the last round.
fn head_before(cell: &Cell) -> Option<Digest> {
    cell.rounds.last().map(|round| chain::seed_after(round.seed_0, &round.output_digests))
}

/// The first thing in a trial that cannot be: a batch is of waiting requests in their order, ends for all of them at once, and after
/// the batch before it.
fn contradiction(trial: &Trial, trial_seed: Digest, workload: &Workload, max_batch: u32) -> Option<String> {
    let served = trial.latency_ns.len();
    let tokens = if workload.shape.output_tokens().is_some() { served } else { 0 };
    if trial.ttft_ns.len() != tokens || trial.output_digests.len() != served || served as u64 > trial.requests
    {
        let (ttft, digests) = (trial.ttft_ns.len(), trial.output_digests.len());
        return Some(format!("{served} latencies, {ttft} ttft_ns, {digests} output digests"));
    }
    if trial.ttft_ns.iter().zip(&trial.latency_ns).any(|(ttft, latency)| *ttft == 0 || ttft >= latency) {
        return Some("a first token outside its request".to_owned());
    }
    let together: u64 = trial.batches.iter().map(|batch| u64::from(*batch)).sum();
    if together != served as u64 || trial.batches.iter().any(|batch| *batch == 0 || *batch > max_batch) {
        return Some(format!(
            "batches of {together} requests, at most {max_batch} together, for {served} served"
        ));
    }
    let schedule = capacity::schedule_ns(trial_seed, trial);
    let ends: Option<Vec<u64>> = schedule
        .iter()
        .zip(&trial.latency_ns)
        .map(|(arrival, latency)| arrival.checked_add(*latency))
        .collect();
    let Some(ends) = ends else { return Some("a latency beyond all time".to_owned()) };
    let (mut first, mut last_end) = (0, 0);
    for batch in &trial.batches {
        let members = first..first + *batch as usize;
        let (Some(arrivals), Some(ended)) = (schedule.get(members.clone()), ends.get(members.clone())) else {
            return Some("more requests served than arrived".to_owned());
        };
        let end = ended.first().copied().unwrap_or(0);
        if ended.iter().any(|other| *other != end) {
            return Some(format!("requests {members:?} ran together and did not end together"));
        }
        if end <= last_end || arrivals.iter().any(|arrival| *arrival >= end) {
            return Some(format!("requests {members:?} ended before they can have"));
        }
        (first, last_end) = (members.end, end);
    }
    None
}
