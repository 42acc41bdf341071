//! How likely chance alone makes the greatest change among many figures as great as one that was seen.
//!
//! A suite has dozens of workloads, each with several figures. At 5 % a figure, two honest runs would nearly always differ somewhere. And figures are not independent: a
//! round in which a neighbour was busy is slow in all of them. So the rounds of both runs are dealt out anew in every possible way, each round with all its figures, and the
//! greatest change of any figure is noted each time (Westfall and Young 1993, single-step maxT). If nothing changed, the true dealing is one of them like all others.

use super::rounds::Rounds;

/// Added to how far rounds scatter, as a share of a value: however steady a figure is, changes far below this say nothing.
const STEADIEST: f64 = 0.01;

/// The greatest changes of all dealings.
pub(super) struct Family {
    old: usize,
    new: usize,
    /// Ascending.
    greatest: Vec<f64>,
}

impl Family {
    /// Of all figures that are judged together, `old` rounds against `new`. Those with other rounds are left out.
    pub(super) fn of<'a>(old: usize, new: usize, figures: impl Iterator<Item = &'a Rounds>) -> Self {
        let figures: Vec<Vec<f64>> =
            figures.filter(|rounds| rounds.are(old, new)).map(Rounds::relative).collect();
        let greatest =
            |dealing| figures.iter().map(|values| scaled_change(values, dealing)).fold(0.0, f64::max);
        let mut greatest: Vec<f64> = dealings(old, new).map(greatest).collect();
        greatest.sort_unstable_by(f64::total_cmp);
        Self { old, new, greatest }
    }

    /// The share of dealings whose greatest change is at least this figure's; `None` if it was left out.
    pub(super) fn p_value(&self, rounds: &Rounds) -> Option<f64> {
        if !rounds.are(self.old, self.new) {
            return None;
        }
        let seen = scaled_change(&rounds.relative(), dealt(self.old, self.new));
        let less = self.greatest.partition_point(|greatest| *greatest < seen);
        Some((self.greatest.len() - less) as f64 / self.greatest.len() as f64)
    }
}

/// A bit a round, the first `old` ones those of the old run: 1 where it is dealt to the new one.
type Dealing = u32;

/// As it was.
fn dealt(old: usize, new: usize) -> Dealing {
    ((1 << new) - 1) << old
}

/// All: 924 of six rounds against six, 12,870 of the most that suites have.
fn dealings(old: usize, new: usize) -> impl Iterator<Item = Dealing> {
    (0..1 << (old + new)).filter(move |dealing: &Dealing| dealing.count_ones() as usize == new)
}

/// How far the means of both sides are apart, by how far the values scatter around them in the mean.
fn scaled_change(values: &[f64], dealing: Dealing) -> f64 {
    let side = |place: usize| (dealing >> place & 1) as usize;
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    for (place, value) in values.iter().enumerate() {
        sums[side(place)] += value;
        counts[side(place)] += 1.0;
    }
    let means = [sums[0] / counts[0], sums[1] / counts[1]];
    let scatter: f64 =
        values.iter().enumerate().map(|(place, value)| (value - means[side(place)]).abs()).sum();
    (means[1] - means[0]).abs() / (scatter / values.len() as f64 + STEADIEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounds(old: &[f64], new: &[f64]) -> Rounds {
        Rounds { old: old.to_vec(), new: new.to_vec() }
    }

    #[test]
    fn the_least_chance_is_that_of_both_ways_of_a_clean_separation() {
        let apart = rounds(&[1.0, 1.01, 1.02, 1.03, 1.04, 1.05], &[2.0, 2.01, 2.02, 2.03, 2.04, 2.05]);
        let family = Family::of(6, 6, std::iter::once(&apart));
        assert_eq!(family.p_value(&apart), Some(2.0 / 924.0));
        let equal = rounds(&[1.0; 6], &[1.0; 6]);
        assert_eq!(family.p_value(&equal), Some(1.0));
        assert_eq!(family.p_value(&rounds(&[1.0; 5], &[1.0; 6])), None);
    }

    #[test]
    fn the_most_rounds_are_dealt_in_12870_ways() {
        assert_eq!(dealings(8, 8).count(), 12_870);
        assert!(dealings(8, 8).any(|dealing| dealing == dealt(8, 8)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn more_figures_make_no_chance_smaller(
            figures in prop::collection::vec((prop::collection::vec(0.5..2.0, 4), prop::collection::vec(0.5..2.0, 4)), 2..6)
        ) {
            let figures: Vec<Rounds> = figures.into_iter().map(|(old, new)| Rounds { old, new }).collect();
            let alone = Family::of(4, 4, figures.iter().take(1)).p_value(&figures[0]).unwrap();
            let among = Family::of(4, 4, figures.iter()).p_value(&figures[0]).unwrap();
            prop_assert!(alone <= among && 0.0 < alone, "{alone} {among}");
        }

        #[test]
        fn at_most_a_twentieth_of_all_dealings_of_the_same_rounds_has_a_chance_of_five_percent(
            figures in prop::collection::vec(prop::collection::vec(0.5..2.0, 8), 1..6)
        ) {
            let deal = |values: &[f64], dealing: Dealing| {
                let of = |wanted: u32| {
                    let places = (0..values.len()).filter(|place| dealing >> place & 1 == wanted);
                    places.map(|place| values[place]).collect::<Vec<f64>>()
                };
                Rounds { old: of(0), new: of(1) }
            };
            let alarms = dealings(4, 4).filter(|dealing| {
                let dealt: Vec<Rounds> = figures.iter().map(|values| deal(values, *dealing)).collect();
                let family = Family::of(4, 4, dealt.iter());
                dealt.iter().any(|rounds| family.p_value(rounds).unwrap() <= 0.05)
            });
            prop_assert!(alarms.count() * 20 <= 70);
        }
    }
}
