//! Machines and who holds them: claims merged by machine, held against a demand.
//!
//! Claims with one machine commitment are one machine, whoever signed them: it does in each workload what the best of its claims does, and what it
//! is worth is split equally among its operators. One operator may have many machines.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::chances::{Chances, Estimated};
use super::claim::{Claim, Offer};
use super::coverage::Units;
use super::demand::Demand;
use crate::Digest;
use crate::schema::v1::Factor;

/// Machines of a network.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// By their names, ascending.
    pub operators: Vec<String>,
    /// By their commitments, ascending.
    pub machines: Vec<Machine>,
    /// Machines that are left out together: all that one operator alone holds, or one that several claim.
    pub units: Units,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it is known by.
    pub commitment: Digest,
    /// Places of those who claim it, ascending.
    pub operators: Vec<usize>,
    /// Of the claim that serves most workloads, among those of the most requests, and of equals the first in the order of operators.
    pub hardware: String,
    /// As `hardware`.
    pub software: String,
    /// Of its first operator.
    pub attributes: Attributes,
    /// Of its claims, the best in each workload of the suite.
    pub offers: Vec<Offer>,
}

/// How machines do in the rows of a demand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The probability that a request succeeds, availability included.
    pub chances: Estimated,
    /// By row and machine: the first factor that fails.
    pub failing: Vec<Vec<Option<Factor>>>,
    /// By row and machine: the proportion in time while the machine is there, whether or not it can be verified.
    pub in_time: Vec<Vec<f64>>,
    /// By row and machine: requests a second that the machine sustains of this row alone; 0 where it fails.
    pub rates: Vec<Vec<f64>>,
}

impl Fleet {
    /// Of claims of one suite; what the network knows of `operators` outweighs what they say.
    #[must_use]
    pub fn new(claims: &[Claim], operators: &BTreeMap<String, Attributes>) -> Self {
        let mut names: Vec<String> = claims.iter().map(|claim| claim.operator.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let mut by_machine: BTreeMap<Digest, Vec<&Claim>> = BTreeMap::new();
        for claim in claims {
            by_machine.entry(claim.machine).or_default().push(claim);
        }
        let machine = |(commitment, mut claims): (Digest, Vec<&Claim>)| {
            claims.sort_by(|a, b| (&a.operator, a.report_id).cmp(&(&b.operator, b.report_id)));
            let mut holders: Vec<usize> =
                claims.iter().filter_map(|claim| names.binary_search(&claim.operator).ok()).collect();
            holders.dedup();
            let known = operators.get(&claims[0].operator).cloned().unwrap_or_default();
            let most = claims.iter().rev().max_by_key(|claim| served(&claim.offers)).unwrap_or(&claims[0]);
            Machine {
                commitment,
                operators: holders,
                hardware: most.hardware.clone(),
                software: most.software.clone(),
                attributes: known.or(claims[0].attributes.clone()),
                offers: best_of(claims.iter().map(|claim| claim.offers.as_slice())),
            }
        };
        let machines: Vec<Machine> = by_machine.into_iter().map(machine).collect();
        let units = units(&machines);
        Self { operators: names, machines, units }
    }

    /// How the machines do in the rows of `demand`.
    #[must_use]
    pub fn standing(&self, demand: &Demand) -> Standing {
        let best = |machine: &Machine, workloads: &[usize]| {
            workloads
                .iter()
                .map(|workload| machine.offers[*workload])
                .reduce(Offer::or_better)
                .unwrap_or(Offer::NONE)
        };
        let rows: Vec<Vec<Offer>> = demand
            .rows
            .iter()
            .map(|row| self.machines.iter().map(|machine| best(machine, &row.workloads)).collect())
            .collect();
        let chances = |of: fn(&Offer) -> f64| {
            let row = |offers: &Vec<Offer>| {
                let of = |(offer, machine): (&Offer, &Machine)| {
                    let is_success = offer.failing.is_none();
                    if is_success { of(offer) * machine.attributes.availability.unwrap_or(1.0) } else { 0.0 }
                };
                offers.iter().zip(&self.machines).map(of).collect()
            };
            Chances::of_shares(self.machines.len(), rows.iter().map(row).collect())
        };
        let each = |of: fn(&Offer) -> f64| rows.iter().map(|row| row.iter().map(of).collect()).collect();
        Standing {
            chances: Estimated {
                value: chances(|offer| offer.success),
                low: chances(|offer| offer.low),
                high: chances(|offer| offer.high),
            },
            failing: rows.iter().map(|row| row.iter().map(|offer| offer.failing).collect()).collect(),
            in_time: each(|offer| offer.success),
            rates: each(
                |offer| if offer.failing.is_none() { offer.requests_per_hour as f64 / 3600.0 } else { 0.0 },
            ),
        }
    }

    /// What each operator has of figures that machines have: shared machines give equal parts.
    #[must_use]
    pub fn by_operator(&self, by_machine: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.operators.len()];
        for (machine, value) in self.machines.iter().zip(by_machine) {
            for operator in &machine.operators {
                sums[*operator] += value / machine.operators.len() as f64;
            }
        }
        sums
    }

