//! Fewer marks for the same picture.

/// The places of at most `most` samples, spread evenly over the sorted samples, the least and the greatest among them;
/// ascending by value. `most` is at least 2.
pub(super) fn thin(samples: &[u64], most: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..samples.len()).collect();
    places.sort_by_key(|place| samples[*place]);
    if places.len() <= most {
        return places;
    }
    let last = places.len() - 1;
    (0..most).map(|mark| places[mark * last / (most - 1).max(1)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn thinning_keeps_the_extremes_and_draws_nothing_twice(
            samples in prop::collection::vec(0_u64..50, 0..300),
            most in 2_usize..80,
        ) {
            let places = thin(&samples, most);
            let drawn: Vec<u64> = places.iter().map(|place| samples[*place]).collect();
            prop_assert_eq!(drawn.len(), samples.len().min(most));
            prop_assert!(drawn.is_sorted());
            prop_assert_eq!(drawn.first(), samples.iter().min());
            prop_assert_eq!(drawn.last(), samples.iter().max());
            let mut distinct = places;
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), drawn.len());
        }
    }
}
