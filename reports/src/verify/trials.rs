//! The trials of a search for capacity: whether one was due, whether their times can be those of the stated arrivals, and
//! their place in the chain.

use proofmark_workloads::{MAX_TRIALS, Shape, Suite, Workload};

use super::cells::Faults;
use crate::schema::v1::{Capacity, CapacityBasis, Cell, Trial, TrialVerdict};
use crate::{Digest, capacity, chain};

/// The head after a cell's trials, of which `head` is the one before.
pub(super) fn head_after(cell: &Cell, head: Digest) -> Digest {
    let trials = cell.capacity.iter().flat_map(|capacity| &capacity.trials).zip(0..);
    trials.fold(head, |head, (trial, index)| chain::head_after_trial(chain::trial_seed(head, index), trial))
}

/// Every fault of a measured cell's trials.
pub(super) fn check(cell: &Cell, workload: &Workload, suite: &Suite, faults: &mut Faults) {
    let Some(capacity) = &cell.capacity else { return faults.add("measured without capacity") };
    let (Some(statistics), requests) = (cell.statistics, cell.latency_ns.len() as u64) else { return };
    let within = capacity::within(workload.slo.limits, &cell.latency_ns, &cell.ttft_ns, &cell.tpot_ns);
    let median_ns = statistics.latency.median_ns;
    let expected = if capacity::is_search_due(&suite.timing, workload, median_ns, within, requests) {
        CapacityBasis::OpenLoop
    } else {
        CapacityBasis::ClosedLoop
    };
    faults.require(
        capacity.basis == expected,
        format!("capacity.basis is {:?}, times and suite call for {expected:?}", capacity.basis),
    );
    if capacity.basis != CapacityBasis::OpenLoop {
        faults.require(capacity.trials.is_empty(), "trials without an open loop");
        return;
    }
    faults.require(Some(capacity.max_batch) == workload.max_batch, "max_batch is not the suite's");
    let trials = &capacity.trials;
    let count = trials.len() as u64;
    faults.require((1..=MAX_TRIALS).contains(&count), format!("{count} trials, expected 1 to {MAX_TRIALS}"));
    let ascend = trials.windows(2).all(|pair| pair[0].requests_per_hour < pair[1].requests_per_hour);
    faults.require(ascend, "the trials' rates do not ascend");
    let before_last = trials.split_last().map_or(&[][..], |(_, before)| before);
    let is_ended = before_last.iter().all(|trial| trial.verdict == TrialVerdict::Met);
    faults.require(is_ended, "the search goes on behind a trial that was not met");
    let mut head = cell.seed_0.map(|seed| chain::seed_after(seed, &cell.output_digests));
    for (index, trial) in trials.iter().enumerate() {
        let seed = head.map(|head| chain::trial_seed(head, index as u64));
        let fixed = capacity::trial_requests(&suite.timing, &workload.slo, trial.requests_per_hour);
        let fault = match seed {
            _ if trial.requests_per_hour == 0 => Some("a rate of 0".to_owned()),
            _ if trial.requests != fixed => {
                Some(format!("{} requests, its rate fixes {fixed}", trial.requests))
            }
            Some(seed) => contradiction(trial, seed, workload, capacity.max_batch),
            None => None,
        };
        if let Some(fact) = fault {
            faults.add(format!("trial {index}: {fact}"));
        }
        head = seed.map(|seed| chain::head_after_trial(seed, trial));
    }
}

/// From each trial's start to its last output, in all.
pub(super) fn work_ns(capacity: &Capacity, head: Digest) -> u128 {
    let (mut head, mut work_ns) = (head, 0);
    for (trial, index) in capacity.trials.iter().zip(0..) {
        let seed = chain::trial_seed(head, index);
        let schedule = capacity::schedule_ns(seed, trial);
        let ends =
            schedule.iter().zip(&trial.latency_ns).map(|(arrival, latency)| arrival.saturating_add(*latency));
        work_ns += u128::from(ends.max().unwrap_or(0));
        head = chain::head_after_trial(seed, trial);
    }
    work_ns
}

/// The first thing in a trial that cannot be: a batch is of waiting requests in their order, ends for all of them at once, and after
/// the batch before it.
fn contradiction(trial: &Trial, trial_seed: Digest, workload: &Workload, max_batch: u32) -> Option<String> {
    let served = trial.latency_ns.len();
    let tokens = if matches!(workload.shape, Shape::Generation { .. }) { served } else { 0 };
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