    /// As [`Self::by_operator`], of figures that units have.
    #[must_use]
    pub fn by_operator_of_units(&self, by_unit: &[f64]) -> Vec<f64> {
        let mut holders: Vec<&[usize]> = vec![&[]; self.units.count];
        for (machine, unit) in self.machines.iter().zip(&self.units.of_machine) {
            holders[*unit] = &machine.operators;
        }
        let mut sums = vec![0.0; self.operators.len()];
        for (holders, value) in holders.into_iter().zip(by_unit) {
            for operator in holders {
                sums[*operator] += value / holders.len() as f64;
            }
        }
        sums
    }
}

impl Offer {
    /// Of a workload that was never asked for.
    const NONE: Self =
        Self { failing: Some(Factor::Model), success: 0.0, low: 0.0, high: 0.0, requests_per_hour: 0 };

    /// Which of two serves requests better; of equals the first.
    fn or_better(self, other: Self) -> Self {
        let failing = |offer: &Self| offer.failing.map_or(u8::MAX, |factor| factor as u8);
        let order = failing(&other)
            .cmp(&failing(&self))
            .then(other.success.total_cmp(&self.success))
            .then(other.low.total_cmp(&self.low))
            .then(other.requests_per_hour.cmp(&self.requests_per_hour));
        if order.is_gt() { other } else { self }
    }
}

/// How many workloads, and of how many requests an hour in all.
fn served(offers: &[Offer]) -> (usize, u64) {
    let served: Vec<u64> =
        offers.iter().filter(|offer| offer.failing.is_none()).map(|offer| offer.requests_per_hour).collect();
    (served.len(), served.iter().fold(0, |sum, rate| sum.saturating_add(*rate)))
}

fn best_of<'a>(claims: impl Iterator<Item = &'a [Offer]>) -> Vec<Offer> {
    let better = |mut best: Vec<Offer>, claim: &[Offer]| {
        for (best, offer) in best.iter_mut().zip(claim) {
            *best = best.or_better(*offer);
        }
        best
    };
    claims.map(<[Offer]>::to_vec).reduce(|best, claim| better(best, &claim)).unwrap_or_default()
}

