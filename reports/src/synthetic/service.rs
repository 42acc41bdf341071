//! How long requests of a workload take on a machine: independent of each other, and the same at all times.
//!
//! The median is what work and ceilings allow at least, by the share of the ceilings that is reached, and a time for each pass. Around
//! it the logarithm is normal, for the first token and the further ones apart; some requests of some machines straggle in either part by
//! a factor that is lognormal too. So the probability of any limit is known.

use std::f64::consts::SQRT_2;

use proofmark_workloads::{Limits, Numerics, Work, Workload};

use super::hardware::Hardware;
use super::random::Random;

const SECOND_NS: f64 = 1e9;
/// Of the logarithm of the factor by which a part of a request straggles: its mean (a factor of seven) and standard deviation.
const STRAGGLER_MEAN: f64 = 2.0;
const STRAGGLER_SPREAD: f64 = 0.8;
/// Of the logarithm of the factor by which a workload suits a machine: its standard deviation.
const SUITING_SPREAD: f64 = 0.06;

/// Of the shares of the ceilings that exact kernels reach, what other arithmetic does: of arithmetic and of memory. Rounded from a run
/// of `smoke` (README).
const NATIVE: [f64; 2] = [0.33, 0.55];
/// Stock candle widens half precision before it multiplies.
const NATIVE_HALF: [f64; 2] = [0.15, 0.04];

/// The distribution of a request's times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    first: Part,
    further: Option<Part>,
    /// Tokens after the first.
    further_tokens: u64,
}

/// A stretch of a request.
#[derive(Clone, Copy, Debug)]
struct Part {
    median_ns: f64,
    spread: f64,
    stragglers: f64,
}

/// The times of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) latency_ns: u64,
    /// Of generation.
    pub(super) ttft_ns: Option<u64>,
}

impl Times {
    /// Times that differ by a factor near 1.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let scaled = |ns: u64| (ns as f64 * factor).round() as u64;
        Self { latency_ns: scaled(self.latency_ns), ttft_ns: self.ttft_ns.map(scaled) }
    }
}

impl Service {
    /// Of `requests` requests of a suite's workload at `place` that run together.
    pub(super) fn of(hardware: &Hardware, workload: &Workload, place: usize, requests: u32) -> Self {
        let suits = hardware.origin.random("suiting", place).factor(SUITING_SPREAD);
        let part = |work: Work, passes: u64| Part {
            median_ns: suits * least_ns(hardware, workload, work) + passes as f64 * hardware.class.pass_ns,
            spread: hardware.class.within,
            stragglers: hardware.stragglers,
        };
        let work = workload.work(requests);
        let further_tokens =
            workload.shape.output_tokens().map_or(0, |tokens| u64::from(tokens.saturating_sub(1)));
        Self {
            first: part(work.first, 1),
            further: (further_tokens > 0).then(|| part(work.further, further_tokens)),
            further_tokens,
        }
    }

    /// The times of a request that comes at no bad time: the medians of its parts.
    pub(super) fn typical(&self) -> Times {
        self.times(|part| part.median_ns)
    }

    /// The times of a request.
    pub(super) fn draw(&self, random: &mut Random) -> Times {
        self.times(|part| part.draw(random))
    }

    /// The standard deviation of the logarithm of a request's time, nearly, without stragglers.
    pub(super) fn spread(&self) -> f64 {
        self.first.spread
    }

    /// The probability that a request is within limits, which are those of its task.
    pub(super) fn success(&self, limits: Limits) -> f64 {
        match limits {
            Limits::Latency { latency_ns } => self.first.within(latency_ns),
            Limits::Tokens { ttft_ns, tpot_ns } => {
                let further_ns = tpot_ns.saturating_mul(self.further_tokens);
                let further = self.further.map_or(0.0, |further| further.within(further_ns));
                self.first.within(ttft_ns) * further
            }
        }
    }

    fn times(&self, mut time_ns: impl FnMut(&Part) -> f64) -> Times {
        let first_ns = (time_ns(&self.first) as u64).max(1);
        match &self.further {
            None => Times { latency_ns: first_ns, ttft_ns: None },
            Some(further) => {
                // Each token takes a nanosecond at least.
                let further_ns = (time_ns(further) as u64).max(self.further_tokens);
                Times { latency_ns: first_ns.saturating_add(further_ns), ttft_ns: Some(first_ns) }
            }
        }
    }
}

