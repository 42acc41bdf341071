//! Whether audits are about this very file, checked what their random number drew, and found what they say.
//!
//! That the auditor computed anything is the auditor's word; nobody can see a mismatch that was left out.

use std::collections::BTreeMap;

use proofmark_workloads::Suite;

use super::{CLOCK_TOLERANCE, Context, Reason, freshness};
use crate::audit::{
    Answer, AuditPredicate, CheckedCell, MAX_MISMATCHES, Randomness, answers, audit_seed,
    original_duration_ns, sample, tenth_missed_ppm, tolerance_ppm,
};
use crate::document::Opened;
use crate::in_toto::{self, Attested};
use crate::schema::v1::{Cell, Profile, Status};
use crate::words::clipped;
use crate::{Digest, Timestamp, did_key};

/// Characters of a foreign text that a fact repeats.
const TOLD: usize = 200;

/// An audit that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Who signed, as `did:key`; whether they are to be believed is for the reader to say.
    pub auditor: String,
    /// What decided which answers were checked.
    pub randomness: Randomness,
    /// What was found.
    pub predicate: AuditPredicate,
}

/// Every reason that the audits give, and those of them that hold.
pub(super) fn check(
    opened: &Opened<Profile>,
    report_id: Digest,
    work_ns: u128,
    suite: Option<&Suite>,
    context: &Context<'_>,
) -> (Vec<Reason>, Vec<Audited>) {
    let (mut reasons, mut held) = (Vec::new(), Vec::new());
    if context.audits.is_empty() {
        return (reasons, held);
    }
    let cells = measured(&opened.document);
    let checker = Checker { opened, report_id, work_ns, now: context.now, suite, cells };
    for (number, envelope) in (1..).zip(context.audits) {
        let (auditor, facts) = match in_toto::open(envelope) {
            Err(fault) => (None, vec![fault.to_string()]),
            Ok(attested) => {
                let auditor = did_key::format(&attested.signer);
                let facts = match checker.check(&attested) {
                    Err(facts) => facts,
                    Ok(randomness) => {
                        let predicate = attested.statement.predicate;
                        let differing = differing(&predicate);
                        held.push(Audited { auditor: auditor.clone(), randomness, predicate });
                        differing.into_iter().collect()
                    }
                };
                (Some(auditor), facts)
            }
        };
        let reason = |fact| Reason::Audit { number, auditor: auditor.clone(), fact };
        reasons.extend(facts.into_iter().map(reason));
    }
    (reasons, held)
}

/// The fact that counts against the profile, not the audit.
fn differing(audit: &AuditPredicate) -> Option<String> {
    let count = audit.steps_mismatched;
    (count > 0).then(|| format!("{count} of {} answers differ", audit.steps_checked))
}

/// Cells that were measured with their answers, by their places in the profile.
fn measured(profile: &Profile) -> BTreeMap<u64, (&Cell, Vec<Answer>)> {
    let measured = (0..).zip(&profile.cells).filter(|(_, cell)| cell.status == Status::Measured);
    measured.map(|(index, cell)| (index, (cell, answers(cell)))).collect()
}

struct Checker<'a> {
    opened: &'a Opened<Profile>,
    report_id: Digest,
    work_ns: u128,
    now: Timestamp,
    suite: Option<&'a Suite>,
    cells: BTreeMap<u64, (&'a Cell, Vec<Answer>)>,
}

