//! The time that a profile accounts for.

use proofmark_workloads::Suite;

use super::trials;
use crate::schema::v1::{Cell, Profile, Round};

/// The ceilings are measured again before a round, in this part of the time.
const PACE: u64 = 10;
/// Reading and arithmetic.
const SIDES: u64 = 2;

/// What is recorded as done one after another: ceilings, loading, warm-up, timed iterations, trials.
pub(super) fn recorded_ns(profile: &Profile, suite: Option<&Suite>) -> u128 {
    let side_ns = suite.map_or(0, |suite| suite.timing.ceilings_ms * 1_000_000);
    let ceilings =
        |is_there: bool, parts: u64| u128::from(if is_there { SIDES * side_ns / parts } else { 0 });
    let of_round = |round: &Round| -> u128 {
        let before = ceilings(round.ceilings.is_some(), PACE)
            + u128::from(round.load_ns)
            + u128::from(round.warm_up.duration_ns);
        round.latency_ns.iter().fold(before, |sum, latency| sum + u128::from(*latency))
    };
    let of_cell = |cell: &Cell| cell.rounds.iter().map(of_round).sum::<u128>() + trials::work_ns(cell);
    ceilings(profile.ceilings.is_some(), 1) + profile.cells.iter().map(of_cell).sum::<u128>()
}
