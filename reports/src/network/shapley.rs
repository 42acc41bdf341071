//! Shapley values: what each machine adds, on average over all orders in which they could have come.
//!
//! Owen's integral gives them without any sampling: a machine finds each other one there with probability t, for all t from 0 to 1 alike, so in a row
//! it adds `q_i * Integral_0^1 product over j != i of (1 - t q_j) dt`, a polynomial's integral ([`super::quadrature`]). With groups that fail
//! together ([`super::common_cause`]) the integrand has a factor `p + (1 - p) product` a group. (Owen, *Multilinear extensions of games*, 1972.)

use std::ops::Range;

use super::chances::{Bounded, Chances, Estimated};
use super::coverage::{summed, together};
use super::quadrature::{Region, Rule, rule};

/// Of the sum of all values.
const TOLERANCE: f64 = 1e-12;
/// Machines of which all points are looked at before the next, so that they stay in the nearest cache.
const BLOCK: usize = 512;

/// The values of all machines; they add up to coverage.
#[must_use]
pub fn shapley(own: &Chances, others: &Chances, shares: &[f64]) -> Vec<f64> {
    summed(shares.len(), own.machines(), |row| {
        let together = Row::new(&others.rows()[row], &[0.0], |_| 0);
        scaled(together.integrals(), &own.rows()[row], |_| shares[row])
    })
}

/// [`shapley`] with intervals: one's own chances low among others' high ones, and the other way round.
#[must_use]
pub fn bounded(chances: &Estimated, shares: &[f64]) -> Vec<Bounded> {
    let Estimated { value, low, high } = chances;
    together(shapley(value, value, shares), shapley(low, high, shares), shapley(high, low, shares))
}

/// The values where machine `i` is in group `group_of[i]`, and group g fails with probability `fails[g]`; `chances` are those of a machine
/// whose group has not failed.
#[must_use]
pub(super) fn under_groups(chances: &Chances, shares: &[f64], group_of: &[usize], fails: &[f64]) -> Vec<f64> {
    summed(shares.len(), chances.machines(), |row| {
        let own = &chances.rows()[row];
        let together = Row::new(own, fails, |machine| group_of[machine]);
        scaled(together.integrals(), own, |machine| shares[row] * (1.0 - fails[group_of[machine]]))
    })
}

fn scaled(mut integrals: Vec<f64>, own: &[f64], weight: impl Fn(usize) -> f64) -> Vec<f64> {
    for (machine, (integral, own)) in integrals.iter_mut().zip(own).enumerate() {
        *integral *= own * weight(machine);
    }
    integrals
}

/// The machines of a row that may succeed, those of a group beside each other.
struct Row {
    machines: usize,
    /// Of each of them, and its place among all machines.
    chances: Vec<f64>,
    places: Vec<usize>,
    /// Groups that have one, with the probability that they fail.
    groups: Vec<(Range<usize>, f64)>,
    /// What the machines of each group add to the bound.
    moments: Vec<Moments>,
}

/// What machines leave at a point.
struct Factors {
    /// The product over the machines of each group, times what the other groups leave with their failing.
    of_group: Vec<f64>,
    /// What all groups leave.
    left: f64,
}

/// Sums over the chances of a group.
#[derive(Clone, Copy, Default)]
struct Moments {
    sum: f64,
    squares: f64,
    greatest: f64,
}

impl Row {
    fn new(all: &[f64], fails: &[f64], group_of: impl Fn(usize) -> usize) -> Self {
        let mut places: Vec<usize> = (0..all.len()).filter(|machine| all[*machine] > 0.0).collect();
        if fails.len() > 1 {
            places.sort_by_key(|machine| group_of(*machine));
        }
        let chances: Vec<f64> = places.iter().map(|machine| all[*machine]).collect();
        let mut groups: Vec<(Range<usize>, f64)> = Vec::new();
        for of_group in places.chunk_by(|a, b| group_of(*a) == group_of(*b)) {
            let from = groups.last().map_or(0, |(range, _)| range.end);
            groups.push((from..from + of_group.len(), fails[group_of(of_group[0])]));
        }
        let moments = groups.iter().map(|(range, _)| Moments::of(&chances[range.clone()])).collect();
        Self { machines: all.len(), chances, places, groups, moments }
    }

