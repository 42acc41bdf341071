//! The search for the rate of requests that this machine sustains, in an open loop.
//!
//! Requests arrive by a Poisson process whose times are fixed beforehand. When the model is free it takes those that
//! wait, up to the suite's `max_batch`, and runs them together; whole requests, nothing joins a running batch. Times count
//! from the scheduled arrival, so a late start is a late answer. What stands between two batches, hashing outputs
//! included, is part of serving.

use std::thread;
use std::time::{Duration, Instant};

use proofmark_reports::capacity::{judge, trial_requests};
use proofmark_reports::schema::v1::{Trial, TrialVerdict};
use proofmark_reports::statistics::misses_allowed;
use proofmark_reports::{Digest, chain, derived};
use proofmark_workloads::{Input, Limits, MAX_TRIALS, RequestTimes, Suite, Workload, arrivals};

use super::kept::keep;
use super::model::{Model, Timed};
use super::queue::{BatchTimes, attainable_rate};
use super::{nanoseconds, say_kept};

/// Rates of the trials, as thousandths of the rate that the queue's model finds attainable. The first is low, because nothing can be
/// claimed below a rate that was not met; around the attainable one they are quarter octaves apart.
const LADDER: [u64; MAX_TRIALS as usize] = [250, 500, 707, 841, 1000, 1189];
/// A queue is past hope when its oldest request has waited this many times its limit, and the trial is lost already.
const HOPELESS_WAITS: u64 = 2;
/// Timed batches of each size, behind a cold one.
const BATCH_REPETITIONS: u64 = 2;
/// A sleeping thread may wake this much late; the rest is waited for awake.
const OVERSLEEP: Duration = Duration::from_micros(200);

/// A model that answers requests of one workload.
pub(super) struct Server<'a> {
    pub(super) model: &'a Model,
    pub(super) workload: &'a Workload,
    pub(super) max_batch: u32,
}

