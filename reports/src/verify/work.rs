//! The time that a profile accounts for.

use std::time::Duration;

use proofmark_workloads::{Suite, Timing};

use super::trials;
use crate::schema::v1::{Ceilings, Cell, Profile, Round};

/// Of the roofline, measured one after the other.
const SIDES: u32 = 2;

/// What is recorded as done one after another: ceilings, loading, warm-up, timed iterations, trials.
pub(super) fn recorded_ns(profile: &Profile, suite: Option<&Suite>) -> u128 {
    let ceilings_ns = |measured: Option<Ceilings>, time: fn(&Timing) -> Duration| {
        suite.zip(measured).map_or(0, |(suite, _)| (SIDES * time(&suite.timing)).as_nanos())
    };
    let of_round = |round: &Round| -> u128 {
        let before = ceilings_ns(round.ceilings, Timing::ceilings_before_a_round)
            + u128::from(round.load_ns)
            + u128::from(round.warm_up.duration_ns);
        round.latency_ns.iter().fold(before, |sum, latency| sum + u128::from(*latency))
    };
    let of_cell = |cell: &Cell| cell.rounds.iter().map(of_round).sum::<u128>() + trials::work_ns(cell);
    ceilings_ns(profile.ceilings, Timing::ceilings) + profile.cells.iter().map(of_cell).sum::<u128>()
}
