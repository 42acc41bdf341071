//! The rate of requests that a machine sustains: when it is searched for, how long a trial is, and what it shows.
//!
//! Trials have ascending rates, and the search ends with the first that is not met. Each is a test with a fixed number of
//! requests at 95 % confidence, so if more load never means more requests in time, the chance that any rate claimed here
//! does not keep the SLO is at most 5 % however many trials there were: a fixed sequence of tests (Maurer, Hothorn and
//! Lehmacher, 1995) needs no correction.

use proofmark_workloads::{
    Limits, MAX_TRIAL_REQUESTS, MAX_TRIALS, RequestTimes, Shape, Slo, Timing, Workload, arrivals,
};

use crate::Digest;
use crate::derived::{distribution, tpot_ns};
use crate::schema::v1::{Capacity, CapacityBasis, Cell, Trial, TrialVerdict};
use crate::statistics::{misses_allowed, share_low_ppm, smallest_trial};

const NS_PER_HOUR: u128 = 3_600_000_000_000;
/// A trial must bear one request out of time, or one hiccup of the machine would end the search.
const MISSES_BORNE: u64 = 1;
/// A search begins at about this part of the rate of a closed loop.
const FIRST_TRIAL: u128 = 4;

/// The rate of a closed loop with these latencies.
#[must_use]
pub fn closed_loop(latency_ns: &[u64]) -> Capacity {
    let total: u128 = latency_ns.iter().map(|latency| u128::from(*latency)).sum();
    let rate = (latency_ns.len() as u128 * NS_PER_HOUR).checked_div(total).unwrap_or(0);
    Capacity {
        basis: CapacityBasis::ClosedLoop,
        max_batch: 1,
        requests_per_hour: u64::try_from(rate).unwrap_or(u64::MAX),
        trials: Vec::new(),
    }
}

/// What trials with ascending rates show together.
#[must_use]
pub fn open_loop(max_batch: u32, trials: Vec<Trial>) -> Capacity {
    let met = trials.iter().take_while(|trial| trial.verdict == TrialVerdict::Met);
    let requests_per_hour = met.last().map_or(0, |trial| trial.requests_per_hour);
    Capacity { basis: CapacityBasis::OpenLoop, max_batch, requests_per_hour, trials }
}

/// Whether a workload is searched for its capacity: it says how many requests may run together, enough of its timed requests
/// kept the limits, and a trial at a quarter of the rate of a closed loop fits into the budget.
#[must_use]
pub fn is_search_due(timing: &Timing, workload: &Workload, cell: &Cell) -> bool {
    let (Some(least), Some(statistics)) = (least_requests(&workload.slo), cell.statistics) else {
        return false;
    };
    let within = within(workload.slo.limits, &cell.latency_ns(), &cell.ttft_ns(), &cell.tpot_ns());
    let trial_ns = u128::from(least) * u128::from(statistics.latency.median_ns) * FIRST_TRIAL;
    workload.max_batch.is_some()
        && workload.slo.is_attained(within, cell.requests())
        && trial_ns <= u128::from(timing.capacity_ms) * 1_000_000
}

/// The number of a trial's requests, fixed by its rate: the trial's part of the budget, within bounds.
#[must_use]
pub fn trial_requests(timing: &Timing, slo: &Slo, requests_per_hour: u64) -> u64 {
    let trial_ns = u128::from(timing.capacity_ms) * 1_000_000 / u128::from(MAX_TRIALS);
    let affordable =
        u64::try_from(u128::from(requests_per_hour) * trial_ns / NS_PER_HOUR).unwrap_or(u64::MAX);
    affordable.clamp(least_requests(slo).unwrap_or(1), MAX_TRIAL_REQUESTS)
}

/// When the requests of a trial arrive, from its start.
#[must_use]
pub fn schedule_ns(trial_seed: Digest, trial: &Trial) -> Vec<u64> {
    arrivals(trial_seed, trial.requests_per_hour, trial.requests.min(MAX_TRIAL_REQUESTS))
}

/// Enters what follows from the times of the served requests.
pub fn judge(trial: &mut Trial, workload: &Workload) {
    trial.tpot_ns = further_token_times(workload.shape, &trial.latency_ns, &trial.ttft_ns);
    trial.within_slo = within(workload.slo.limits, &trial.latency_ns, &trial.ttft_ns, &trial.tpot_ns);
    trial.statistics = distribution(&[&trial.latency_ns]);
    let served = trial.latency_ns.len() as u64;
    let misses = served.saturating_sub(trial.within_slo);
    // By the number of served requests, which the profile's size bounds, and never by a number that stands alone.
    let is_served = served == trial.requests;
    trial.verdict = match is_served.then(|| misses_allowed(served, workload.slo.share_ppm)) {
        None => TrialVerdict::Saturated,
        Some(Some(allowed)) if misses <= allowed => TrialVerdict::Met,
        Some(_) => TrialVerdict::Missed,
    };
    trial.attainment_low_ppm = if is_served { share_low_ppm(trial.within_slo, served) } else { 0 };
}

/// The mean time of each further token, request by request; empty outside generation.
#[must_use]
pub fn further_token_times(shape: Shape, latency_ns: &[u64], ttft_ns: &[u64]) -> Vec<u64> {
    latency_ns.iter().zip(ttft_ns).filter_map(|(latency, ttft)| tpot_ns(shape, *latency, *ttft)).collect()
}

/// How many requests kept the limits.
#[must_use]
pub fn within(limits: Limits, latency_ns: &[u64], ttft_ns: &[u64], tpot_ns: &[u64]) -> u64 {
    let times = latency_ns.iter().enumerate().map(|(index, latency_ns)| RequestTimes {
        latency_ns: *latency_ns,
        ttft_ns: ttft_ns.get(index).copied(),
        tpot_ns: tpot_ns.get(index).copied(),
    });
    times.filter(|times| limits.are_met(*times)).count() as u64
}

/// The smallest trial that can be met in spite of a late request; `None` where that takes more than a trial may have.
fn least_requests(slo: &Slo) -> Option<u64> {
    smallest_trial(MISSES_BORNE, slo.share_ppm).filter(|least| *least <= MAX_TRIAL_REQUESTS)
}
