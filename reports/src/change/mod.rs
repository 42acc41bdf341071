//! What changed on one machine between two profiles: what it computes, whether it still serves, how fast, and whether that is more than chance.
//!
//! Each figure has a value a round, so six against six. Their ratio comes with a 95 % interval (`ratio.rs`). A change counts if that interval lies beyond the floor, if the greatest
//! change among all figures is no chance at 5 % (`family.rs`), and if the machine's own speed does not explain it (`ceilings.rs`, `verdict.rs`). How often that is wrong, and what it
//! finds, is simulated in `simulation.rs`.
//!
//! What differs between two times and shows neither between the rounds of a run nor in the ceilings is not seen, whatever the interval says.

mod ceilings;
mod cells;
mod digests;
mod family;
mod machine;
mod ratio;
mod rounds;
mod served;
#[cfg(test)]
mod simulation;
mod verdict;

use std::collections::BTreeSet;

use proofmark_workloads::{Suite, Workload};

use crate::schema::change::{Change, Conclusion, FigureChange, Metric, RunFacts, Verdict};
use crate::schema::v1::{Cell, DoubtKind, Profile, Status};
use crate::synthetic::is_synthetic;
use crate::{Digest, Timestamp, words};
use ceilings::Machine;
use family::Family;
use rounds::{Rounds, median};
use verdict::{Evidence, Measured, Pace};

pub use machine::OtherMachine;
pub use verdict::Floor;

/// Nothing is concluded from fewer workloads than all but a quarter of them.
const JUDGED_OF: u64 = 4;

/// A verified profile.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its name.
    pub file: &'a str,
    /// SHA-256 of the file.
    pub report_id: Digest,
    /// What it says.
    pub profile: &'a Profile,
    /// What it is of.
    pub suite: &'a Suite,
}

/// What changed from `old` to `new`.
///
/// # Errors
/// When they are not of one machine.
pub fn change(old: Run<'_>, new: Run<'_>, floor: Floor) -> Result<Change, OtherMachine> {
    let same_machine = machine::same(old.profile, new.profile)?;
    let common = common(old, new);
    let machine = Machine::of(old.profile, new.profile, floor);
    let measured: Vec<Vec<Measured>> = common.iter().map(|cells| cells::measured(cells, &machine)).collect();
    let all = all(&measured, machine.pace(None));
    let family = {
        let figures = measured.iter().flatten().chain(&all).filter_map(Measured::rounds);
        let planned = |run: Run<'_>| usize::try_from(run.suite.timing.rounds).unwrap_or(0);
        Family::of(planned(old), planned(new), figures)
    };
    let cells: Vec<_> = common
        .iter()
        .zip(&measured)
        .map(|(cells, measured)| {
            cells::judged([old.profile, new.profile], cells, measured, &family, &machine, floor)
        })
        .collect();
    let latencies = || cells.iter().filter_map(|cell| cell.figures.first());
    let too_noisy = latencies().filter(|latency| latency.verdict == Verdict::TooNoisy).count() as u64;
    let mut change = Change {
        kind: Change::KIND.to_owned(),
        schema: Change::SCHEMA.to_owned(),
        old: facts(old),
        new: facts(new),
        machine: same_machine,
        differs: machine::differences(old.profile, new.profile),
        notes: notes(old, new, &machine),
        floor: floor.counts,
        excluded: floor.excluded,
        digests: digests::digests(old.profile, new.profile, &common),
        all: all.map(|all| all.judged(Some(&family), floor)),
        judged: latencies().count() as u64,
        too_noisy,
        ceilings: machine.ceilings,
        only_old: only(old, new),
        only_new: only(new, old),
        other_work: other_work(old, new),
        cells,
        conclusion: Conclusion::Fine,
    };
    change.conclusion = conclusion(&change);
    Ok(change)
}

/// Two cells of one workload that ask for the same work.
struct Common<'a> {
    old: &'a Cell,
    new: &'a Cell,
    /// By the suites of both.
    asked: [&'a Workload; 2],
}

impl Common<'_> {
    fn are_measured(&self) -> bool {
        self.old.status == Status::Measured && self.new.status == Status::Measured
    }
}

fn common<'a>(old: Run<'a>, new: Run<'a>) -> Vec<Common<'a>> {
    let common = |after: &'a Cell| {
        let before = old.profile.cells.iter().find(|cell| cell.workload == after.workload)?;
        let asked = [old.suite.workload(&after.workload)?, new.suite.workload(&after.workload)?];
        is_same_work(asked).then_some(Common { old: before, new: after, asked })
    };
    new.profile.cells.iter().filter_map(common).collect()
}

