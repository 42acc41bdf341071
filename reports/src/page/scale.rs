//! Logarithmic axes.

/// A logarithmic axis over all that is drawn on it; 0 counts as 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// An axis from a little below the least value to a little above the greatest; `None` of no values.
    pub(super) fn over(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let (low, high) =
            values.into_iter().fold((u64::MAX, 0), |(low, high), value| (low.min(value), high.max(value)));
        (low <= high).then(|| Self { low: log(low) - 0.05, high: log(high) + 0.05 })
    }

    /// Whether a value stands on the axis.
    pub(super) fn holds(self, value: u64) -> bool {
        (self.low..=self.high).contains(&log(value))
    }

    /// Where a value stands, from 0 to 1.
    pub(super) fn place(self, value: u64) -> f64 {
        ((log(value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// At most `most` round values on the axis, ascending: 1, 2, 5 of each power of ten if they are few enough, else some
    /// powers.
    pub(super) fn ticks(self, most: usize) -> Vec<u64> {
        let on_axis = |values: &[u64]| -> Vec<u64> {
            values.iter().copied().filter(|value| self.holds(*value)).collect()
        };
        let powers: Vec<u64> = (0..20).map(|power| 10_u64.pow(power)).collect();
        let fine: Vec<u64> = powers
            .iter()
            .flat_map(|power| [1, 2, 5].map(|factor| power.checked_mul(factor)))
            .flatten()
            .collect();
        let ticks = on_axis(&fine);
        // From 1 to 2 it is the shortest way: as far as between `most` labels side by side.
        let has_room = self.high - self.low <= 2_f64.log10() * most as f64;
        if ticks.len() <= most && has_room {
            return ticks;
        }
        let ticks = on_axis(&powers);
        let step = ticks.len().div_ceil(most).max(1);
        ticks.into_iter().step_by(step).collect()
    }
}

fn log(value: u64) -> f64 {
    (value.max(1) as f64).log10()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = |low, high| Scale::over([low, high]).unwrap().ticks(7);
        assert_eq!(ticks(18, 110), [20, 50, 100]);
        assert_eq!(ticks(2_000_000, 1_000_000_000), [10_000_000, 100_000_000, 1_000_000_000]);
        assert!(ticks(7, 7).is_empty());
        assert_eq!(ticks(0, u64::MAX).len(), 7);
        assert!(Scale::over([]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn places_ascend_within_the_axis(values in prop::collection::vec(any::<u64>(), 1..9)) {
            let scale = Scale::over(values.iter().copied()).unwrap();
            let mut sorted = values;
            sorted.sort_unstable();
            let places: Vec<f64> = sorted.into_iter().map(|value| scale.place(value)).collect();
            prop_assert!(places.is_sorted());
            prop_assert!(places.iter().all(|place| (0.0..=1.0).contains(place)));
            prop_assert!(scale.ticks(7).len() <= 7);
        }
    }
}
