//! Where demand is lost, and which machines would win it back.

use std::collections::BTreeMap;

use super::{Known, column};
use crate::network::additions;
use crate::network::waterfall::{Need, binding};
use crate::schema::comparison::{AdditionFigures, Gap, GapCloser};

/// Machines to add, at most.
const STEPS: usize = 10;
/// A machine that adds less is none to look for.
const LEAST_GAIN: f64 = 1e-6;
/// Less of the demand than this is no gap.
const LEAST_LOSS: f64 = 1e-9;

/// The greatest loss first.
pub(super) fn gaps(known: &Known<'_>, kinds: &[Kind]) -> Vec<Gap> {
    let demand = known.question.demand;
    let gap = |(place, row): (usize, &crate::network::demand::DemandRow)| {
        let loss = row.share * known.failure[place];
        let best = kinds.iter().max_by(|a, b| a.chances[place].total_cmp(&b.chances[place]));
        let best = best.filter(|kind| kind.chances[place] > 0.0);
        Gap {
            workload: row.workload.clone(),
            class: row.class.clone(),
            loss,
            binding_factor: binding(&known.left[place]).map_or("", Need::name).to_owned(),
            closed_by: best
                .map(|kind| GapCloser { machine: kind.name.clone(), gain: loss * kind.chances[place] }),
        }
    };
    let mut gaps: Vec<Gap> = demand.rows.iter().enumerate().map(gap).collect();
    if demand.unasked > 0.0 {
        gaps.push(Gap {
            workload: String::new(),
            class: String::new(),
            loss: demand.unasked,
            binding_factor: Need::Model.name().to_owned(),
            closed_by: None,
        });
    }
    gaps.retain(|gap| gap.loss > LEAST_LOSS);
    gaps.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    gaps
}

/// One after another, each the best next.
pub(super) fn additions(known: &Known<'_>, kinds: &[Kind]) -> Vec<AdditionFigures> {
    let chances: Vec<Vec<f64>> = kinds.iter().map(|kind| kind.chances.clone()).collect();
    let mut coverage = known.coverage.value;
    let added = additions::additions(&chances, &known.failure, &known.shares, STEPS);
    let figures = added.into_iter().take_while(|added| added.gain > LEAST_GAIN).map(|added| {
        coverage += added.gain;
        AdditionFigures { machine: kinds[added.kind].name.clone(), gain: added.gain, coverage }
    });
    figures.collect()
}

/// A kind of machine that could be added.
pub(super) struct Kind {
    name: String,
    chances: Vec<f64>,
}

impl Known<'_> {
    /// Of each hardware in the network the machine that serves most by itself, and each candidate.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let chances = &self.standing.chances.value;
        let served = |machine: usize| -> f64 {
            chances.rows().iter().zip(&self.shares).map(|(row, share)| share * row[machine]).sum()
        };
        let mut best: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for (machine, known) in self.fleet.machines.iter().enumerate() {
            let served = served(machine);
            let best = best.entry(&known.hardware).or_insert((served, machine));
            if served > best.0 {
                *best = (served, machine);
            }
        }
        let of_network = best.into_iter().map(|(hardware, (_, machine))| Kind {
            name: hardware.to_owned(),
            chances: column(chances, machine),
        });
        let of_candidates = self.question.candidates.iter().zip(&self.candidates);
        let of_candidates = of_candidates.map(|((file, _), alone)| Kind {
            name: format!("candidate {file}"),
            chances: column(&alone.chances.value, 0),
        });
        of_network.chain(of_candidates).collect()
    }
}
