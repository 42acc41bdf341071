//! The search for the rate that a machine sustains, played through: requests arrive as the trial's seed says, wait for the batch before
//! them, and run together as many as may.

use proofmark_workloads::{Limits, MAX_TRIALS, RequestTimes, Slo, Suite, Workload};

use super::random::Random;
use super::service::{Service, Times};
use crate::schema::v1::{Trial, TrialVerdict};
use crate::statistics::misses_allowed;
use crate::{Digest, capacity, chain, derived};

const HOUR_NS: u128 = 3_600_000_000_000;
/// Rates of the trials, as thousandths of the rate that looks attainable.
const LADDER: [u64; MAX_TRIALS as usize] = [250, 500, 700, 850, 1000, 1200];
/// The rate that looks attainable, as a part of the throughput without pause, in thousandths.
const LOAD: u128 = 700;
/// A queue is past hope when a request has waited this many times its limit.
const HOPELESS_WAITS: u64 = 2;
/// Between two batches.
const PAUSE_NS: u64 = 20_000;

/// What a machine shows of a workload.
pub(super) struct Search {
    pub(super) trials: Vec<Trial>,
    pub(super) duration_ns: u128,
}

/// A search from the chain's `head` on; `services[b - 1]` is how long `b` requests together take.
pub(super) fn search(
    suite: &Suite,
    workload: &Workload,
    services: &[Service],
    mut head: Digest,
    random: &mut Random,
    outputs: &mut Random,
) -> Search {
    let (timing, slo) = (&suite.timing, &workload.slo);
    let attainable = attainable_rate(workload, services);
    // Slower, the first trial would not fit the budget; the rule that called for a search says that this is slow enough.
    let mut least_rate = capacity::trial_requests(timing, slo, 0) * 3_600_000 / timing.capacity_ms.max(1) + 1;
    let mut search = Search { trials: Vec::new(), duration_ns: 0 };
    for (index, step) in (0..).zip(LADDER) {
        let rate = (attainable.saturating_mul(step) / 1000).max(least_rate);
        let requests = capacity::trial_requests(timing, slo, rate);
        let expected_ns = u128::from(requests) * HOUR_NS / u128::from(rate);
        if index > 0 && search.duration_ns + expected_ns > u128::from(timing.capacity_ms) * 1_000_000 {
            break;
        }
        let seed = chain::trial_seed(head, index);
        let mut trial = Trial::planned(rate, requests);
        search.duration_ns += u128::from(serve(&mut trial, seed, workload, services, random));
        trial.output_digests = trial.latency_ns.iter().map(|_| outputs.digest()).collect();
        capacity::judge(&mut trial, workload);
        head = chain::head_after_trial(seed, &trial);
        let verdict = trial.verdict;
        search.trials.push(trial);
        if verdict != TrialVerdict::Met {
            break;
        }
        least_rate = rate + 1;
    }
    search
}

/// The greatest throughput of batches that may wait for another one of their size, less a part; of requests one by one where none may.
fn attainable_rate(workload: &Workload, services: &[Service]) -> u64 {
    let rates = (1..).zip(services).map(|(size, service)| {
        let times = service.typical();
        let may_wait = workload.slo.limits.are_met(seen(workload, times, times.latency_ns));
        (may_wait || size == 1).then(|| size * HOUR_NS * LOAD / 1000 / u128::from(times.latency_ns))
    });
    u64::try_from(rates.flatten().max().unwrap_or(1)).unwrap_or(u64::MAX).max(1)
}

/// Enters the times of requests that arrive as `seed` says, up to where the queue is past hope; how long that took.
fn serve(
    trial: &mut Trial,
    seed: Digest,
    workload: &Workload,
    services: &[Service],
    random: &mut Random,
) -> u64 {
    let Slo { limits, share_ppm, .. } = workload.slo;
    let schedule = capacity::schedule_ns(seed, trial);
    let longest_wait_ns = HOPELESS_WAITS.saturating_mul(match limits {
        Limits::Tokens { ttft_ns, .. } => ttft_ns,
        Limits::Latency { latency_ns } => latency_ns,
    });
    let allowed = misses_allowed(trial.requests, share_ppm).unwrap_or(0);
    let (mut free_ns, mut end_ns, mut next, mut missed) = (0, 0, 0, 0);
    while let Some(arrival) = schedule.get(next) {
        let start_ns = free_ns.max(*arrival);
        if missed > allowed && start_ns - arrival > longest_wait_ns {
            break;
        }
        let waiting = schedule[next..].iter().take(services.len());
        let batch = &schedule[next..][..waiting.take_while(|arrival| **arrival <= start_ns).count()];
        let Some(service) = batch.len().checked_sub(1).and_then(|place| services.get(place)) else { break };
        let times = service.draw(random);
        for arrival in batch {
            let request = seen(workload, times, start_ns - arrival);
            missed += u64::from(!limits.are_met(request));
            trial.latency_ns.push(request.latency_ns);
            trial.ttft_ns.extend(request.ttft_ns);
        }
        // As many as `services`, whose number is a u32.
        trial.batches.push(batch.len() as u32);
        next += batch.len();
        end_ns = start_ns + times.latency_ns;
        free_ns = end_ns + PAUSE_NS;
    }
    end_ns
}

/// The times of a request that has waited.
fn seen(workload: &Workload, times: Times, wait_ns: u64) -> RequestTimes {
    let Times { latency_ns, ttft_ns } = times;
    RequestTimes {
        latency_ns: wait_ns + latency_ns,
        ttft_ns: ttft_ns.map(|ttft_ns| wait_ns + ttft_ns),
        tpot_ns: ttft_ns.and_then(|ttft_ns| derived::tpot_ns(workload.shape, latency_ns, ttft_ns)),
    }
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::embedded;

    use super::*;
    use crate::synthetic::hardware::Hardware;
    use crate::synthetic::random::Origin;

    #[test]
    fn a_search_ascends_to_the_first_trial_that_is_not_met_and_shows_no_more_than_the_machine_can_do() {
        let suite = &embedded()[0];
        let place = suite.workloads.iter().position(|workload| workload.max_batch == Some(8)).unwrap();
        let workload = &suite.workloads[place];
        let (mut met, mut lost) = (0, 0);
        for operator in 0..200 {
            let hardware = Hardware::of(Origin::first(1, operator));
            let services: Vec<Service> =
                (1..=8).map(|requests| Service::of(&hardware, workload, place, requests)).collect();
            let mut streams = ["times", "outputs"].map(|purpose| hardware.origin.random(purpose, place));
            let [times, outputs] = &mut streams;
            let Search { trials, duration_ns } =
                search(suite, workload, &services, Digest::of(b"head"), times, outputs);
            let (last, before) = trials.split_last().unwrap();
            assert!(before.iter().all(|trial| trial.verdict == TrialVerdict::Met));
            assert!(trials.is_sorted_by(|a, b| a.requests_per_hour < b.requests_per_hour));
            let throughput = (1..)
                .zip(&services)
                .map(|(size, service)| size * HOUR_NS / u128::from(service.typical().latency_ns));
            let shown = before.last().map_or(0, |trial| u128::from(trial.requests_per_hour));
            assert!(shown < throughput.max().unwrap(), "{shown}");
            assert!(duration_ns > 0);
            if last.verdict == TrialVerdict::Met { met += 1 } else { lost += 1 }
        }
        assert!(met > 50 && lost > 10, "{met} {lost}");
    }
}
