//! Whether sittings, attempts and cells can belong to one run.

use super::Reason;
use crate::Timestamp;
use crate::schema::v1::{Profile, Sitting};

/// A run that is resumed more often is none.
const MAX_SITTINGS: usize = 1000;

/// Every contradiction.
pub(super) fn check(profile: &Profile) -> Vec<Reason> {
    let sittings = &profile.sittings;
    let mut facts = Vec::new();
    match sittings.first() {
        None => facts.push("sittings are empty".to_owned()),
        Some(first) if first.started_at != profile.started_at || place(first) != (0, 0) => {
            facts.push("the first sitting is not the run's start".to_owned());
        }
        Some(_) => {}
    }
    if sittings.len() > MAX_SITTINGS {
        facts.push(format!("{} sittings, more than {MAX_SITTINGS}", sittings.len()));
    }
    let times: Vec<_> = sittings.iter().map(|sitting| sitting.started_at.parse::<Timestamp>().ok()).collect();
    let finished = profile.finished_at.parse::<Timestamp>().ok();
    let is_ascending = times.iter().all(Option::is_some)
        && times.windows(2).all(|pair| pair[0] <= pair[1])
        && times.last().is_none_or(|last| *last <= finished);
    if !is_ascending {
        facts.push("the sittings' times do not ascend within the run".to_owned());
    }
    let cells = profile.cells.len() as u64;
    let is_in_order = sittings.windows(2).all(|pair| place(&pair[0]) <= place(&pair[1]))
        && sittings.iter().all(|sitting| sitting.first_cell <= cells);
    if !is_in_order {
        facts.push("the sittings' cells do not ascend within the run".to_owned());
    }
    // A sitting may have been broken off before its first cell began, so there may be fewer attempts.
    for (index, cell) in profile.cells.iter().enumerate() {
        for (number, round) in cell.rounds.iter().enumerate().filter(|(_, round)| round.attempt > 0) {
            let begun = (number as u64, index as u64);
            let resumed = sittings.iter().skip(1).filter(|sitting| place(sitting) == begun).count();
            if round.attempt as usize > resumed {
                let attempt = round.attempt;
                facts.push(format!(
                    "round {number} of cell {index} is attempt {attempt} after {resumed} interruptions"
                ));
            }
        }
    }
    facts.into_iter().map(|fact| Reason::Sittings { fact }).collect()
}

/// Rounds and cells in the order in which they run.
fn place(sitting: &Sitting) -> (u64, u64) {
    (sitting.first_round, sitting.first_cell)
}
