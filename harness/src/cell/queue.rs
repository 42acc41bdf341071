//! A queue in the head: from the measured times of batches to the rate at which a search begins.
//!
//! It decides where trials look, never what is claimed: that comes from the trials alone.

use proofmark_reports::Digest;
use proofmark_workloads::{Limits, RequestTimes, Slo, arrivals};

/// Arrivals that are played through for one rate.
const ARRIVALS: u64 = 1000;
/// Halvings of the range of rates, which spans a factor of a few thousand: to within a percent.
const HALVINGS: u32 = 20;
const NS_PER_HOUR: f64 = 3.6e12;
/// The rate around which trials lie, as a part of the machine's throughput: the last one is 19 % above.
const MOST_LOAD: f64 = 0.8;

/// How long requests that run together take.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchTimes {
    /// To the first token; of generation.
    pub(super) ttft_ns: Option<u64>,
    /// To the last output.
    pub(super) latency_ns: u64,
    /// Mean time of each further token; of generation.
    pub(super) tpot_ns: Option<u64>,
}

/// The highest rate, in requests an hour, at which nearly all of the requests keep the limits, if `batches[b - 1]` is how long `b`
/// requests together take.
///
/// Nearly all: a fourth of the misses that the SLO allows, so that a trial of some fifty requests is likely to be met. Never more than
/// four fifths of what the machine can do without a pause: a trial is too short to see a queue that grows slowly, so the
/// search must not come near the rate where it grows without end.
pub(super) fn attainable_rate(batches: &[BatchTimes], slo: &Slo) -> u64 {
    let Some(alone) = batches.first() else { return 1 };
    let asked = 1.0 - (1.0 - slo.share_ppm as f64 / 1e6) / 4.0;
    let alone = NS_PER_HOUR / alone.latency_ns.max(1) as f64;
    let (mut low, mut high) = (alone / 50.0, alone * batches.len() as f64 * 2.0);
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        if attainment(batches, slo.limits, middle.max(1.0) as u64) >= asked {
            low = middle;
        } else {
            high = middle;
        }
    }
    let throughput =
        batches.iter().zip(1..).map(|(times, size)| f64::from(size) / times.latency_ns.max(1) as f64);
    let most = throughput.fold(0.0, f64::max) * NS_PER_HOUR * MOST_LOAD;
    low.min(most).max(1.0) as u64
}

/// The share of requests within the limits.
fn attainment(batches: &[BatchTimes], limits: Limits, requests_per_hour: u64) -> f64 {
    let schedule = arrivals(Digest::of(b"a queue in the head"), requests_per_hour.max(1), ARRIVALS);
    let (mut free_ns, mut next, mut kept) = (0_u64, 0, 0_u64);
    while next < schedule.len() {
        let start_ns = free_ns.max(schedule[next]);
        let waiting = schedule[next..].iter().take(batches.len()).take_while(|arrival| **arrival <= start_ns);
        let batch = waiting.count().max(1);
        let times = batches[batch - 1];
        for arrival in &schedule[next..next + batch] {
            let wait_ns = start_ns - arrival;
            let of_request = RequestTimes {
                latency_ns: wait_ns.saturating_add(times.latency_ns),
                ttft_ns: times.ttft_ns.map(|ttft_ns| wait_ns.saturating_add(ttft_ns)),
                tpot_ns: times.tpot_ns,
            };
            kept += u64::from(limits.are_met(of_request));
        }
        (free_ns, next) = (start_ns.saturating_add(times.latency_ns), next + batch);
    }
    kept as f64 / schedule.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(latencies_ms: &[u64]) -> Vec<BatchTimes> {
        let times = |ms: &u64| BatchTimes { ttft_ns: None, latency_ns: ms * 1_000_000, tpot_ns: None };
        latencies_ms.iter().map(times).collect()
    }

    fn slo(limit_ms: u64) -> Slo {
        let limits = Limits::Latency { latency_ns: limit_ms * 1_000_000 };
        Slo { name: "test".to_owned(), limits, share_ppm: 900_000 }
    }

    #[test]
    fn a_single_server_with_fixed_times_attains_what_queueing_theory_says() {
        // M/D/1 with service 10 ms and a limit of 50 ms: 2.5 % are late at a load of 0.63 (two million arrivals by
        // Lindley's recursion in Python); a thousand scatter around it.
        let rate = attainable_rate(&batches(&[10]), &slo(50));
        let load = rate as f64 * 10e6 / NS_PER_HOUR;
        assert!((0.55..0.75).contains(&load), "{load}");
    }

    #[test]
    fn no_trial_comes_near_the_rate_at_which_a_queue_grows_without_end() {
        let rate = attainable_rate(&batches(&[10, 12]), &slo(10_000));
        let throughput = 2.0 / 12e6 * NS_PER_HOUR;
        assert!((0.75..=0.8).contains(&(rate as f64 / throughput)), "{rate}");
    }

    #[test]
    fn running_together_raises_the_rate_and_tighter_limits_lower_it() {
        let alone = attainable_rate(&batches(&[10]), &slo(50));
        let together = attainable_rate(&batches(&[10, 11, 12, 13]), &slo(50));
        assert!(together > 2 * alone, "{together} {alone}");
        assert!(attainable_rate(&batches(&[10]), &slo(15)) < alone / 2);
    }
}
