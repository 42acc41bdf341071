//! What a ratio says: that times grew, shrank, or neither, whether or not they follow the machine.

use super::family::Family;
use super::rounds::Rounds;
use crate::schema::change::{FigureChange, Metric, Ratio, Verdict};

/// Two honest runs show a change somewhere in at most so many pairs, half of them regressions.
const CHANCE: f64 = 0.05;
/// The slow-down that must be excluded before a figure is called unchanged.
const EXCLUDED: f64 = 0.1;

/// How large a change counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// The least change that counts, as a share.
    pub counts: f64,
    /// A slow-down by this share is excluded where a figure is unchanged: 10 %, or the floor if that is more.
    pub excluded: f64,
}

impl Floor {
    /// A floor, as a share.
    #[must_use]
    pub fn of(share: f64) -> Self {
        Self { counts: share, excluded: share.max(EXCLUDED) }
    }
}

/// By what factor times may have grown because the machine became slower by itself; 1 is always possible, because not everything follows a ceiling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Pace {
    /// The machine is as fast as it was.
    pub(super) const SAME: Self = Self { low: 1.0, high: 1.0 };

    /// All that one or the other allows.
    pub(super) fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// A figure of both profiles, before it is judged.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) metric: Metric,
    pub(super) old: Option<u64>,
    pub(super) new: Option<u64>,
    pub(super) evidence: Evidence,
    pub(super) pace: Pace,
}

/// What the ratio rests on.
#[derive(Clone, Debug)]
pub(super) enum Evidence {
    /// Values of several rounds.
    Rounds(Rounds),
    /// One search for a rate in each run.
    Search(Option<Ratio>),
}

impl Measured {
    pub(super) fn rounds(&self) -> Option<&Rounds> {
        match &self.evidence {
            Evidence::Rounds(rounds) => Some(rounds),
            Evidence::Search(_) => None,
        }
    }

    /// By itself, or among all figures of its `family`.
    pub(super) fn judged(&self, family: Option<&Family>, floor: Floor) -> FigureChange {
        let ratio = match &self.evidence {
            Evidence::Rounds(rounds) => Ratio::of(&rounds.old, &rounds.new),
            Evidence::Search(ratio) => *ratio,
        };
        let p_value = family.zip(self.rounds()).and_then(|(family, rounds)| family.p_value(rounds));
        let is_chance = p_value.is_some_and(|p_value| p_value > CHANCE);
        let cost = ratio.map(|ratio| if self.metric.is_rate() { ratio.inverse() } else { ratio });
        let verdict = cost.map_or(Verdict::TooNoisy, |cost| verdict(cost, self.pace, floor, is_chance));
        FigureChange { metric: self.metric, old: self.old, new: self.new, ratio, p_value, verdict }
    }
}

impl Metric {
    /// Whether more is better.
    pub(crate) fn is_rate(self) -> bool {
        matches!(self, Self::RequestsPerHour | Self::ReadBytesPerS | Self::F32FlopsPerS)
    }
}

fn verdict(cost: Ratio, pace: Pace, floor: Floor, is_chance: bool) -> Verdict {
    let low = cost.low.unwrap_or(0.0);
    let high = cost.high.unwrap_or(f64::INFINITY);
    if !is_chance && low > pace.high * (1.0 + floor.counts) {
        Verdict::Regression
    } else if !is_chance && high < pace.low / (1.0 + floor.counts) {
        Verdict::Improvement
    } else if high < pace.low * (1.0 + floor.excluded) {
        Verdict::Unchanged
    } else {
        Verdict::TooNoisy
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(low: f64, high: f64) -> Ratio {
        Ratio { value: f64::midpoint(low, high), low: Some(low), high: Some(high) }
    }

    #[test]
    fn a_change_counts_beyond_the_floor_and_chance() {
        for (low, high, is_chance, expected) in [
            (1.04, 1.2, false, Verdict::Regression),
            (1.04, 1.2, true, Verdict::TooNoisy),
            (1.04, 1.09, true, Verdict::Unchanged),
            (1.02, 1.2, false, Verdict::TooNoisy),
            (1.02, 1.09, false, Verdict::Unchanged),
            (0.8, 0.96, false, Verdict::Improvement),
            (0.8, 0.98, false, Verdict::Unchanged),
            (0.8, 1.2, false, Verdict::TooNoisy),
        ] {
            assert_eq!(
                verdict(cost(low, high), Pace::SAME, Floor::of(0.03), is_chance),
                expected,
                "{low} {high}"
            );
        }
    }

    #[test]
    fn what_depends_on_whether_a_cell_follows_the_machine_is_not_judged() {
        let slower = Pace { low: 1.0, high: 1.25 };
        for (low, high, expected) in [
            (1.15, 1.3, Verdict::TooNoisy),
            (1.3, 1.5, Verdict::Regression),
            (0.97, 1.03, Verdict::Unchanged),
            (0.8, 0.9, Verdict::Improvement),
        ] {
            assert_eq!(verdict(cost(low, high), slower, Floor::of(0.03), false), expected, "{low} {high}");
        }
        let faster = Pace { low: 0.8, high: 1.0 };
        for (low, high, expected) in [
            (0.97, 1.03, Verdict::TooNoisy),
            (0.82, 0.87, Verdict::Unchanged),
            (0.7, 0.75, Verdict::Improvement),
            (1.05, 1.1, Verdict::Regression),
        ] {
            assert_eq!(verdict(cost(low, high), faster, Floor::of(0.03), false), expected, "{low} {high}");
        }
    }

    #[test]
    fn without_an_interval_nothing_is_judged() {
        let unknown = Ratio { value: 2.0, low: None, high: None };
        assert_eq!(verdict(unknown, Pace::SAME, Floor::of(0.03), false), Verdict::TooNoisy);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_higher_floor_shows_no_change_more(low in 0.5_f64..2.0, width in 1.0_f64..1.5, floor in 0.0_f64..0.5, more in 0.0_f64..0.5) {
            let shows = |floor| {
                matches!(verdict(cost(low, low * width), Pace::SAME, Floor::of(floor), false), Verdict::Regression | Verdict::Improvement)
            };
            prop_assert!(shows(floor) || !shows(floor + more));
        }

        #[test]
        fn a_machine_that_moved_shows_no_change_that_one_that_did_not_would_hide(
            low in 0.5_f64..2.0, width in 1.0_f64..1.5, moved in 0.5_f64..2.0
        ) {
            let judged = |pace| verdict(cost(low, low * width), pace, Floor::of(0.03), false);
            let (still, moved) = (judged(Pace::SAME), judged(Pace { low: moved, high: moved }.or(Pace::SAME)));
            prop_assert!(moved == still || matches!(moved, Verdict::Unchanged | Verdict::TooNoisy), "{still:?} {moved:?}");
        }
    }
}
