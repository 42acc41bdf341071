//! What is served at a rate of requests.

use std::borrow::Cow;

use proofmark_workloads::Limits;

use super::operators::Worth;
use super::{Arrivals, Known, figure};
use crate::network::capacity::Capacity;
use crate::network::capacity::routing::{Request, Router, poisson, route};
use crate::network::capacity::worth::{Totals, worth};
use crate::schema::comparison::{CapacityFigures, PriceFigures, RouterFigures};

/// Requests that arrive at random where there is no trace.
const REQUESTS: usize = 20_000;

/// Pairs of machine and workload, each a variable of the linear program: some gigabytes.
const MAX_PAIRS: usize = 2_000_000;

/// Why nothing is computed though a rate was given.
pub(super) fn reason(known: &Known<'_>) -> Option<String> {
    let pairs = known.fleet.machines.len() * known.shares.len();
    let is_too_large = known.question.arrivals.is_some() && pairs > MAX_PAIRS;
    is_too_large.then(|| format!("{pairs} pairs of machine and workload, more than {MAX_PAIRS}"))
}

/// `None` without a rate, or for a [`reason`].
pub(super) fn capacity(known: &Known<'_>) -> Option<(CapacityFigures, Worth)> {
    let arrivals = known.question.arrivals.as_ref().filter(|_| reason(known).is_none())?;
    let capacity = Capacity {
        chances: &known.standing.chances.value,
        sustained_per_s: &known.standing.rates,
        shares: &known.shares,
        rate_per_s: arrivals.rate_per_s,
    };
    let (best, units, totals) = worth(&capacity, &known.fleet.units);
    let requests = requests(known, arrivals, &capacity);
    let patience_s = known.patience_s();
    let routed = Router::ALL.map(|router| {
        let routed = route(&capacity, router, &requests, &patience_s, known.question.seed);
        RouterFigures {
            router: router.name().to_owned(),
            requests: routed.requests as u64,
            success: routed.success,
            standard_error: routed.standard_error,
            nobody_eligible: routed.nobody_eligible,
            waited_too_long: routed.waited_too_long,
            failed: routed.failed,
        }
    });
    let rows = known.question.demand.rows.iter().zip(&best.demand_price);
    let figures = CapacityFigures {
        rate_per_s: arrivals.rate_per_s,
        success: figure(best.served),
        routers: routed.to_vec(),
        prices: rows
            .map(|(row, price)| PriceFigures { workload: row.workload.clone(), demand_price: *price })
            .collect(),
        worth: match totals {
            Totals::Exact => "exact".to_owned(),
            Totals::Prices => "prices".to_owned(),
        },
    };
    let worth = Worth {
        coverage_part: units.iter().map(|unit| unit.coverage_part).collect(),
        volume_part: units.iter().map(|unit| unit.volume_part).collect(),
        machine_price: units.iter().map(|unit| unit.machine_price).collect(),
    };
    Some((figures, worth))
}

/// Those of the trace at the rate that is asked, or as many at random.
fn requests<'a>(known: &Known<'_>, arrivals: &'a Arrivals, capacity: &Capacity<'_>) -> Cow<'a, [Request]> {
    match &arrivals.trace {
        None => poisson(capacity, REQUESTS, known.question.seed).into(),
        Some(trace) => trace.into(),
    }
}

impl Known<'_> {
    /// A request waits no longer than the whole time that its SLO allows: for the first token of a generation, or for the answer.
    fn patience_s(&self) -> Vec<f64> {
        let suite = self.question.suite;
        let of_row = |row: &crate::network::demand::DemandRow| {
            let limits = suite.workload(&row.workload).map(|workload| workload.slo.limits);
            let limit_ns = limits.map_or(0, |limits| match limits {
                Limits::Tokens { ttft_ns, .. } => ttft_ns,
                Limits::Latency { latency_ns } => latency_ns,
            });
            limit_ns as f64 / 1e9
        };
        self.question.demand.rows.iter().map(of_row).collect()
    }
}
