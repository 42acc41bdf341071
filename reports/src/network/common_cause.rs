//! Machines that fail together: groups (regions, providers, hardware, software), each with a probability.
//!
//! A machine's chance already counts every failing, so while its group has not failed it is higher, `q / (1 - p)`: what changes is not how
//! often machines fail, but how often they do so together.

use super::chances::Chances;
use super::coverage::any;
use super::shapley;

/// A chance may be above 1 by rounding.
const ROUNDING: f64 = 1e-12;

/// Groups by one attribute, which fail independently of each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// Of each machine.
    pub of_machine: Vec<usize>,
    /// Of each group: the probability that all its machines fail at once; below 1.
    pub fails: Vec<f64>,
}

/// A machine fails less often than its group is said to.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "machine {machine} succeeds with {chance}, more often than its group, which fails with {fails}, is there"
)]
pub struct FailsLessThanItsGroup {
    /// Its place.
    pub machine: usize,
    /// In some row.
    pub chance: f64,
    /// Of its group.
    pub fails: f64,
}

impl Grouping {
    /// The chances of machines whose groups have not failed.
    ///
    /// # Errors
    /// When one would be above 1.
    pub fn given_up(&self, chances: &Chances) -> Result<Chances, FailsLessThanItsGroup> {
        let mut rows = chances.rows().to_vec();
        for row in &mut rows {
            for (machine, chance) in row.iter_mut().enumerate() {
                let fails = self.fails[self.of_machine[machine]];
                let given_up = *chance / (1.0 - fails);
                if given_up > 1.0 + ROUNDING || !given_up.is_finite() {
                    return Err(FailsLessThanItsGroup { machine, chance: *chance, fails });
                }
                *chance = given_up.min(1.0);
            }
        }
        Ok(Chances::of_shares(chances.machines(), rows))
    }

    /// The expectation of coverage over the groups' failing; `given_up` are the chances of [`Self::given_up`].
    #[must_use]
    pub fn coverage(&self, given_up: &Chances, shares: &[f64]) -> f64 {
        let of_row = |row: &Vec<f64>| {
            any(self.by_group(row).iter().zip(&self.fails).map(|(any, fails)| (1.0 - fails) * any))
        };
        given_up.rows().iter().zip(shares).map(|(row, share)| share * of_row(row)).sum()
    }

    /// Shapley values of the machines in that expectation; they add up to it.
    #[must_use]
    pub fn shapley(&self, given_up: &Chances, shares: &[f64]) -> Vec<f64> {
        shapley::under_groups(given_up, shares, &self.of_machine, &self.fails)
    }

    /// The probability that one of a group's machines succeeds.
    fn by_group(&self, row: &[f64]) -> Vec<f64> {
        let mut groups = vec![0.0; self.fails.len()];
        for (chance, group) in row.iter().zip(&self.of_machine) {
            groups[*group] += (1.0 - groups[*group]) * chance;
        }
        groups
    }
}
