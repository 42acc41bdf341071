//! What a unit of machines is worth at a rate: in all, and as far as no capacity of others could make up for it.
//!
//! *total* is what the network serves less without the unit. *coverage* is the same if all others had no limit of capacity: what the unit serves that
//! nobody else could serve as well. *volume* is the rest: requests that others could serve as well, were they not busy. It is never below 0: the unit's
//! own plan for *coverage*, put in place of the others' best, displaces no request that gains more.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Capacity;
use super::kinds::Kinds;
use super::program::{Solution, solve};
use crate::network::chances::Chances;
use crate::network::coverage::Units;

/// Lanes of all programs together that are solved again, some tens of seconds of a core.
const MAX_LANES: usize = 2_000_000;

/// What a unit is worth, as shares of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// What the network serves less without it.
    pub total: f64,
    /// What no capacity of others could make up for.
    pub coverage_part: f64,
    /// The rest.
    pub volume_part: f64,
    /// How much the network would serve more at first with one more of its first machine.
    pub machine_price: f64,
}

/// How totals were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Totals {
    /// By solving again without the unit.
    Exact,
    /// By the prices of its machines, which are bounds from below: solving again for each would take too long.
    Prices,
}

/// Of each unit.
#[must_use]
pub fn worth(capacity: &Capacity<'_>, units: &Units) -> (Solution, Vec<Worth>, Totals) {
    let kinds = Kinds::of(capacity);
    let all = solve(capacity, &kinds, &kinds.counts);
    // Units of the same kinds are worth the same in all.
    let mut compositions: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); units.count];
    let mut first = vec![0; units.count];
    for (machine, unit) in units.of_machine.iter().enumerate().rev() {
        *compositions[*unit].entry(kinds.of_machine[machine]).or_default() += 1;
        first[*unit] = machine;
    }
    let mut distinct: Vec<&BTreeMap<usize, usize>> = compositions.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let lanes = kinds.counts.len() * capacity.shares.len();
    let is_soon = lanes.saturating_mul(distinct.len()) <= MAX_LANES;
    let total = |of_unit: &&BTreeMap<usize, usize>| {
        let of_kind =
            |of: &[f64]| -> f64 { of_unit.iter().map(|(kind, count)| of[*kind] * *count as f64).sum() };
        // Served is concave in machines: without some it falls no less than their price.
        let price = of_kind(&all.machine_price).min(all.served.high);
        if !is_soon {
            return price;
        }
        let mut counts = kinds.counts.clone();
        of_unit.iter().for_each(|(kind, count)| counts[*kind] -= count);
        (all.served.value - solve(capacity, &kinds, &counts).served.value).max(0.0)
    };
    let totals: Vec<f64> = distinct.par_iter().map(total).collect();
    let of_unit = |unit: usize| {
        let place = distinct.binary_search(&&compositions[unit]);
        place.map_or(0.0, |place| totals[place])
    };
    let coverage_parts = coverage_parts(capacity, units);
    let worth = |(unit, coverage_part): (usize, f64)| {
        let total = of_unit(unit).max(if is_soon { 0.0 } else { coverage_part });
        let machine_price = all.machine_price[kinds.of_machine[first[unit]]];
        Worth { total, coverage_part, volume_part: (total - coverage_part).max(0.0), machine_price }
    };
    let worth = coverage_parts.into_iter().enumerate().map(worth).collect();
    (all, worth, if is_soon { Totals::Exact } else { Totals::Prices })
}

/// What the machines of each unit gain over the best other machine, had all others no limit of capacity.
fn coverage_parts(capacity: &Capacity<'_>, units: &Units) -> Vec<f64> {
    let best = best_others(capacity, units);
    let mut machines: Vec<Vec<usize>> = vec![Vec::new(); units.count];
    for (machine, unit) in units.of_machine.iter().enumerate() {
        machines[*unit].push(machine);
    }
    let part = |(unit, machines): (usize, &Vec<usize>)| {
        let gain = |row: usize, machine: usize| {
            (capacity.chances.rows()[row][machine] - best[row].without(unit)).max(0.0)
        };
        match machines[..] {
            [] => 0.0,
            [machine] => of_one(capacity, machine, |row| gain(row, machine)),
            _ => of_several(capacity, machines, gain),
        }
    };
    machines.par_iter().enumerate().map(part).collect()
}

/// The greatest chance of a row, and the greatest one of another unit.
#[derive(Clone, Copy, Default)]
struct Best {
    greatest: f64,
    unit: usize,
    of_another: f64,
}

impl Best {
    fn without(self, unit: usize) -> f64 {
        if self.unit == unit { self.of_another } else { self.greatest }
    }
}

fn best_others(capacity: &Capacity<'_>, units: &Units) -> Vec<Best> {
    let of_row = |row: &Vec<f64>| {
        let mut best = Best { unit: usize::MAX, ..Best::default() };
        for (chance, unit) in row.iter().zip(&units.of_machine) {
            if *unit == best.unit {
                best.greatest = best.greatest.max(*chance);
            } else if *chance > best.greatest {
                best = Best { greatest: *chance, unit: *unit, of_another: best.greatest };
            } else {
                best.of_another = best.of_another.max(*chance);
            }
        }
        best
    };
    capacity.chances.rows().iter().map(of_row).collect()
}

/// A machine's time goes to the rows that gain the most in it.
fn of_one(capacity: &Capacity<'_>, machine: usize, gain: impl Fn(usize) -> f64) -> f64 {
    let mut rows: Vec<(f64, f64, f64)> = (0..capacity.shares.len())
        .map(|row| (gain(row), capacity.sustained_per_s[row][machine], capacity.shares[row]))
        .filter(|(gain, sustained, share)| *gain > 0.0 && *sustained > 0.0 && *share > 0.0)
        .collect();
    rows.sort_by(|a, b| (b.0 * b.1).total_cmp(&(a.0 * a.1)));
    let (mut left, mut gained) = (1.0_f64, 0.0);
    for (gain, sustained, share) in rows {
        let flow = share.min(left * sustained / capacity.rate_per_s);
        gained += gain * flow;
        left = (left - flow * capacity.rate_per_s / sustained).max(0.0);
    }
    gained
}

fn of_several(capacity: &Capacity<'_>, machines: &[usize], gain: impl Fn(usize, usize) -> f64) -> f64 {
    let rows = 0..capacity.shares.len();
    let gains =
        rows.clone().map(|row| machines.iter().map(|machine| gain(row, *machine)).collect()).collect();
    let sustained: Vec<Vec<f64>> = rows
        .map(|row| machines.iter().map(|machine| capacity.sustained_per_s[row][*machine]).collect())
        .collect();
    let chances = Chances::of_shares(machines.len(), gains);
    let alone = Capacity { chances: &chances, sustained_per_s: &sustained, ..*capacity };
    let kinds = Kinds::of(&alone);
    solve(&alone, &kinds, &kinds.counts).served.value
}
