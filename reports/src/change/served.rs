//! Whether a workload is still served: it runs, and as many requests as its SLO asks are in time.

use proofmark_workloads::Workload;

use super::Common;
use super::verdict::Pace;
use crate::capacity::within;
use crate::schema::change::{CellStanding, FigureChange, Metric, Verdict};
use crate::schema::v1::{Cell, Factor, Profile, Round, Status};
use crate::statistics::{Interval, clopper_pearson};
use crate::words;

/// What a profile says of a workload beside its times.
pub(super) fn standing(profile: &Profile, cell: &Cell) -> CellStanding {
    let row = profile.coverage.workloads.iter().find(|row| row.workload == cell.workload);
    CellStanding {
        status: cell.status,
        reason: cell.reason.clone(),
        within_slo: row.map_or(0, |row| row.within_slo),
        requests: row.map_or(0, |row| row.requests),
        failing_factor: row.and_then(|row| row.failing_factor),
    }
}

/// That requests are no longer served, or are at last; what may be chance is too noisy. `None` where nothing of that changed.
pub(super) fn served(
    cells: &Common<'_>,
    [old, new]: [&CellStanding; 2],
    figures: &[FigureChange],
    pace: Pace,
) -> Option<(Verdict, String)> {
    if old.status != new.status {
        let verdict = match (old.status, new.status) {
            (Status::Measured, _) => Verdict::Regression,
            (_, Status::Measured) => Verdict::Improvement,
            _ => return None,
        };
        return Some((verdict, format!("{}, now {}", words::status(old.status), words::status(new.status))));
    }
    let (factor, which, verdict) = match (old.failing_factor, new.failing_factor) {
        (None, Some(factor)) => (factor, "now lost to", Verdict::Regression),
        (Some(factor), None) => (factor, "no longer lost to", Verdict::Improvement),
        _ => return None,
    };
    let shows = |metric| figures.iter().any(|figure| figure.metric == metric && figure.verdict == verdict);
    let is_sure = match factor {
        Factor::Model | Factor::Hardware | Factor::Verified => true,
        Factor::Capacity => shows(Metric::RequestsPerHour),
        Factor::Latency => pace == Pace::SAME && are_apart(cells),
    };
    let verdict = if is_sure { verdict } else { Verdict::TooNoisy };
    Some((verdict, format!("{which} {}", words::factor(factor))))
}

/// At the edge of its SLO a cell falls to one side or the other by chance. Requests of a round are late together, so rounds are what is counted: those in which enough requests were in
/// time. Six of six and none of six are the least that 95 % intervals keep apart.
fn are_apart(cells: &Common<'_>) -> bool {
    let [old_asks, new_asks] = cells.asked;
    let (old, new) = (rounds_in_time(cells.old, old_asks), rounds_in_time(cells.new, new_asks));
    old.high_ppm < new.low_ppm || new.high_ppm < old.low_ppm
}

fn rounds_in_time(cell: &Cell, workload: &Workload) -> Interval {
    let slo = &workload.slo;
    let is_in_time = |round: &&Round| {
        let within = within(slo.limits, &round.latency_ns, &round.ttft_ns, &round.tpot_ns);
        slo.is_attained(within, round.latency_ns.len() as u64)
    };
    clopper_pearson(cell.rounds.iter().filter(is_in_time).count() as u64, cell.rounds.len() as u64)
}
