/// What a request must keep to count as served in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slo {
    /// The tier's name.
    pub name: String,
    /// The limits of one request.
    pub limits: Limits,
    /// The share of requests that must keep them, in millionths.
    pub share_ppm: u64,
}

/// Limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// For generation, as MLPerf states them: time to first token, and time per output token after it.
    Tokens {
        /// Time to first token.
        ttft_ns: u64,
        /// Mean time of each further token.
        tpot_ns: u64,
    },
    /// For all else: the whole request.
    Latency {
        /// From input to output.
        latency_ns: u64,
    },
}

impl Slo {
    /// Whether, of `requests` requests, the `within` that kept the limits are the share that must.
    #[must_use]
    pub fn is_attained(&self, within: u64, requests: u64) -> bool {
        u128::from(within) * 1_000_000 >= u128::from(self.share_ppm) * u128::from(requests)
    }
}

/// The times of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTimes {
    /// The whole request.
    pub latency_ns: u64,
    /// Time to first token; of generation only.
    pub ttft_ns: Option<u64>,
    /// Mean time of each further token; of generation only.
    pub tpot_ns: Option<u64>,
}

impl Limits {
    /// Whether a request kept the limits. A missing time keeps none.
    #[must_use]
    pub fn are_met(self, times: RequestTimes) -> bool {
        match self {
            Self::Latency { latency_ns } => times.latency_ns <= latency_ns,
            Self::Tokens { ttft_ns, tpot_ns } => {
                times.ttft_ns.is_some_and(|time| time <= ttft_ns)
                    && times.tpot_ns.is_some_and(|time| time <= tpot_ns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_includes_its_bound() {
        let limits = Limits::Tokens { ttft_ns: 10, tpot_ns: 5 };
        let times = |ttft, tpot| RequestTimes { latency_ns: 0, ttft_ns: Some(ttft), tpot_ns: Some(tpot) };
        assert!(limits.are_met(times(10, 5)));
        assert!(!limits.are_met(times(11, 5)));
        assert!(!limits.are_met(times(10, 6)));
        assert!(!limits.are_met(RequestTimes { latency_ns: 0, ttft_ns: None, tpot_ns: None }));
    }
}