impl Server<'_> {
    /// Runs trials with ascending rates, from the chain's `head`, until one is not met or the budget is spent.
    pub(super) fn search(
        &self,
        suite: &Suite,
        mut head: Digest,
        mut on_trial: impl FnMut(&Trial) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let budget_ns = suite.timing.capacity_ms * 1_000_000;
        let attainable = attainable_rate(&self.batch_times()?, &self.workload.slo);
        // Slower, the first trial would not fit the budget; the rule that called for a search says that this is slow enough.
        let mut least_rate = trial_requests(&suite.timing, &self.workload.slo, 0) * 3_600_000
            / suite.timing.capacity_ms.max(1)
            + 1;
        for (step, index) in LADDER.into_iter().zip(0..) {
            let rate = (attainable.saturating_mul(step) / 1000).max(least_rate);
            let requests = trial_requests(&suite.timing, &self.workload.slo, rate);
            let expected_ns = u128::from(requests) * 3_600_000_000_000 / u128::from(rate);
            if index > 0 && u128::from(nanoseconds(started)) + expected_ns > u128::from(budget_ns) {
                break;
            }
            let seed = chain::trial_seed(head, index);
            let mut trial = self.trial(seed, rate, requests)?;
            judge(&mut trial, self.workload);
            on_trial(&trial)?;
            if trial.verdict != TrialVerdict::Met {
                break;
            }
            head = chain::head_after_trial(seed, &trial);
            least_rate = rate + 1;
        }
        Ok(())
    }

    /// How long one to `max_batch` requests together take: measured at powers of two and at the most, by straight lines between.
    fn batch_times(&self) -> anyhow::Result<Vec<BatchTimes>> {
        let mut measured = Vec::new();
        let sizes = (0..).map(|power| 1_u32 << power).take_while(|size| *size < self.max_batch);
        for size in sizes.chain([self.max_batch]) {
            // The first batch of a size finds its memory cold; the fastest of the others is no hiccup.
            self.batch(size, 0)?;
            let mut times = (1..=BATCH_REPETITIONS)
                .map(|repetition| self.batch(size, repetition))
                .collect::<Result<Vec<_>, _>>()?;
            times.sort_unstable_by_key(|times| times.latency_ns);
            measured.extend(times.first().map(|times| (size, *times)));
        }
        let between = |size: u32| {
            let above = measured.iter().position(|(at, _)| *at >= size).unwrap_or(measured.len() - 1);
            let (from, to) = (measured[above.saturating_sub(1)], measured[above]);
            let line = |from_ns: u64, to_ns: u64| {
                let (span, part) = (u64::from((to.0 - from.0).max(1)), u64::from(size - from.0.min(size)));
                from_ns.saturating_add(to_ns.saturating_sub(from_ns).saturating_mul(part) / span)
            };
            BatchTimes {
                latency_ns: line(from.1.latency_ns, to.1.latency_ns),
                ttft_ns: from.1.ttft_ns.zip(to.1.ttft_ns).map(|(from, to)| line(from, to)),
                tpot_ns: from.1.tpot_ns.zip(to.1.tpot_ns).map(|(from, to)| line(from, to)),
            }
        };
        Ok((1..=self.max_batch).map(between).collect())
    }

    fn batch(&self, size: u32, repetition: u64) -> anyhow::Result<BatchTimes> {
        let seed = |request: u32| {
            let fields: [&[u8]; 3] = [&size.to_le_bytes(), &repetition.to_le_bytes(), &request.to_le_bytes()];
            Digest::of_fields("proofmark/batch/1", &fields)
        };
        let inputs = (0..size).map(|request| self.model.input(seed(request)));
        let inputs = inputs.collect::<anyhow::Result<_>>()?;
        let Timed { latency_ns, ttft_ns, .. } = self.model.run(&self.model.prepare(inputs)?)?;
        let tpot_ns = ttft_ns.and_then(|ttft_ns| derived::tpot_ns(self.workload.shape, latency_ns, ttft_ns));
        Ok(BatchTimes { ttft_ns, latency_ns, tpot_ns })
    }

    /// Serves `requests` that arrive at one rate; stops where the queue is past hope.
    fn trial(&self, seed: Digest, requests_per_hour: u64, requests: u64) -> anyhow::Result<Trial> {
        let schedule = arrivals(seed, requests_per_hour, requests);
        let input = |request| self.model.input(chain::request_seed(seed, request));
        let inputs: Vec<Input> = (0..requests).map(input).collect::<anyhow::Result<_>>()?;
        let longest_wait_ns = HOPELESS_WAITS.saturating_mul(match self.workload.slo.limits {
            Limits::Tokens { ttft_ns, .. } => ttft_ns,
            Limits::Latency { latency_ns } => latency_ns,
        });
        let mut trial = Trial::planned(requests_per_hour, requests);
        let allowed = misses_allowed(requests, self.workload.slo.share_ppm).unwrap_or(0);
        let started = Instant::now();
        let (mut next, mut missed) = (0, 0);
        while next < schedule.len() {
            wait_until(started, schedule[next]);
            let now_ns = nanoseconds(started);
            // The trial is lost and its queue past hope: a single stall of the machine is neither.
            if missed > allowed && now_ns - schedule[next] > longest_wait_ns {
                break;
            }
            let waiting = schedule[next..].iter().take(self.max_batch as usize);
            let batch = next..next + waiting.take_while(|arrival| **arrival <= now_ns).count();
            let prepared = self.model.prepare(inputs[batch.clone()].to_vec())?;
            let start_ns = nanoseconds(started);
            let Timed { output, latency_ns, ttft_ns } = self.model.run(&prepared)?;
            for arrival in &schedule[batch.clone()] {
                let wait_ns = start_ns - arrival;
                let times = RequestTimes {
                    latency_ns: wait_ns + latency_ns,
                    ttft_ns: ttft_ns.map(|ttft_ns| wait_ns + ttft_ns),
                    tpot_ns: ttft_ns
                        .and_then(|ttft_ns| derived::tpot_ns(self.workload.shape, latency_ns, ttft_ns)),
                };
                missed += u64::from(!self.workload.slo.limits.are_met(times));
                trial.latency_ns.push(times.latency_ns);
                trial.ttft_ns.extend(times.ttft_ns);
            }
            trial.batches.push(u32::try_from(batch.len())?);
            for output in output.split(batch.len()) {
                let (digest, kept) = keep(self.workload.numerics, &output)?;
                trial.output_digests.push(digest);
                say_kept(digest, kept)?;
            }
            next = batch.end;
        }
        Ok(trial)
    }
}

/// Returns at `at_ns` after `started`, or at once if that is over.
fn wait_until(started: Instant, at_ns: u64) {
    let at = Duration::from_nanos(at_ns);
    if let Some(left) = at.checked_sub(started.elapsed()).and_then(|left| left.checked_sub(OVERSLEEP)) {
        thread::sleep(left);
    }
    while started.elapsed() < at {
        std::hint::spin_loop();
    }
}
