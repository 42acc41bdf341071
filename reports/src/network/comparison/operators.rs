//! A row an operator.

use super::{Known, figure};
use crate::network::chances::Bounded;
use crate::network::coverage::bounded_marginals;
use crate::network::shapley;
use crate::schema::comparison::OperatorFigures;

/// Of each unit: what no capacity of others could make up for, and the rest.
pub(super) struct Worth {
    pub(super) coverage_part: Vec<f64>,
    pub(super) volume_part: Vec<f64>,
    /// Of one more of its first machine.
    pub(super) machine_price: Vec<f64>,
}

/// The rows, and the Shapley value of each machine.
pub(super) fn operators(
    known: &Known<'_>,
    shapley_common_cause: Option<Vec<f64>>,
    worth: Option<Worth>,
) -> (Vec<OperatorFigures>, Vec<f64>) {
    let (fleet, chances) = (&known.fleet, &known.standing.chances);
    let shapley = shapley::bounded(chances, &known.shares);
    let marginal = bounded_marginals(chances, &known.shares, &fleet.units);
    let of_ends = |of: &dyn Fn(fn(&Bounded) -> f64) -> Vec<f64>| -> Vec<Bounded> {
        let (value, low, high) = (of(|b| b.value), of(|b| b.low), of(|b| b.high));
        value
            .into_iter()
            .zip(low)
            .zip(high)
            .map(|((value, low), high)| Bounded { value, low, high })
            .collect()
    };
    let marginals = of_ends(&|end| fleet.by_operator_of_units(&marginal.iter().map(end).collect::<Vec<_>>()));
    let values = of_ends(&|end| fleet.by_operator(&shapley.iter().map(end).collect::<Vec<_>>()));
    let common = shapley_common_cause.map(|of_machine| fleet.by_operator(&of_machine));
    let worth = worth.map(|Worth { coverage_part, volume_part, machine_price }| {
        let price = move |machine: usize| machine_price[fleet.units.of_machine[machine]];
        let parts = [coverage_part, volume_part].map(|of_unit| fleet.by_operator_of_units(&of_unit));
        (parts, price)
    });

    let mut machines_of: Vec<Vec<usize>> = vec![Vec::new(); fleet.operators.len()];
    for (machine, of) in fleet.machines.iter().enumerate() {
        of.operators.iter().for_each(|operator| machines_of[*operator].push(machine));
    }
    let row = |(operator, name): (usize, &String)| {
        let own = &machines_of[operator];
        let first = &fleet.machines[own[0]];
        let best = |row: &Vec<f64>| own.iter().map(|machine| row[*machine]).fold(0.0, f64::max);
        let attributes =
            known.question.operators.get(name).cloned().unwrap_or_default().or(first.attributes.clone());
        OperatorFigures {
            operator: name.clone(),
            machines: own.len() as u64,
            shared_machines: own.iter().filter(|m| fleet.machines[**m].operators.len() > 1).count() as u64,
            availability: attributes.availability,
            region: attributes.region,
            provider: attributes.provider,
            hardware: first.hardware.clone(),
            stake: attributes.stake,
            success: chances.value.rows().iter().map(best).collect(),
            marginal: figure(marginals[operator]),
            shapley: figure(values[operator]),
            shapley_common_cause: common.as_ref().map(|values| values[operator]),
            coverage_part: worth.as_ref().map(|([coverage_part, _], _)| coverage_part[operator]),
            volume_part: worth.as_ref().map(|([_, volume_part], _)| volume_part[operator]),
            machine_price: worth.as_ref().map(|(_, price)| price(own[0])),
        }
    };
    let mut rows: Vec<OperatorFigures> = fleet.operators.iter().enumerate().map(row).collect();
    rows.sort_by(|a, b| b.shapley.value.total_cmp(&a.shapley.value).then(a.operator.cmp(&b.operator)));
    (rows, shapley.into_iter().map(|shapley| shapley.value).collect())
}
