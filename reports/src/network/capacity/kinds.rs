//! Machines that are alike.

use std::collections::BTreeMap;

use super::Capacity;

/// Machines with the same numbers in every demand row, which no figure tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// The kind of each machine; kinds are in the order of their first machines.
    pub of_machine: Vec<usize>,
    /// How many machines a kind has.
    pub counts: Vec<usize>,
    /// The first machine of each kind.
    pub firsts: Vec<usize>,
}

impl Kinds {
    /// The machines under this load, by kind.
    #[must_use]
    pub fn of(capacity: &Capacity<'_>) -> Self {
        let mut known: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut kinds = Self { of_machine: Vec::new(), counts: Vec::new(), firsts: Vec::new() };
        for machine in 0..capacity.chances.machines() {
            let rows = capacity.chances.rows().iter().chain(capacity.sustained_per_s);
            let column = rows.map(|row| row[machine].to_bits()).collect();
            let kind = *known.entry(column).or_insert(kinds.counts.len());
            if kind == kinds.counts.len() {
                kinds.firsts.push(machine);
                kinds.counts.push(0);
            }
            kinds.counts[kind] += 1;
            kinds.of_machine.push(kind);
        }
        kinds
    }
}
