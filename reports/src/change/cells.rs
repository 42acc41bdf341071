//! A workload in both profiles: its figures, and what follows from all of it.

use super::Common;
use super::ceilings::Machine;
use super::family::Family;
use super::rounds::{Rounds, median_ns, requests_per_hour};
use super::served::{served, standing};
use super::verdict::{Evidence, Floor, Measured, Pace};
use crate::schema::change::{CellChange, FigureChange, Metric, Ratio, Verdict};
use crate::schema::v1::{
    Capacity, CapacityBasis, Cell, CellStatistics, Distribution, Profile, Round, TrialVerdict,
};

/// The figures of a workload that both measured; of others none.
pub(super) fn measured(cells: &Common<'_>, machine: &Machine) -> Vec<Measured> {
    if !cells.are_measured() {
        return Vec::new();
    }
    let pace = pace(cells, machine);
    let all = [
        times(cells, Metric::LatencyNs, pace, |all| Some(all.latency), |round| &round.latency_ns),
        times(cells, Metric::TtftNs, pace, |all| all.ttft, |round| &round.ttft_ns),
        times(cells, Metric::TpotNs, pace, |all| all.tpot, |round| &round.tpot_ns),
        capacity(cells, pace),
        memory(cells),
    ];
    all.into_iter().flatten().collect()
}

fn pace(cells: &Common<'_>, machine: &Machine) -> Pace {
    machine.pace(cells.old.roofline.or(cells.new.roofline).map(|roofline| roofline.bound))
}

fn times(
    cells: &Common<'_>,
    metric: Metric,
    pace: Pace,
    stated: fn(CellStatistics) -> Option<Distribution>,
    times_ns: fn(&Round) -> &[u64],
) -> Option<Measured> {
    let stated = |cell: &Cell| cell.statistics.and_then(stated).map(|times| times.median_ns);
    let rounds = Rounds::read(cells.old, cells.new, |round| median_ns(times_ns(round)))?;
    let (old, new) = (Some(stated(cells.old)?), Some(stated(cells.new)?));
    Some(Measured { metric, old, new, evidence: Evidence::Rounds(rounds), pace })
}

/// Of rates that were found in the same way.
fn capacity(cells: &Common<'_>, pace: Pace) -> Option<Measured> {
    let (old, new) = cells.old.capacity.as_ref().zip(cells.new.capacity.as_ref())?;
    let evidence = match (old.basis, new.basis) {
        (CapacityBasis::ClosedLoop, CapacityBasis::ClosedLoop) => {
            Evidence::Rounds(Rounds::read(cells.old, cells.new, requests_per_hour)?)
        }
        (CapacityBasis::OpenLoop, CapacityBasis::OpenLoop) => Evidence::Search(searched(old, new)),
        _ => return None,
    };
    let (old, new) = (Some(old.requests_per_hour), Some(new.requests_per_hour));
    Some(Measured { metric: Metric::RequestsPerHour, old, new, evidence, pace })
}

/// A search shows a rate that was met and perhaps the next one that was not; the sustained rate lies between. There is one in a run, so how much
/// it differs from round to round is not known.
fn searched(old: &Capacity, new: &Capacity) -> Option<Ratio> {
    let met = |capacity: &Capacity| Some(capacity.requests_per_hour as f64).filter(|rate| *rate > 0.0);
    let not_met = |capacity: &Capacity| {
        let trial = capacity.trials.iter().find(|trial| trial.verdict != TrialVerdict::Met)?;
        Some(trial.requests_per_hour as f64)
    };
    let by = |(new, old): (f64, f64)| new / old;
    Some(Ratio {
        value: met(new)? / met(old)?,
        low: met(new).zip(not_met(old)).map(by),
        high: not_met(new).zip(met(old)).map(by),
    })
}

/// Memory does not follow the machine's speed.
fn memory(cells: &Common<'_>) -> Option<Measured> {
    let bytes =
        |round: &Round| round.peak_memory_bytes.map(|bytes| bytes as f64).filter(|bytes| *bytes > 0.0);
    let rounds = Rounds::read(cells.old, cells.new, bytes)?;
    let (old, new) = (cells.old.peak_memory_bytes(), cells.new.peak_memory_bytes());
    let metric = Metric::PeakMemoryBytes;
    Some(Measured { metric, old, new, evidence: Evidence::Rounds(rounds), pace: Pace::SAME })
}

/// The figures among all of the comparison, and what follows of the cell.
pub(super) fn judged(
    [old, new]: [&Profile; 2],
    cells: &Common<'_>,
    measured: &[Measured],
    family: &Family,
    machine: &Machine,
    floor: Floor,
) -> CellChange {
    let figures: Vec<FigureChange> =
        measured.iter().map(|figure| figure.judged(Some(family), floor)).collect();
    let (old, new) = (standing(old, cells.old), standing(new, cells.new));
    let mut told: Vec<(Verdict, String)> = figures.iter().map(told).collect();
    let (served, doubtful) = match served(cells, [&old, &new], &figures, pace(cells, machine)) {
        Some((Verdict::TooNoisy, text)) => (None, Some(format!("{text}, which may be chance"))),
        served => (served, None),
    };
    told.extend(served);
    // Only latency is asked whether it could be judged: other figures often cannot, and say the same.
    let latency = figures.first().map(|latency| latency.verdict);
    let has = |wanted: Verdict| told.iter().any(|(verdict, _)| *verdict == wanted);
    let verdict = if has(Verdict::Regression) {
        Some(Verdict::Regression)
    } else if latency == Some(Verdict::TooNoisy) {
        latency
    } else if has(Verdict::Improvement) {
        Some(Verdict::Improvement)
    } else {
        latency
    };
    let shows = |of: Verdict| Some(of) == verdict && matches!(of, Verdict::Regression | Verdict::Improvement);
    let because =
        told.into_iter().filter(|(of, _)| shows(*of)).map(|(_, text)| text).chain(doubtful).collect();
    CellChange { workload: cells.new.workload.clone(), old, new, figures, verdict, because }
}

fn told(figure: &FigureChange) -> (Verdict, String) {
    (figure.verdict, figure.metric.words().to_owned())
}

impl Metric {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LatencyNs => "latency",
            Self::TtftNs => "ttft",
            Self::TpotNs => "tpot",
            Self::RequestsPerHour => "capacity",
            Self::PeakMemoryBytes => "memory",
            Self::ReadBytesPerS => "reading",
            Self::F32FlopsPerS => "arithmetic",
        }
    }
}