    /// Of each machine, the integral over what the others leave it; of one that never succeeds here, over what all leave.
    fn integrals(&self) -> Vec<f64> {
        let sum: f64 = self.moments.iter().map(|moments| moments.sum).sum();
        let rule =
            rule(self.chances.len().saturating_sub(1), |region| self.bound(region), TOLERANCE / sum.max(1.0));
        let factors = self.factors(&rule);
        let mut found = vec![0.0; self.chances.len()];
        for (group, (range, _)) in self.groups.iter().enumerate() {
            let blocks =
                self.chances[range.clone()].chunks(BLOCK).zip(found[range.clone()].chunks_mut(BLOCK));
            for (chances, integrals) in blocks {
                for ((point, weight), factors) in rule.points.iter().zip(&factors) {
                    let all = weight * factors.of_group[group];
                    for (integral, chance) in integrals.iter_mut().zip(chances) {
                        *integral += all / (1.0 - point * chance);
                    }
                }
            }
        }
        let left: f64 =
            rule.points.iter().zip(&factors).map(|((_, weight), factors)| weight * factors.left).sum();
        let mut integrals = vec![left; self.machines];
        for (place, integral) in self.places.iter().zip(found) {
            integrals[*place] = integral;
        }
        integrals
    }

    /// By point.
    fn factors(&self, rule: &Rule) -> Vec<Factors> {
        let mut products = vec![vec![1.0; self.groups.len()]; rule.points.len()];
        for (group, (range, _)) in self.groups.iter().enumerate() {
            for block in self.chances[range.clone()].chunks(BLOCK) {
                for ((point, _), products) in rule.points.iter().zip(&mut products) {
                    products[group] *= product(block, *point);
                }
            }
        }
        products.into_iter().map(|products| self.with_others(products)).collect()
    }

    /// Of the products over each group's machines.
    fn with_others(&self, products: Vec<f64>) -> Factors {
        let left =
            products.iter().zip(&self.groups).map(|(product, (_, fails))| fails + (1.0 - fails) * product);
        let left: Vec<f64> = left.collect();
        let mut of_group = products;
        let mut before = 1.0;
        for (factor, left) in of_group.iter_mut().zip(&left) {
            *factor *= before;
            before *= left;
        }
        let mut behind = 1.0;
        for (factor, left) in of_group.iter_mut().zip(&left).rev() {
            *factor *= behind;
            behind *= left;
        }
        Factors { of_group, left: before }
    }

    /// No integrand is greater in the region: `|1 - z q|^2 = 1 - 2 x q + |z|^2 q^2 <= exp(-2 x q + |z|^2 q^2)`, with x the real part of z.
    fn bound(&self, region: Region) -> f64 {
        let (mut log_all, mut most_without_itself) = (0.0, 0.0);
        for (moments, (_, fails)) in self.moments.iter().zip(&self.groups) {
            let of_group = with_failing(moments.log_bound(region, moments.sum), *fails);
            let without_one = moments.log_bound(region, moments.sum - moments.greatest);
            most_without_itself = f64::max(most_without_itself, without_one - of_group);
            log_all += of_group;
        }
        (log_all + most_without_itself).exp()
    }
}

impl Moments {
    fn of(chances: &[f64]) -> Self {
        chances.iter().fold(Self::default(), |moments, chance| Self {
            sum: moments.sum + chance,
            squares: moments.squares + chance * chance,
            greatest: moments.greatest.max(*chance),
        })
    }

    /// Of the product over machines whose chances add up to `least_sum` at least, and to no more than all.
    fn log_bound(&self, region: Region, least_sum: f64) -> f64 {
        let Region { least_real, greatest_modulus } = region;
        let falls = if least_real > 0.0 { least_real * least_sum.max(0.0) } else { least_real * self.sum };
        greatest_modulus * greatest_modulus * self.squares / 2.0 - falls
    }
}

/// The logarithm of `p + (1 - p) x` from that of x.
fn with_failing(log: f64, fails: f64) -> f64 {
    let greater = log.max(0.0);
    if fails == 0.0 {
        log
    } else {
        greater + (fails * (-greater).exp() + (1.0 - fails) * (log - greater).exp()).ln()
    }
}