impl Checker<'_> {
    /// What decided the audit, or every fact against it.
    fn check(&self, attested: &Attested<AuditPredicate>) -> Result<Randomness, Vec<String>> {
        let Attested { statement, signer } = attested;
        let audit = &statement.predicate;
        let mut facts = Vec::new();
        if self.opened.key == Some(*signer) {
            facts.push("it is signed by the profile's operator, whose word it is already".to_owned());
        }
        for (member, actual, expected) in [
            ("subject", statement.report_id, self.report_id),
            ("report_id", audit.report_id, self.report_id),
            ("body_digest", audit.body_digest, self.opened.body_digest),
        ] {
            if actual != expected {
                facts.push(format!("{member} is {actual}, the profile's is {expected}"));
            }
        }
        let randomness = Randomness::of(audit).map_err(|fault| facts.push(fault.to_string())).ok();
        // Whether or not its round fits.
        if let Some(receipt) = &audit.receipt {
            let faults = freshness::receipt_faults(self.opened, receipt, self.work_ns);
            facts.extend(faults.into_iter().map(|fact| format!("receipt: {fact}")));
        }
        self.check_cells(audit, randomness.as_ref(), &mut facts);
        self.check_counts(audit, &mut facts);
        self.check_mismatches(audit, &mut facts);
        self.check_times(audit, randomness.as_ref(), &mut facts);
        match randomness {
            Some(randomness) if facts.is_empty() => Ok(randomness),
            _ => Err(facts),
        }
    }

    /// Each measured cell was checked where the random number says, or skipped, and no other cell was.
    fn check_cells(&self, audit: &AuditPredicate, randomness: Option<&Randomness>, facts: &mut Vec<String>) {
        let checked = audit.indices.iter().map(|cell| (cell.cell, &cell.workload));
        let skipped = audit.skipped.iter().map(|cell| (cell.cell, &cell.workload));
        let (mut listed, mut skips): (Vec<_>, Vec<_>) = (checked.collect(), skipped.collect());
        for (member, cells) in [("indices", &listed), ("skipped", &skips)] {
            if !cells.is_sorted_by(|a, b| a.0 < b.0) {
                facts.push(format!("{member} does not ascend from cell to cell"));
            }
        }
        listed.append(&mut skips);
        let mut times = BTreeMap::new();
        for (index, workload) in listed {
            *times.entry(index).or_insert(0_u64) += 1;
            match self.cells.get(&index) {
                Some((cell, _)) if cell.workload == *workload => {}
                Some((cell, _)) => facts.push(format!(
                    "cell {index} is called {}, in the profile {}",
                    clipped(workload, TOLD),
                    clipped(&cell.workload, TOLD)
                )),
                None => facts.push(format!("cell {index} was not measured")),
            }
        }
        for index in self.cells.keys() {
            match times.get(index).copied().unwrap_or(0) {
                0 => facts.push(format!("cell {index} is neither checked nor skipped")),
                1 => {}
                times => facts.push(format!("cell {index} is listed {times} times")),
            }
        }
        let seed = randomness.map(|randomness| audit_seed(self.opened.body_digest, &randomness.number().0));
        for checked in &audit.indices {
            if let Some((cell, answers)) = self.cells.get(&checked.cell) {
                let drawn = |seed| sample(seed, checked.cell, answers.len() as u64, audit.answers_a_cell);
                check_cell(checked, answers.len() as u64, seed.map(drawn), facts);
                self.check_tolerance(checked, cell, facts);
            }
        }
    }

    /// A cell in native numerics was compared with the tolerance of this version, any other one bit for bit.
    fn check_tolerance(&self, checked: &CheckedCell, cell: &Cell, facts: &mut Vec<String>) {
        let expected = self.suite.and_then(|suite| suite.workload(&cell.workload)).and_then(tolerance_ppm);
        let actual = checked.tolerance.map(|tolerance| tolerance.tolerance_ppm);
        let index = checked.cell;
        if actual != expected {
            let told = |ppm: Option<u64>| ppm.map_or("none".to_owned(), |ppm| ppm.to_string());
            let (actual, expected) = (told(actual), told(expected));
            facts.push(format!("tolerance_ppm of cell {index} is {actual}, expected {expected}"));
        }
        let is_beyond = checked.tolerance.is_some_and(|t| t.largest_distance_ppm > t.tolerance_ppm);
        if is_beyond && checked.mismatched == 0 {
            facts.push(format!("cell {index} is beyond its tolerance, and nothing in it differs"));
        }
    }

    fn check_counts(&self, audit: &AuditPredicate, facts: &mut Vec<String>) {
        let checked = audit.indices.iter().map(|cell| cell.places.len() as u64).sum();
        let mismatched = audit.indices.iter().fold(0, |sum: u64, cell| sum.saturating_add(cell.mismatched));
        let total = self.cells.values().map(|(_, answers)| answers.len() as u64).sum();
        if checked == 0 {
            facts.push("no answer was checked".to_owned());
        }
        for (member, actual, expected) in [
            ("steps_checked", audit.steps_checked, checked),
            ("steps_mismatched", audit.steps_mismatched, mismatched),
            ("steps_total", audit.steps_total, total),
            ("original_duration_ns", audit.original_duration_ns, original_duration_ns(&self.opened.document)),
        ] {
            if actual != expected {
                facts.push(format!("{member} is {actual}, recomputed {expected}"));
            }
        }
    }

    /// Each mismatch is at a place that was checked, and quotes the profile.
    fn check_mismatches(&self, audit: &AuditPredicate, facts: &mut Vec<String>) {
        if !audit.mismatches.is_sorted_by(|a, b| (a.cell, a.place) < (b.cell, b.place)) {
            facts.push("mismatches does not ascend from answer to answer".to_owned());
        }
        let checked: BTreeMap<u64, &CheckedCell> =
            audit.indices.iter().map(|cell| (cell.cell, cell)).collect();
        for CheckedCell { cell, mismatched, places, .. } in &audit.indices {
            let listed = audit.mismatches.iter().filter(|mismatch| mismatch.cell == *cell).count() as u64;
            if listed != *mismatched.min(&(MAX_MISMATCHES as u64)) || *mismatched > places.len() as u64 {
                facts.push(format!(
                    "cell {cell} has {mismatched} mismatches at {} places, and {listed} are listed",
                    places.len()
                ));
            }
        }
        for mismatch in &audit.mismatches {
            let at = format!("mismatch at place {} of cell {}", mismatch.place, mismatch.cell);
            let is_checked =
                checked.get(&mismatch.cell).is_some_and(|c| c.places.binary_search(&mismatch.place).is_ok());
            if !is_checked {
                facts.push(format!("{at}: it was not checked"));
            }
            let answers = self.cells.get(&mismatch.cell).map(|(_, answers)| answers);
            let place = usize::try_from(mismatch.place).ok();
            let answer = answers.zip(place).and_then(|(answers, place)| answers.get(place));
            match answer {
                Some(answer) if answer.digest == mismatch.stated => {}
                Some(_) => facts.push(format!("{at}: stated is not what the profile states")),
                None => facts.push(format!("{at}: there is no such answer")),
            }
            if mismatch.computed == Some(mismatch.stated) {
                facts.push(format!("{at}: both digests are the same"));
            }
            let is_distance = checked.get(&mismatch.cell).is_some_and(|cell| cell.tolerance.is_some());
            if mismatch.distance_ppm.is_some() != is_distance || is_distance && mismatch.computed.is_some() {
                facts.push(format!("{at}: native numerics have a distance, exact ones a digest"));
            }
        }
    }

    fn check_times(&self, audit: &AuditPredicate, randomness: Option<&Randomness>, facts: &mut Vec<String>) {
        let audited = match audit.audited_at.parse::<Timestamp>() {
            Ok(audited) => audited,
            Err(error) => return facts.push(format!("audited_at is {error}")),
        };
        // Clocks differ a little.
        let latest = audited.checked_add(CLOCK_TOLERANCE);
        let finished = self.opened.document.finished_at.parse().ok();
        let round = match randomness {
            Some(Randomness::Public { round, .. }) => Some(round.time()),
            _ => None,
        };
        for (event, time) in [("the run's end", finished), ("the beacon's round", round)] {
            if time.zip(latest).is_some_and(|(time, latest)| latest < time) {
                facts.push(format!("audited_at is earlier than {event}"));
            }
        }
        if self.now.checked_add(CLOCK_TOLERANCE).is_some_and(|latest| audited > latest) {
            facts.push(format!("audited_at is in the future, it is {}", self.now));
        }
    }
}

fn check_cell(checked: &CheckedCell, count: u64, drawn: Option<Vec<u64>>, facts: &mut Vec<String>) {
    let index = checked.cell;
    if checked.answers != count {
        facts.push(format!("cell {index} has {count} answers, it says {}", checked.answers));
    }
    if drawn.is_some_and(|drawn| drawn != checked.places) {
        facts.push(format!("the places of cell {index} are not those that its random number draws"));
        return;
    }
    let places = checked.places.len() as u64;
    let missed = (places <= count).then(|| tenth_missed_ppm(count, places));
    if missed != Some(checked.tenth_missed_ppm) {
        facts.push(format!("tenth_missed_ppm of cell {index} is not what {places} of {count} answers give"));
    }
}
