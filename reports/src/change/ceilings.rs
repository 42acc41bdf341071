//! The machine's own speed in both runs, by the ceilings that were measured before each round.

use super::rounds::{Rounds, median};
use super::verdict::{Evidence, Floor, Measured, Pace};
use crate::schema::change::{FigureChange, Metric, Verdict};
use crate::schema::v1::{Bound, Ceilings, Profile};

/// Whether the machine moved, side by side of the roofline.
pub(super) struct Machine {
    /// What was measured.
    pub(super) ceilings: Vec<FigureChange>,
    reading: Pace,
    arithmetic: Pace,
}

impl Machine {
    /// Of both runs.
    pub(super) fn of(old: &Profile, new: &Profile, floor: Floor) -> Self {
        let judged = |metric, rate: fn(Ceilings) -> u64| {
            let measured = measured(metric, [old, new].map(|profile| rates(profile, rate)))?;
            Some(measured.judged(None, floor))
        };
        let reading = judged(Metric::ReadBytesPerS, |ceilings| ceilings.read_bytes_per_s);
        let arithmetic = judged(Metric::F32FlopsPerS, |ceilings| ceilings.f32_flops_per_s);
        Self {
            reading: reading.as_ref().map_or(Pace::SAME, pace),
            arithmetic: arithmetic.as_ref().map_or(Pace::SAME, pace),
            ceilings: [reading, arithmetic].into_iter().flatten().collect(),
        }
    }

    /// By what factor times may have grown by themselves, of what this side binds; of any if it is not known.
    pub(super) fn pace(&self, bound: Option<Bound>) -> Pace {
        match bound {
            Some(Bound::Memory) => self.reading,
            Some(Bound::Compute) => self.arithmetic,
            None => self.reading.or(self.arithmetic),
        }
    }

    /// Whether nothing is known of the machine's own speed.
    pub(super) fn is_unknown(&self) -> bool {
        self.ceilings.is_empty()
    }
}

/// A round's rate is the median of those before its cells, of which there are dozens: a neighbour slows down some of them, another machine all.
fn rates(profile: &Profile, rate: fn(Ceilings) -> u64) -> Vec<f64> {
    let rounds = profile.cells.iter().map(|cell| cell.rounds.len()).max().unwrap_or(0);
    let of_round = |place: usize| {
        let rounds = profile.cells.iter().filter_map(|cell| cell.rounds.get(place));
        median(rounds.filter_map(|round| round.ceilings).map(|ceilings| rate(ceilings) as f64).collect())
    };
    (0..rounds).filter_map(of_round).collect()
}

fn measured(metric: Metric, [old, new]: [Vec<f64>; 2]) -> Option<Measured> {
    let stated = |rates: &Vec<f64>| median(rates.clone()).map(|rate| rate as u64);
    let (stated_old, stated_new) = (stated(&old)?, stated(&new)?);
    Some(Measured {
        metric,
        old: Some(stated_old),
        new: Some(stated_new),
        evidence: Evidence::Rounds(Rounds { old, new }),
        pace: Pace::SAME,
    })
}

/// Only a ceiling that surely moved says anything of times.
fn pace(ceiling: &FigureChange) -> Pace {
    let moved = matches!(ceiling.verdict, Verdict::Regression | Verdict::Improvement);
    match ceiling.ratio.filter(|_| moved).map(|ratio| ratio.inverse()) {
        Some(times) => {
            let low = times.low.unwrap_or(times.value);
            let high = times.high.unwrap_or(times.value);
            Pace { low, high }.or(Pace::SAME)
        }
        None => Pace::SAME,
    }
}