impl Part {
    fn draw(&self, random: &mut Random) -> f64 {
        let (mean, spread) = match random.happens(self.stragglers) {
            true => (STRAGGLER_MEAN, self.straggler_spread()),
            false => (0.0, self.spread),
        };
        self.median_ns * libm::exp(mean + spread * random.normal())
    }

    fn within(&self, limit_ns: u64) -> f64 {
        let logarithm = libm::log(limit_ns as f64 / self.median_ns);
        let ordinary = normal_cdf(logarithm / self.spread);
        let straggling = normal_cdf((logarithm - STRAGGLER_MEAN) / self.straggler_spread());
        (1.0 - self.stragglers) * ordinary + self.stragglers * straggling
    }

    fn straggler_spread(&self) -> f64 {
        (self.spread * self.spread + STRAGGLER_SPREAD * STRAGGLER_SPREAD).sqrt()
    }
}

/// What work takes by the share of the ceilings that a workload's arithmetic reaches.
fn least_ns(hardware: &Hardware, workload: &Workload, work: Work) -> f64 {
    let [arithmetic, memory] = match (workload.numerics, workload.precision.as_str()) {
        (Numerics::Exact1 | Numerics::ExactQ8, _) => [1.0, 1.0],
        (Numerics::Native, "f32") => NATIVE,
        (Numerics::Native, _) => NATIVE_HALF,
    };
    let class = hardware.class;
    let computing = work.flops as f64 / (hardware.f32_flops_per_s * class.arithmetic * arithmetic);
    let reading = work.read_bytes as f64 / (hardware.read_bytes_per_s * class.memory * memory);
    computing.max(reading) * SECOND_NS
}

/// The probability that a standard normal number is no more.
fn normal_cdf(number: f64) -> f64 {
    libm::erfc(-number / SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::embedded;

    use super::*;
    use crate::synthetic::random::Origin;

    #[test]
    fn the_normal_distribution_is_that_of_tables() {
        // from scipy.stats import norm; norm.cdf(x)
        for (number, probability) in
            [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-2.5, 0.006_209_665_325_776_132)]
        {
            assert!((normal_cdf(number) - probability).abs() < 1e-15, "{number}");
        }
    }

    #[test]
    fn requests_are_within_limits_as_often_as_their_distribution_says() {
        const COUNT: u32 = 4000;
        let suite = &embedded()[0];
        let machines = (0..40).map(|operator| Hardware::of(Origin::first(7, operator)));
        let (mut between, mut worst) = (0, 0.0_f64);
        for hardware in machines {
            for (place, workload) in suite.workloads.iter().enumerate() {
                let service = Service::of(&hardware, workload, place, 1);
                let success = service.success(workload.slo.limits);
                let mut random = hardware.origin.random("test", place);
                let times: Vec<Times> = (0..COUNT).map(|_| service.draw(&mut random)).collect();
                let latency_ns: Vec<u64> = times.iter().map(|times| times.latency_ns).collect();
                let ttft_ns: Vec<u64> = times.iter().filter_map(|times| times.ttft_ns).collect();
                let tpot_ns = crate::capacity::further_token_times(workload.shape, &latency_ns, &ttft_ns);
                let within =
                    crate::capacity::within(workload.slo.limits, &latency_ns, &ttft_ns, &tpot_ns) as f64;
                let deviation = (success * (1.0 - success) * f64::from(COUNT)).sqrt();
                if deviation > 1.0 {
                    between += 1;
                    worst = worst.max((within - success * f64::from(COUNT)).abs() / deviation);
                } else {
                    assert!((within - success * f64::from(COUNT)).abs() < 15.0, "{} {success}", workload.id);
                }
            }
        }
        assert!(between > 100, "{between} of {}", 40 * suite.workloads.len());
        // The largest of some hundred normal deviations.
        assert!(worst < 4.5, "{worst} among {between}");
    }

    #[test]
    fn no_request_is_faster_than_its_arithmetic() {
        for suite in embedded() {
            for operator in 0..200 {
                let hardware = Hardware::of(Origin::first(3, operator));
                for (place, workload) in suite.workloads.iter().enumerate() {
                    let rate = hardware.f32_flops_per_s as u64;
                    let least_ns = crate::derived::least_arithmetic_ns(workload, rate).unwrap();
                    let typical = Service::of(&hardware, workload, place, 1).typical();
                    assert!(typical.latency_ns > least_ns, "{} {}", hardware.class.name, workload.id);
                }
            }
        }
    }
}
