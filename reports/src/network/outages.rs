//! What is left of coverage when all machines of a group are gone: a region, a provider, a kind of hardware, a program.

use super::chances::Chances;
use super::coverage::{Units, coverage, marginals};

/// Products that looking at all sets of groups may take; beyond, groups are taken one after another.
const MAX_PRODUCTS: u128 = 200_000_000;
/// A set is worse than another by more than rounding.
const ROUNDING: f64 = 1e-12;

/// Groups without which coverage is least.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstOutage {
    /// Ascending.
    pub groups: Vec<usize>,
    /// What is left.
    pub coverage: f64,
    /// How they were found.
    pub search: Search,
}

/// How a worst set was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// All sets were looked at: none is worse.
    Exhaustive,
    /// One after another, each the worst next: a set may be worse.
    Greedy,
}

/// Coverage without each of `groups`.
#[must_use]
pub fn without_each(chances: &Chances, shares: &[f64], groups: &Units) -> Vec<f64> {
    let all = coverage(chances, shares);
    marginals(chances, chances, shares, groups).into_iter().map(|lost| (all - lost).max(0.0)).collect()
}

/// The `together` groups without which coverage is least; all of them if there are fewer. Machines of a group beyond the count are
/// in none, and stay.
#[must_use]
pub fn worst(chances: &Chances, shares: &[f64], groups: &Units, together: usize) -> WorstOutage {
    let together = together.min(groups.count);
    let fails = fails(chances, groups);
    let left = |gone: &[usize]| -> f64 {
        let of_row = |(row, others): &(Vec<f64>, f64)| {
            let there = row.iter().enumerate().filter(|(group, _)| !gone.contains(group));
            1.0 - others * there.map(|(_, fails)| fails).product::<f64>()
        };
        fails.iter().zip(shares).map(|(row, share)| share * of_row(row)).sum()
    };
    let products = sets(groups.count, together).saturating_mul((groups.count * shares.len()) as u128);
    let (groups, search) = if products <= MAX_PRODUCTS {
        (least_of_all(groups.count, together, left), Search::Exhaustive)
    } else {
        (least_one_by_one(&fails, shares, groups.count, together), Search::Greedy)
    };
    WorstOutage { coverage: left(&groups), groups, search }
}

/// By row: the probability that a request fails on all machines of each group, and on all that are in none.
fn fails(chances: &Chances, groups: &Units) -> Vec<(Vec<f64>, f64)> {
    let of_row = |row: &Vec<f64>| {
        let (mut fails, mut others) = (vec![1.0; groups.count], 1.0);
        for (chance, group) in row.iter().zip(&groups.of_machine) {
            *fails.get_mut(*group).unwrap_or(&mut others) *= 1.0 - chance;
        }
        (fails, others)
    };
    chances.rows().iter().map(of_row).collect()
}

/// How many sets of `together` there are.
fn sets(count: usize, together: usize) -> u128 {
    (0..together)
        .fold(1, |sets: u128, taken| sets.saturating_mul((count - taken) as u128) / (taken as u128 + 1))
}

fn least_of_all(count: usize, together: usize, left: impl Fn(&[usize]) -> f64) -> Vec<usize> {
    let mut gone: Vec<usize> = (0..together).collect();
    let (mut least, mut worst) = (left(&gone), gone.clone());
    // The next set in the order of sorted lists.
    while let Some(at) = (0..together).rev().find(|at| gone[*at] < count - together + at) {
        gone[at] += 1;
        for behind in at + 1..together {
            gone[behind] = gone[behind - 1] + 1;
        }
        let coverage = left(&gone);
        if coverage < least - ROUNDING {
            (least, worst) = (coverage, gone.clone());
        }
    }
    worst
}

/// Each the worst next: all that are left are tried with products of those before and behind them.
fn least_one_by_one(fails: &[(Vec<f64>, f64)], shares: &[f64], count: usize, together: usize) -> Vec<usize> {
    let mut fails = fails.to_vec();
    let mut gone = Vec::new();
    for _ in 0..together {
        let mut left = vec![0.0; count];
        for ((row, others), share) in fails.iter().zip(shares) {
            let mut without = vec![*others; count];
            let (mut before, mut behind) = (1.0, 1.0);
            for group in 0..count {
                without[group] *= before;
                before *= row[group];
            }
            for group in (0..count).rev() {
                without[group] *= behind;
                behind *= row[group];
            }
            left.iter_mut().zip(without).for_each(|(left, without)| *left += share * (1.0 - without));
        }
        let mut worst: Option<usize> = None;
        for group in (0..count).filter(|group| !gone.contains(group)) {
            if worst.is_none_or(|worst: usize| left[group] < left[worst] - ROUNDING) {
                worst = Some(group);
            }
        }
        let Some(worst) = worst else { break };
        fails.iter_mut().for_each(|(row, _)| row[worst] = 1.0);
        gone.push(worst);
    }
    gone.sort_unstable();
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three groups that serve one row together with others: any two are worse than the sum of each.
    #[test]
    fn two_groups_that_stand_in_for_each_other_are_the_worst_pair_and_one_by_one_does_not_find_it() {
        let rows = vec![vec![1.0, 1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 0.0], vec![0.0, 0.0, 0.0, 0.5]];
        let (chances, shares) = (Chances::new(4, rows).unwrap(), [0.6, 0.2, 0.2]);
        let groups = Units::single(4);
        assert_eq!(worst(&chances, &shares, &groups, 1).groups, [2]);
        let pair = worst(&chances, &shares, &groups, 2);
        assert_eq!((pair.groups, pair.search), (vec![0, 1], Search::Exhaustive));
        assert!((pair.coverage - 0.3).abs() < 1e-15);
        assert_eq!(least_one_by_one(&fails(&chances, &groups), &shares, 4, 2), [2, 3]);
    }

    #[test]
    fn there_are_as_many_sets_as_the_binomial_coefficient_says() {
        assert_eq!([sets(5, 0), sets(5, 2), sets(5, 5), sets(60, 3)], [1, 10, 1, 34_220]);
    }
}
