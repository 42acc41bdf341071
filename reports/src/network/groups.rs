//! Machines by an attribute: who fails together, who holds how much.

use super::common_cause::Grouping;
use super::coverage::Units;
use super::fleet::{Fleet, Machine};

/// By what machines can fail together.
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
}

/// How often a group fails as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// At most.
    pub probability: f64,
    /// Whether less often where its machines are there more often than that.
    pub limit: OutageLimit,
}

/// What limits the probability of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageLimit {
    /// No group fails more often than its most available machine.
    Availability,
    /// Nothing: a machine that is there more often than its group is a contradiction.
    None,
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Region, Self::Provider, Self::Hardware, Self::Software];

    /// As documents have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Provider => "provider",
            Self::Hardware => "hardware",
            Self::Software => "software",
        }
    }

    fn of(self, machine: &Machine) -> Option<&str> {
        match self {
            Self::Region => machine.attributes.region.as_deref(),
            Self::Provider => machine.attributes.provider.as_deref(),
            Self::Hardware => Some(&machine.hardware),
            Self::Software => Some(&machine.software),
        }
    }
}

impl Groups {
    /// The machines of `fleet` by `attribute`.
    #[must_use]
    pub fn new(fleet: &Fleet, attribute: Attribute) -> Self {
        let of = |machine| attribute.of(machine);
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

    /// Groups that fail as `outage` says, one of `causes` groupings by which machines fail. Of machines of which nothing is known, none
    /// fails by this.
    #[must_use]
    pub fn grouping(&self, fleet: &Fleet, outage: Outage, causes: usize) -> Grouping {
        let Outage { probability, limit } = outage;
        let mut fails = vec![probability; self.names.len()];
        fails.push(0.0);
        if limit == OutageLimit::Availability {
            for (machine, group) in fleet.machines.iter().zip(&self.of_machine) {
                let available = machine.attributes.availability.unwrap_or(0.0);
                fails[*group] = fails[*group].min(1.0 - available.powf(1.0 / causes as f64)).max(0.0);
            }
        }
        Grouping { of_machine: self.of_machine.clone(), fails }
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
