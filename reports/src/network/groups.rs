//! Machines by an attribute: who fails together, who holds how much.

use super::common_cause::Grouping;
use super::coverage::Units;
use super::fleet::{Fleet, Machine};

/// By what machines are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Where they are.
    Region,
    /// Whose data centre they are in.
    Provider,
    /// What they are.
    Hardware,
    /// What measured them.
    Software,
    /// Who holds them.
    Operator,
}

/// Machines by an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// The values, ascending.
    pub names: Vec<String>,
    /// Of each machine; `names.len()` where it is not known.
    pub of_machine: Vec<usize>,
}

impl Attribute {
    /// Those by which machines can fail together.
    pub const CAUSES: [Self; 4] = [Self::Region, Self::Provider, Self::Hardware, Self::Software];

    /// As documents have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Provider => "provider",
            Self::Hardware => "hardware",
            Self::Software => "software",
            Self::Operator => "operator",
        }
    }

    fn of<'a>(self, machine: &'a Machine, fleet: &'a Fleet) -> Option<&'a str> {
        match self {
            Self::Region => machine.attributes.region.as_deref(),
            Self::Provider => machine.attributes.provider.as_deref(),
            Self::Hardware => Some(&machine.hardware),
            Self::Software => Some(&machine.software),
            Self::Operator => machine.operators.first().map(|operator| fleet.operators[*operator].as_str()),
        }
    }
}

impl Groups {
    /// The machines of `fleet` by `attribute`.
    #[must_use]
    pub fn new(fleet: &Fleet, attribute: Attribute) -> Self {
        let of = |machine| attribute.of(machine, fleet);
        let mut names: Vec<&str> = fleet.machines.iter().filter_map(of).collect();
        names.sort_unstable();
        names.dedup();
        let place =
            |machine| of(machine).and_then(|name| names.binary_search(&name).ok()).unwrap_or(names.len());
        let of_machine = fleet.machines.iter().map(place).collect();
        Self { names: names.into_iter().map(str::to_owned).collect(), of_machine }
    }

    /// Whether any machine's attribute is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.names.is_empty()
    }

    /// Machines that are gone together; the last unit are those of which nothing is known.
    #[must_use]
    pub fn units(&self) -> Units {
        Units { of_machine: self.of_machine.clone(), count: self.names.len() + 1 }
    }

    /// Each group fails with the same probability; of machines of which nothing is known, none fails by this.
    #[must_use]
    pub fn grouping(&self, fails: f64) -> Grouping {
        let mut all = vec![fails; self.names.len()];
        all.push(0.0);
        Grouping { of_machine: self.of_machine.clone(), fails: all }
    }

    /// How many machines are in each group.
    #[must_use]
    pub fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.names.len() + 1];
        for group in &self.of_machine {
            sizes[*group] += 1;
        }
        sizes.truncate(self.names.len());
        sizes
    }
}
