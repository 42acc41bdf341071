//! The rate that a machine sustains, and the trials that show it.

use serde::{Deserialize, Serialize};

use super::Distribution;
use crate::Digest;
#[cfg(test)]
use crate::schema::form;

/// A sustained rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How it was found.
    pub basis: CapacityBasis,
    /// Requests that may run together.
    pub max_batch: u32,
    /// Closed loop: requests by the sum of their latencies. Open loop: the highest rate up to which every trial was met.
    pub requests_per_hour: u64,
    /// Of an open loop, rates ascending.
    pub trials: Vec<Trial>,
}

/// How a capacity was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CapacityBasis {
    /// The next request starts when the last one ends.
    ClosedLoop,
    /// Requests arrive by a Poisson process, whatever became of the ones before.
    OpenLoop,
}

/// Requests that arrived at one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Of their arrival.
    pub requests_per_hour: u64,
    /// Their number, fixed before the trial.
    pub requests: u64,
    /// What the served ones show.
    pub verdict: TrialVerdict,
    /// Served requests within all limits.
    pub within_slo: u64,
    /// The share of requests within all limits is no less, with 95 % confidence (one-sided); 0 unless all were served.
    pub attainment_low_ppm: u64,
    /// From the scheduled arrival to the output, in order of arrival; of those served.
    pub latency_ns: Vec<u64>,
    /// From the scheduled arrival to the first token; of generation, else empty.
    pub ttft_ns: Vec<u64>,
    /// Mean time of each further token; as `ttft_ns`.
    pub tpot_ns: Vec<u64>,
    /// Of `latency_ns`; `null` of none.
    pub statistics: Option<Distribution>,
    /// Requests that ran together, one number a batch, in order.
    pub batches: Vec<u32>,
    /// One a served request, whatever it ran together with.
    #[cfg_attr(test, schemars(with = "Vec<form::Digest>"))]
    pub output_digests: Vec<Digest>,
}

impl Trial {
    /// A trial that has not served a request.
    #[must_use]
    pub fn planned(requests_per_hour: u64, requests: u64) -> Self {
        Self {
            requests_per_hour,
            requests,
            verdict: TrialVerdict::Saturated,
            within_slo: 0,
            attainment_low_ppm: 0,
            latency_ns: Vec::new(),
            ttft_ns: Vec::new(),
            tpot_ns: Vec::new(),
            statistics: None,
            batches: Vec::new(),
            output_digests: Vec::new(),
        }
    }
}

/// What a trial shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TrialVerdict {
    /// The SLO's share of requests is in time, with 95 % confidence.
    Met,
    /// Not so.
    Missed,
    /// Stopped, because the queue grew past all hope.
    Saturated,
}
