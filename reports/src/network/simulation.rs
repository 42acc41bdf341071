//! Common causes by several groupings at once: regions, providers, hardware and software fail, each by its own dice.
//!
//! One grouping has a closed form ([`super::common_cause`]); several overlap, so outages are drawn from a seed, and the mean comes with its
//! standard error. Machines in the same groups are one product, so a draw costs no more than there are such combinations.

use std::collections::BTreeMap;

use super::chances::Chances;
use super::common_cause::{FailsLessThanItsGroup, Grouping};
use crate::draws::Draws;

/// Products of all draws together, and the least and most draws.
const MAX_PRODUCTS: usize = 400_000_000;
const DRAWS: std::ops::RangeInclusive<usize> = 200..=20_000;

/// A mean over drawn outages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulated {
    /// Of coverage.
    pub mean: f64,
    /// Of the mean.
    pub standard_error: f64,
    /// How many.
    pub draws: usize,
}

/// The expectation of coverage over outages by all `groupings`, which fail independently.
///
/// # Errors
/// When a machine succeeds more often than all its groups are there.
pub fn simulate(
    chances: &Chances,
    shares: &[f64],
    groupings: &[Grouping],
    seed: u64,
) -> Result<Simulated, FailsLessThanItsGroup> {
    let mut given_up = chances.clone();
    for grouping in groupings {
        given_up = grouping.given_up(&given_up)?;
    }
    let combinations = combinations(groupings, &given_up);
    let products = combinations.len().max(1) * shares.len().max(1);
    let count = (MAX_PRODUCTS / products).clamp(*DRAWS.start(), *DRAWS.end());
    let mut draws = Draws::new("proofmark/outages/1", seed);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..count {
        let is_there: Vec<Vec<bool>> = groupings
            .iter()
            .map(|grouping| grouping.fails.iter().map(|fails| draws.unit() >= *fails).collect())
            .collect();
        let mut fails = vec![1.0; shares.len()];
        for (groups, products) in &combinations {
            if groups.iter().zip(&is_there).all(|(group, is_there)| is_there[*group]) {
                fails.iter_mut().zip(products).for_each(|(fails, product)| *fails *= product);
            }
        }
        let coverage: f64 = fails.iter().zip(shares).map(|(fails, share)| share * (1.0 - fails)).sum();
        sum += coverage;
        squares += coverage * coverage;
    }
    let mean = sum / count as f64;
    let variance = (squares / count as f64 - mean * mean).max(0.0);
    Ok(Simulated { mean, standard_error: (variance / (count as f64 - 1.0)).sqrt(), draws: count })
}

/// By the groups that machines are in: of each row the product over them.
fn combinations(groupings: &[Grouping], given_up: &Chances) -> BTreeMap<Vec<usize>, Vec<f64>> {
    let mut combinations: BTreeMap<Vec<usize>, Vec<f64>> = BTreeMap::new();
    for machine in 0..given_up.machines() {
        let groups = groupings.iter().map(|grouping| grouping.of_machine[machine]).collect();
        let products = combinations.entry(groups).or_insert_with(|| vec![1.0; given_up.rows().len()]);
        for (product, row) in products.iter_mut().zip(given_up.rows()) {
            *product *= 1.0 - row[machine];
        }
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> (Chances, Vec<f64>) {
        let row = |from: usize| (0..30).map(|machine| 0.05 * ((machine * from) % 7) as f64).collect();
        (Chances::new(30, vec![row(3), row(5)]).unwrap(), vec![0.7, 0.3])
    }

    fn grouping(groups: usize, fails: f64) -> Grouping {
        Grouping { of_machine: (0..30).map(|machine| machine % groups).collect(), fails: vec![fails; groups] }
    }

    #[test]
    fn drawn_outages_of_one_grouping_agree_with_the_closed_form() {
        let (chances, shares) = fleet();
        let grouping = grouping(3, 0.3);
        let expected = grouping.coverage(&grouping.given_up(&chances).unwrap(), &shares);
        let drawn = simulate(&chances, &shares, &[grouping], 7).unwrap();
        assert!((drawn.mean - expected).abs() < 4.0 * drawn.standard_error, "{drawn:?} {expected}");
        assert!(drawn.standard_error > 0.0 && drawn.standard_error < 0.005);
    }

    #[test]
    fn groups_that_cross_agree_with_all_their_outcomes() {
        let (chances, shares) = fleet();
        let groupings = [grouping(2, 0.2), grouping(3, 0.4)];
        let given_up = groupings[1].given_up(&groupings[0].given_up(&chances).unwrap()).unwrap();
        let mut expected = 0.0;
        for outcome in 0..32_u32 {
            let is_there = |group: usize| outcome >> group & 1 == 1;
            let of = |group: usize, fails: f64| if is_there(group) { 1.0 - fails } else { fails };
            let probability: f64 =
                (0..2).map(|group| of(group, 0.2)).chain((2..5).map(|group| of(group, 0.4))).product();
            for (row, share) in given_up.rows().iter().zip(&shares) {
                let up = (0..30).filter(|machine| is_there(machine % 2) && is_there(2 + machine % 3));
                expected +=
                    probability * share * (1.0 - up.map(|machine| 1.0 - row[machine]).product::<f64>());
            }
        }
        let drawn = simulate(&chances, &shares, &groupings, 7).unwrap();
        assert!((drawn.mean - expected).abs() < 4.0 * drawn.standard_error, "{drawn:?} {expected}");
    }

    #[test]
    fn a_machine_that_is_there_more_often_than_its_groups_is_refused() {
        let chances = Chances::new(1, vec![vec![0.9]]).unwrap();
        let half = |fails| Grouping { of_machine: vec![0], fails: vec![fails] };
        assert!(simulate(&chances, &[1.0], &[half(0.05)], 1).is_ok());
        let refused = simulate(&chances, &[1.0], &[half(0.05), half(0.1)], 1).unwrap_err();
        assert_eq!((refused.machine, refused.fails), (0, 0.1));
    }
}
