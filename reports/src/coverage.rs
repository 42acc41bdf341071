//! Coverage of one machine: the probability that a request succeeds there, factor by factor.
//!
//! A request of a workload succeeds if no factor fails and it kept its limits: `k` of `n` timed requests did. Factors are
//! tested in the order of [`Factor`]; the first that fails makes the probability 0. The interval is Clopper and
//! Pearson's. Shares are weighted in integers, sums rounded down for a bound below and up for a bound above.

use proofmark_workloads::{Numerics, Suite, Workload};

use crate::capacity::within;
use crate::schema::v1::{
    AfterFactor, Cell, ClassCoverage, Coverage, Factor, Missing, Obstacle, SelfCheck, Status,
    WorkloadCoverage,
};
use crate::statistics::{Interval, clopper_pearson};
use crate::words::percent;

const MILLION: u64 = 1_000_000;

/// The coverage of a machine whose cells are `cells`; workloads of the suite without a cell are not covered.
#[must_use]
pub fn of_machine(suite: &Suite, cells: &[Cell]) -> Coverage {
    let outcomes: Vec<Outcome<'_>> = suite
        .workloads
        .iter()
        .map(|workload| Outcome::of(workload, cells.iter().find(|cell| cell.workload == workload.id)))
        .collect();
    let mut classes: Vec<&str> = outcomes.iter().map(|outcome| outcome.workload.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let all: Vec<&Outcome<'_>> = outcomes.iter().collect();
    Coverage {
        workloads: outcomes.iter().map(Outcome::row).collect(),
        classes: classes.into_iter().map(|class| class_row(class, &outcomes)).collect(),
        success_ppm: weighted(&all, |outcome| outcome.success_ppm(), Rounding::Down),
        low_ppm: weighted(&all, |outcome| outcome.interval.low_ppm, Rounding::Down),
        high_ppm: weighted(&all, |outcome| outcome.interval.high_ppm, Rounding::Up),
    }
}

/// What a cell says of its workload.
struct Outcome<'a> {
    workload: &'a Workload,
    requests: u64,
    within_slo: u64,
    failure: Option<(Factor, String)>,
    /// Of the probability of success.
    interval: Interval,
}

/// Where a factor fails.
const NOTHING: Interval = Interval { low_ppm: 0, high_ppm: 0 };

impl<'a> Outcome<'a> {
    fn of(workload: &'a Workload, cell: Option<&Cell>) -> Self {
        let Some(cell) = cell else {
            let failure = Some((Factor::Model, "not measured in this run".to_owned()));
            return Self { workload, requests: 0, within_slo: 0, failure, interval: NOTHING };
        };
        let within_slo = within(workload.slo.limits, &cell.latency_ns(), &cell.ttft_ns(), &cell.tpot_ns());
        let requests = cell.requests();
        let failure = failure(workload, cell, within_slo, requests);
        let interval = if failure.is_some() { NOTHING } else { clopper_pearson(within_slo, requests) };
        Self { workload, requests, within_slo, failure, interval }
    }

    fn success_ppm(&self) -> u64 {
        if self.failure.is_some() { 0 } else { self.kept_ppm() }
    }

    /// The share of timed requests within the limits.
    fn kept_ppm(&self) -> u64 {
        (self.within_slo * MILLION).checked_div(self.requests).unwrap_or(0)
    }

    fn failing_factor(&self) -> Option<Factor> {
        self.failure.as_ref().map(|(factor, _)| *factor)
    }

    /// What is left of its demand after testing `factor`.
    fn left_after_ppm(&self, factor: Factor) -> u64 {
        match self.failing_factor() {
            Some(failing) if failing <= factor => 0,
            _ if factor >= Factor::Latency => self.kept_ppm(),
            _ => MILLION,
        }
    }

    fn row(&self) -> WorkloadCoverage {
        let Interval { low_ppm, high_ppm } = self.interval;
        WorkloadCoverage {
            workload: self.workload.id.clone(),
            class: self.workload.class.clone(),
            share_ppm: self.workload.share_ppm,
            requests: self.requests,
            within_slo: self.within_slo,
            success_ppm: self.success_ppm(),
            low_ppm,
            high_ppm,
            failing_factor: self.failing_factor(),
        }
    }
}

