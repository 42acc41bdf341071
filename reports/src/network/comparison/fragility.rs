//! How much a network loses with a region, a provider, a kind of hardware or a program, and in how few hands it is.

use rayon::prelude::*;

use super::{Known, figure};
use crate::network::chances::Chances;
use crate::network::common_cause::{FailsLessThanItsGroup, Grouping};
use crate::network::concentration::{by_group, of_groups};
use crate::network::groups::{Attribute, Groups};
use crate::network::outages::{Search, without_each, worst};
use crate::network::simulation::simulate;
use crate::schema::comparison::{CommonCause, ConcentrationFigures, Outage, SimulatedFigure, WorstOutage};

/// Coverage where groups fail together, and each machine's Shapley value in it.
pub(super) fn common_cause(known: &Known<'_>) -> (CommonCause, Option<Vec<f64>>) {
    let question = known.question;
    let attribute = question.group_by.unwrap_or_else(|| known.default_attribute());
    let fails = question.outage;
    let mut found = CommonCause {
        attribute: attribute.name().to_owned(),
        outage_probability: fails.probability,
        limited_groups: 0,
        coverage: None,
        all_attributes: None,
        reason: None,
    };
    let Some(groups) = known.groups(attribute) else {
        found.reason = Some(format!("nobody said the {} of any machine", attribute.name()));
        return (found, None);
    };
    let grouping = groups.grouping(&known.fleet, fails, 1);
    let is_limited = |fails: &&f64| **fails < found.outage_probability;
    found.limited_groups = grouping.fails[..groups.names.len()].iter().filter(is_limited).count() as u64;
    let chances = known.chances_under(std::slice::from_ref(&grouping));
    let shapley = match grouping.given_up(&chances) {
        Err(fault) => {
            found.reason = Some(known.told(fault));
            None
        }
        Ok(given_up) => {
            found.coverage = Some(grouping.coverage(&given_up, &known.shares));
            Some(grouping.shapley(&given_up, &known.shares))
        }
    };
    match known.simulated() {
        Ok(simulated) => found.all_attributes = simulated,
        Err(fault) => found.reason = Some(known.told(fault)),
    }
    (found, shapley)
}

/// Of each group of each attribute.
pub(super) fn outages(known: &Known<'_>) -> Vec<Outage> {
    let mut outages = Vec::new();
    for (attribute, groups) in &known.causes {
        let left = without_each(&known.standing.chances.value, &known.shares, &groups.units());
        let rows = groups.names.iter().zip(groups.sizes()).zip(left);
        outages.extend(rows.map(|((group, machines), coverage)| Outage {
            attribute: attribute.name().to_owned(),
            group: group.clone(),
            machines,
            coverage,
        }));
    }
    outages.sort_by(|a, b| a.coverage.total_cmp(&b.coverage));
    outages
}

/// Of two groups and more, up to the number that was asked for.
pub(super) fn worst_outages(known: &Known<'_>) -> Vec<WorstOutage> {
    let mut outages = Vec::new();
    for (attribute, groups) in &known.causes {
        let mut units = groups.units();
        units.count = groups.names.len();
        for together in 2..=known.question.together.min(units.count) {
            let found = worst(&known.standing.chances.value, &known.shares, &units, together);
            outages.push(WorstOutage {
                attribute: attribute.name().to_owned(),
                groups: found.groups.iter().map(|group| groups.names[*group].clone()).collect(),
                coverage: found.coverage,
                search: match found.search {
                    Search::Exhaustive => "exhaustive".to_owned(),
                    Search::Greedy => "greedy".to_owned(),
                },
            });
        }
    }
    outages
}

/// By machines, by reward and by stake, of each attribute that is known.
pub(super) fn concentration(known: &Known<'_>, rewards: &[f64]) -> Vec<ConcentrationFigures> {
    let machines = &known.fleet.machines;
    let stakes: Vec<f64> = machines.iter().map(|machine| machine.attributes.stake.unwrap_or(0.0)).collect();
    let weights = [("machines", vec![1.0; machines.len()]), ("reward", rewards.to_vec()), ("stake", stakes)];
    let seed = known.question.seed;
    let pairs: Vec<_> =
        known.causes.iter().flat_map(|cause| weights.iter().map(move |weights| (cause, weights))).collect();
    let of_cause = |((attribute, groups), (weight, weights)): &(&(Attribute, Groups), &(&str, Vec<f64>))| {
        of_held(attribute.name(), &groups.names, weight, &known.lying(groups, weights), seed)
    };
    let of_operators = |(weight, weights): &(&str, Vec<f64>)| {
        of_held("operator", &known.fleet.operators, weight, &known.held(weights), seed)
    };
    let rows = pairs.par_iter().map(of_cause).chain(weights.par_iter().map(of_operators));
    rows.flatten().collect()
}

