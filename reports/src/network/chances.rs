//! How likely requests succeed: the matrix that everything of a network is computed from.

/// The probability that a request succeeds, by demand row and machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Chances {
    machines: usize,
    rows: Vec<Vec<f64>>,
}

/// Why rows are no [`Chances`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotChances {
    /// A row of another length.
    #[error("row {row} has {actual} machines, expected {expected}")]
    Length {
        /// Its place.
        row: usize,
        /// As given.
        actual: usize,
        /// As the others have.
        expected: usize,
    },
    /// No probability.
    #[error("row {row} has {value} for machine {machine}, expected 0 to 1")]
    Range {
        /// Its place.
        row: usize,
        /// Its place in the row.
        machine: usize,
        /// As given.
        value: f64,
    },
}

impl Chances {
    /// Of `machines` machines, a number each in every row.
    ///
    /// # Errors
    /// When a row is of another length, or holds what is no probability.
    pub fn new(machines: usize, rows: Vec<Vec<f64>>) -> Result<Self, NotChances> {
        for (row, chances) in rows.iter().enumerate() {
            if chances.len() != machines {
                return Err(NotChances::Length { row, actual: chances.len(), expected: machines });
            }
            if let Some(machine) = chances.iter().position(|value| !(0.0..=1.0).contains(value)) {
                return Err(NotChances::Range { row, machine, value: chances[machine] });
            }
        }
        Ok(Self { machines, rows })
    }

    /// Of rows that are known to be of one length; what is above 1 by rounding counts as 1, what is no number as 0.
    pub(super) fn of_shares(machines: usize, mut rows: Vec<Vec<f64>>) -> Self {
        for chance in rows.iter_mut().flatten() {
            *chance = if chance.is_nan() { 0.0 } else { chance.clamp(0.0, 1.0) };
        }
        Self { machines, rows }
    }

    /// The number of machines.
    #[must_use]
    pub fn machines(&self) -> usize {
        self.machines
    }

    /// Demand rows, each with a number a machine.
    #[must_use]
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }
}

/// A figure and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounded {
    /// By the measured proportions.
    pub value: f64,
    /// 95 % interval's lower end.
    pub low: f64,
    /// As `low`.
    pub high: f64,
}

/// Chances with those of their intervals' ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimated {
    /// By the measured proportions.
    pub value: Chances,
    /// By the lower ends of all their intervals.
    pub low: Chances,
    /// As `low`.
    pub high: Chances,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_probability_is_refused_with_its_place() {
        assert!(Chances::new(2, vec![vec![0.0, 1.0], vec![0.5, 0.25]]).is_ok());
        let refused = |rows| Chances::new(2, rows).unwrap_err().to_string();
        assert_eq!(refused(vec![vec![0.0]]), "row 0 has 1 machines, expected 2");
        assert_eq!(refused(vec![vec![0.0, 1.5]]), "row 0 has 1.5 for machine 1, expected 0 to 1");
        assert!(refused(vec![vec![0.0, 0.0], vec![f64::NAN, 0.0]]).contains("row 1 has NaN for machine 0"));
    }
}