/// The first factor that fails, and why.
fn failure(workload: &Workload, cell: &Cell, within_slo: u64, requests: u64) -> Option<(Factor, String)> {
    let reason = || cell.reason.clone().unwrap_or_default();
    match cell.status {
        Status::NotCovered => {
            let is_time = matches!(cell.obstacle, Some(Obstacle::Slo { .. }));
            return Some((if is_time { Factor::Latency } else { Factor::Hardware }, reason()));
        }
        Status::Failed if cell.self_check == SelfCheck::Mismatch => {
            return Some((Factor::Verified, reason()));
        }
        Status::Failed => return Some((Factor::Model, reason())),
        Status::Measured => {}
    }
    let rate = cell.capacity.as_ref().map_or(0, |capacity| capacity.requests_per_hour);
    if rate < workload.requests_per_hour {
        let asked = workload.requests_per_hour;
        return Some((Factor::Capacity, format!("sustains {rate} requests an hour of the {asked} asked")));
    }
    if !workload.slo.is_attained(within_slo, requests) {
        let (slo, percent) = (&workload.slo.name, percent(workload.slo.share_ppm));
        let fact = format!(
            "{within_slo} of {requests} requests within the limits of `{slo}`, which asks for {percent}"
        );
        return Some((Factor::Latency, fact));
    }
    match (workload.numerics, cell.self_check) {
        (Numerics::Native, _) => Some((Factor::Verified, "native outputs need an audit".to_owned())),
        (Numerics::Exact1 | Numerics::ExactQ8, SelfCheck::Match) => None,
        (Numerics::Exact1 | Numerics::ExactQ8, SelfCheck::Mismatch) => {
            Some((Factor::Verified, "the self-check digest is not the suite's".to_owned()))
        }
        (Numerics::Exact1 | Numerics::ExactQ8, SelfCheck::None) => Some((
            Factor::Verified,
            "no golden digest to compare with: other weights than the suite's, or one that it lacks"
                .to_owned(),
        )),
    }
}

fn class_row(class: &str, outcomes: &[Outcome<'_>]) -> ClassCoverage {
    let members: Vec<&Outcome<'_>> =
        outcomes.iter().filter(|outcome| outcome.workload.class == class).collect();
    let left = |factor| weighted(&members, |outcome| outcome.left_after_ppm(factor), Rounding::Down);
    let missing = |outcome: &&Outcome<'_>| {
        let (factor, reason) = outcome.failure.clone().filter(|_| outcome.workload.share_ppm > 0)?;
        Some(Missing { workload: outcome.workload.id.clone(), factor, reason })
    };
    ClassCoverage {
        class: class.to_owned(),
        share_ppm: members.iter().map(|outcome| outcome.workload.share_ppm).sum(),
        success_ppm: weighted(&members, |outcome| outcome.success_ppm(), Rounding::Down),
        low_ppm: weighted(&members, |outcome| outcome.interval.low_ppm, Rounding::Down),
        high_ppm: weighted(&members, |outcome| outcome.interval.high_ppm, Rounding::Up),
        after: AfterFactor {
            model_ppm: left(Factor::Model),
            hardware_ppm: left(Factor::Hardware),
            capacity_ppm: left(Factor::Capacity),
            latency_ppm: left(Factor::Latency),
            verified_ppm: left(Factor::Verified),
        },
        missing: members.iter().filter_map(missing).collect(),
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

/// The mean of `value` weighted by demand; 0 where there is no demand.
fn weighted(outcomes: &[&Outcome<'_>], value: impl Fn(&Outcome<'_>) -> u64, rounding: Rounding) -> u64 {
    let share: u64 = outcomes.iter().map(|outcome| outcome.workload.share_ppm).sum();
    let sum: u64 = outcomes.iter().map(|outcome| outcome.workload.share_ppm * value(outcome)).sum();
    match rounding {
        _ if share == 0 => 0,
        Rounding::Down => sum / share,
        Rounding::Up => sum.div_ceil(share),
    }
}