/// Parts of a weight: the group that each is of, and how much it is; and how much all is.
struct Held {
    group_of: Vec<usize>,
    weights: Vec<f64>,
    all: f64,
}

fn of_held(
    attribute: &str,
    names: &[String],
    weight: &str,
    Held { group_of, weights, all }: &Held,
    seed: u64,
) -> Option<ConcentrationFigures> {
    let known: f64 = weights.iter().sum();
    if known <= 0.0 {
        return None;
    }
    let sums = by_group(group_of, names.len(), weights);
    let largest = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b]).then(b.cmp(a)))?;
    let found = of_groups(group_of, names.len(), weights, seed);
    Some(ConcentrationFigures {
        attribute: attribute.to_owned(),
        weight: weight.to_owned(),
        known: known / all,
        largest: names[largest].clone(),
        largest_share: sums[largest] / known,
        hill_0: figure(found.hill_0),
        hill_1: figure(found.hill_1),
        hill_2: figure(found.hill_2),
        hhi: figure(found.hhi),
        nakamoto: figure(found.nakamoto),
    })
}

impl Known<'_> {
    /// `None` where nobody said the attribute of any machine.
    fn groups(&self, attribute: Attribute) -> Option<&Groups> {
        self.causes.iter().find(|(known, _)| *known == attribute).map(|(_, groups)| groups)
    }

    /// A machine's weight is its group's, if that is known.
    fn lying(&self, groups: &Groups, weights: &[f64]) -> Held {
        let of_known =
            |(group, weight): (&usize, &f64)| (*group < groups.names.len()).then_some((*group, *weight));
        let (group_of, known) = groups.of_machine.iter().zip(weights).filter_map(of_known).unzip();
        Held { group_of, weights: known, all: weights.iter().sum() }
    }

    /// A machine's weight is its operators', in equal parts.
    fn held(&self, weights: &[f64]) -> Held {
        let machines = self.fleet.machines.iter().zip(weights);
        let parts = machines.flat_map(|(machine, weight)| {
            machine.operators.iter().map(move |operator| (*operator, weight / machine.operators.len() as f64))
        });
        let (group_of, parts) = parts.unzip();
        Held { group_of, weights: parts, all: weights.iter().sum() }
    }

    fn default_attribute(&self) -> Attribute {
        let mut first = [Attribute::Region, Attribute::Provider].into_iter();
        let known = |attribute: &Attribute| self.groups(*attribute).is_some();
        first.find(known).unwrap_or(Attribute::Hardware)
    }

    /// A machine whose availability nobody said is there whenever all its groups are.
    fn chances_under(&self, groupings: &[Grouping]) -> Chances {
        let there = |machine: usize| -> f64 {
            groupings.iter().map(|grouping| 1.0 - grouping.fails[grouping.of_machine[machine]]).product()
        };
        let of_machine = |(machine, known): (usize, &crate::network::fleet::Machine)| {
            if known.attributes.availability.is_none() { there(machine) } else { 1.0 }
        };
        let factors: Vec<f64> = self.fleet.machines.iter().enumerate().map(of_machine).collect();
        let row = |row: &Vec<f64>| row.iter().zip(&factors).map(|(chance, factor)| chance * factor).collect();
        let value = &self.standing.chances.value;
        Chances::of_shares(value.machines(), value.rows().iter().map(row).collect())
    }

    /// All attributes that are known, if they are more than one.
    fn simulated(&self) -> Result<Option<SimulatedFigure>, FailsLessThanItsGroup> {
        let causes = &self.causes;
        if causes.len() < 2 {
            return Ok(None);
        }
        let grouping = |(_, groups): &(Attribute, Groups)| {
            groups.grouping(&self.fleet, self.question.outage, causes.len())
        };
        let groupings: Vec<Grouping> = causes.iter().map(grouping).collect();
        let chances = self.chances_under(&groupings);
        let found = simulate(&chances, &self.shares, &groupings, self.question.seed)?;
        Ok(Some(SimulatedFigure {
            attributes: causes.iter().map(|(attribute, _)| attribute.name().to_owned()).collect(),
            coverage: found.mean,
            standard_error: found.standard_error,
            draws: found.draws as u64,
        }))
    }

    fn told(&self, FailsLessThanItsGroup { machine, chance, fails }: FailsLessThanItsGroup) -> String {
        let operator =
            self.fleet.machines[machine].operators.first().map(|operator| &self.fleet.operators[*operator]);
        format!(
            "a machine of {} succeeds in {chance} of cases, and yet its group fails in {fails}: say a lower --outage-probability",
            operator.map_or("nobody", String::as_str)
        )
    }
}