fn only(run: Run<'_>, other: Run<'_>) -> Vec<String> {
    let known: BTreeSet<&str> = other.profile.cells.iter().map(|cell| &*cell.workload).collect();
    let cells = run.profile.cells.iter().filter(|cell| !known.contains(&*cell.workload));
    cells.map(|cell| cell.workload.clone()).collect()
}

/// Workloads that two suites give one name, though they ask for different things.
fn other_work(old: Run<'_>, new: Run<'_>) -> Vec<String> {
    let is_other = |cell: &&Cell| {
        let both = old.suite.workload(&cell.workload).zip(new.suite.workload(&cell.workload));
        both.is_some_and(|(old, new)| !is_same_work([old, new]))
    };
    new.profile.cells.iter().filter(is_other).map(|cell| cell.workload.clone()).collect()
}

/// Whether a request is the same; how it is computed may be another thing.
fn is_same_work([old, new]: [&Workload; 2]) -> bool {
    let asked = |workload: &Workload| (workload.shape, workload.work(1), workload.max_batch);
    asked(old) == asked(new) && old.model.name == new.model.name && old.precision == new.precision
}

/// The workload in the middle, round by round: its latency as a share of its median over both runs. What is slower everywhere shows here best.
fn all(measured: &[Vec<Measured>], pace: Pace) -> Option<Measured> {
    let rounds: Vec<&Rounds> =
        measured.iter().filter_map(|figures| figures.first()).filter_map(Measured::rounds).collect();
    let first = *rounds.first().filter(|_| rounds.len() > 1)?;
    let relative: Vec<Vec<f64>> = rounds.iter().map(|rounds| rounds.relative()).collect();
    let middle = |place| median(relative.iter().filter_map(|values| values.get(place).copied()).collect());
    let count = first.old.len();
    let old = (0..count).map(middle).collect::<Option<Vec<f64>>>()?;
    let new = (count..count + first.new.len()).map(middle).collect::<Option<Vec<f64>>>()?;
    let evidence = Evidence::Rounds(Rounds { old, new });
    Some(Measured { metric: Metric::LatencyNs, old: None, new: None, evidence, pace })
}

fn facts(run: Run<'_>) -> RunFacts {
    let Profile { suite, started_at, finished_at, harness, cells, doubts, .. } = run.profile;
    let kinds: BTreeSet<DoubtKind> =
        doubts.iter().chain(cells.iter().flat_map(|cell| &cell.doubts)).map(|doubt| doubt.kind).collect();
    RunFacts {
        file: run.file.to_owned(),
        report_id: run.report_id,
        suite: suite.clone(),
        started_at: started_at.clone(),
        finished_at: finished_at.clone(),
        version: harness.version.clone(),
        doubts: kinds.into_iter().map(|kind| words::doubt(kind).to_owned()).collect(),
    }
}

fn notes(old: Run<'_>, new: Run<'_>, machine: &Machine) -> Vec<String> {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let is_backwards = time(&new.profile.started_at) < time(&old.profile.started_at);
    let is_together = time(&new.profile.started_at) < time(&old.profile.finished_at);
    let is_same = old.report_id == new.report_id;
    let notes = [
        (is_same, "both files are one report"),
        (!is_same && is_backwards, "the first profile is the later one: are they in the order OLD NEW?"),
        (!is_same && !is_backwards && is_together, "both ran at the same time, and disturbed each other"),
        (
            machine.is_unknown(),
            "no ceilings were measured before the rounds of both: whether the machine itself changed is not known",
        ),
        (
            is_synthetic(old.profile) || is_synthetic(new.profile),
            "a profile says that it is synthetic: no machine stands behind it",
        ),
    ];
    notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note.to_owned()).collect()
}

fn conclusion(change: &Change) -> Conclusion {
    let of_all = change.all.iter().map(|all: &FigureChange| all.verdict);
    let mut verdicts = change.cells.iter().filter_map(|cell| cell.verdict).chain(of_all);
    if change.digests.changed.iter().any(|digest| digest.allowed_because.is_none()) {
        Conclusion::DigestChanged
    } else if verdicts.any(|verdict| verdict == Verdict::Regression) {
        Conclusion::Regression
    } else if change.judged == 0 || change.too_noisy * JUDGED_OF > change.judged {
        Conclusion::TooNoisy
    } else {
        Conclusion::Fine
    }
}