/// One a sole operator, in the order of operators, then one a shared machine.
fn units(machines: &[Machine]) -> Units {
    let mut of_operator: BTreeMap<usize, usize> = BTreeMap::new();
    for machine in machines {
        if let [operator] = machine.operators[..] {
            of_operator.insert(operator, 0);
        }
    }
    for (unit, of) in of_operator.values_mut().enumerate() {
        *of = unit;
    }
    let mut count = of_operator.len();
    let of_machine = machines.iter().map(|machine| match machine.operators[..] {
        [operator] => of_operator[&operator],
        _ => {
            count += 1;
            count - 1
        }
    });
    Units { of_machine: of_machine.collect(), count }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{claim, failing, offer, suite};
    use super::super::shapley::shapley;
    use super::*;

    fn fleet(claims: &[Claim]) -> Fleet {
        Fleet::new(claims, &BTreeMap::new())
    }

    #[test]
    fn claims_of_one_machine_merge_add_no_coverage_and_split_its_share() {
        let demand = Demand::of_suite(&suite());
        let alone = fleet(&[claim("a", "first", 0.8), claim("b", "second", 0.6)]);
        let split =
            fleet(&[claim("a", "first", 0.8), claim("sybil", "first", 0.7), claim("b", "second", 0.6)]);
        assert_eq!((alone.machines.len(), split.machines.len()), (2, 2));
        let values = |fleet: &Fleet| {
            let chances = fleet.standing(&demand).chances.value;
            fleet.by_operator(&shapley(&chances, &chances, &demand.shares()))
        };
        // By name: a, b; a, b, sybil.
        let ([a, b], [half, same, other]) =
            (values(&alone).try_into().unwrap(), values(&split).try_into().unwrap());
        assert!(
            (half - a / 2.0).abs() < 1e-15 && half == other && (same - b).abs() < 1e-15,
            "{half} {a} {other}"
        );
        assert_eq!(alone.standing(&demand).chances, split.standing(&demand).chances);
    }

    #[test]
    fn a_machine_does_in_each_workload_what_its_best_claim_does() {
        let (mut one, mut two) = (claim("a", "first", 0.8), claim("a", "first", 0.9));
        one.offers[0] = offer(1.0);
        two.offers[0] = failing(Factor::Latency);
        one.offers[1] = failing(Factor::Hardware);
        two.offers[1] = failing(Factor::Capacity);
        let fleet = fleet(&[one, two]);
        let [machine] = &fleet.machines[..] else { panic!() };
        assert_eq!((machine.offers[0].success, machine.offers[2].success), (1.0, 0.9));
        assert_eq!(machine.offers[1].failing, Some(Factor::Capacity));
        assert_eq!(machine.operators, [0]);
    }

    #[test]
    fn a_machine_is_known_by_the_hardware_that_serves_most() {
        let (mut processor, mut gpu) = (claim("a", "first", 0.8), claim("a", "first", 0.8));
        processor.hardware = "processor".to_owned();
        gpu.hardware = "GPU".to_owned();
        let known = |claims: &[Claim]| fleet(claims).machines[0].hardware.clone();
        gpu.offers[0].requests_per_hour *= 2;
        assert_eq!(known(&[processor.clone(), gpu.clone()]), "GPU");
        gpu.offers[1] = failing(Factor::Hardware);
        assert_eq!(known(&[gpu, processor]), "processor");
    }

    #[test]
    fn an_operators_own_machines_are_left_out_together_and_a_shared_one_by_itself() {
        let claims = [
            claim("a", "1", 0.5),
            claim("a", "2", 0.5),
            claim("b", "3", 0.5),
            claim("b", "4", 0.5),
            claim("a", "4", 0.5),
        ];
        let fleet = fleet(&claims);
        let unit = |machine: &str| {
            let place =
                fleet.machines.iter().position(|m| m.commitment == Digest::of(machine.as_bytes())).unwrap();
            fleet.units.of_machine[place]
        };
        assert_eq!([unit("1"), unit("2"), unit("3"), unit("4")], [0, 0, 1, 2]);
        assert_eq!(fleet.by_operator_of_units(&[1.0, 2.0, 4.0]), [3.0, 4.0]);
    }

    #[test]
    fn availability_is_in_every_chance_and_what_the_network_knows_outweighs_what_is_said() {
        let mut said = claim("a", "1", 0.5);
        said.attributes =
            Attributes { availability: Some(1.0), region: Some("eu".to_owned()), ..Attributes::default() };
        let known = Attributes { availability: Some(0.5), ..Attributes::default() };
        let fleet = Fleet::new(&[said], &[("a".to_owned(), known)].into());
        let standing = fleet.standing(&Demand::of_suite(&suite()));
        assert!(standing.chances.value.rows().iter().all(|row| row == &[0.25]));
        assert!(standing.chances.low.rows().iter().all(|row| row == &[0.2]));
        assert!(standing.rates.iter().all(|row| row == &[1.0]));
        assert_eq!(fleet.machines[0].attributes.region.as_deref(), Some("eu"));
    }
}