/// Of `1 - t q`, in lanes that the compiler keeps beside each other.
fn product(chances: &[f64], t: f64) -> f64 {
    let (lanes, rest) = chances.as_chunks::<8>();
    let mut products = [1.0; 8];
    for chances in lanes {
        for (product, chance) in products.iter_mut().zip(chances) {
            *product *= 1.0 - t * chance;
        }
    }
    products.iter().product::<f64>() * rest.iter().map(|chance| 1.0 - t * chance).product::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::common_cause::Grouping;
    use super::super::coverage::coverage;
    use super::*;

    /// By all orders in which the machines could have come.
    fn shapley_reference(chances: &Chances, shares: &[f64]) -> Vec<f64> {
        fn orders(left: &mut Vec<usize>, order: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
            if left.is_empty() {
                each(order);
            }
            for place in 0..left.len() {
                let machine = left.remove(place);
                order.push(machine);
                orders(left, order, each);
                order.pop();
                left.insert(place, machine);
            }
        }
        let mut values = vec![0.0; chances.machines()];
        let mut count = 0.0;
        orders(&mut (0..chances.machines()).collect(), &mut Vec::new(), &mut |order| {
            count += 1.0;
            for (row, share) in chances.rows().iter().zip(shares) {
                let mut left = 1.0;
                for machine in order {
                    values[*machine] += share * left * row[*machine];
                    left *= 1.0 - row[*machine];
                }
            }
        });
        values.iter().map(|value| value / count).collect()
    }

    fn fleets(machines: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Chances> {
        let chance = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0, 0.0..1e-6];
        machines.prop_flat_map(move |machines| {
            let row = prop::collection::vec(chance.clone(), machines);
            prop::collection::vec(row, 3).prop_map(move |rows| Chances::new(machines, rows).unwrap())
        })
    }

    const SHARES: [f64; 3] = [0.5, 0.2, 0.25];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn values_are_those_of_all_orders(chances in fleets(1..=7)) {
            let values = shapley(&chances, &chances, &SHARES);
            for (value, expected) in values.iter().zip(shapley_reference(&chances, &SHARES)) {
                prop_assert!((value - expected).abs() < 1e-12, "{value} {expected}");
            }
        }

        #[test]
        fn values_add_up_to_coverage(chances in fleets(1..=300)) {
            let sum: f64 = shapley(&chances, &chances, &SHARES).iter().sum();
            prop_assert!((sum - coverage(&chances, &SHARES)).abs() < 1e-12);
        }

        #[test]
        fn values_under_groups_add_up_to_coverage(chances in fleets(1..=300), groups in 1..9_usize) {
            let grouping = Grouping {
                of_machine: (0..chances.machines()).map(|machine| machine % groups).collect(),
                fails: (0..groups).map(|group| group as f64 / 10.0).collect(),
            };
            let sum: f64 = grouping.shapley(&chances, &SHARES).iter().sum();
            prop_assert!((sum - grouping.coverage(&chances, &SHARES)).abs() < 1e-12);
        }

        #[test]
        fn groups_that_never_fail_change_nothing(chances in fleets(1..=60)) {
            let grouping =
                Grouping { of_machine: (0..chances.machines()).map(|machine| machine % 4).collect(), fails: vec![0.0; 4] };
            let given_up = grouping.given_up(&chances).unwrap();
            let expected = shapley(&chances, &chances, &SHARES);
            for (value, expected) in grouping.shapley(&given_up, &SHARES).iter().zip(expected) {
                prop_assert!((value - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn equal_machines_share_equally_however_many_there_are() {
        for machines in [2_usize, 33, 1000, 100_000] {
            for chance in [1.0, 0.3, 1e-4] {
                let chances = Chances::new(machines, vec![vec![chance; machines]]).unwrap();
                let expected = coverage(&chances, &[1.0]) / machines as f64;
                let values = shapley(&chances, &chances, &[1.0]);
                let off = values.iter().map(|value| (value / expected - 1.0).abs()).fold(0.0, f64::max);
                assert!(off < 1e-11, "{machines} {chance}: {off}");
            }
        }
    }

    #[test]
    fn a_machine_that_never_succeeds_has_no_value_but_may_have_an_interval() {
        let chances = Estimated {
            value: Chances::new(2, vec![vec![0.0, 0.5]]).unwrap(),
            low: Chances::new(2, vec![vec![0.0, 0.25]]).unwrap(),
            high: Chances::new(2, vec![vec![0.5, 0.75]]).unwrap(),
        };
        let [never, often] = bounded(&chances, &[1.0]).try_into().unwrap();
        assert_eq!((never.value, never.low), (0.0, 0.0));
        // 0.5 * Integral (1 - 0.25 t) dt
        assert!((never.high - 0.4375).abs() < 1e-15, "{never:?}");
        assert!((often.low - 0.25 * 0.75).abs() < 1e-15, "{often:?}");
    }
}
