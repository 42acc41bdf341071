//! From demand to served: what is left after each of the six things that a request needs.
//!
//! A request is left after a factor if some machine passes all factors up to it; from `route` on, with the probability that one does:
//! a machine is reached as often as it is available.

use super::coverage::any;
use super::fleet::{Machine, Standing};
use crate::schema::v1::Factor;

/// What a request needs, in the order of testing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The right model, running.
    Model,
    /// Hardware that can hold it.
    Hardware,
    /// The asked rate.
    Capacity,
    /// A way to a machine that answers.
    Route,
    /// Its limits of time.
    Latency,
    /// Execution that can be checked.
    Verified,
}

impl Need {
    /// In their order.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::Hardware, Self::Capacity, Self::Route, Self::Latency, Self::Verified];

    /// As documents have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Hardware => "hardware",
            Self::Capacity => "capacity",
            Self::Route => "route",
            Self::Latency => "latency",
            Self::Verified => "verified",
        }
    }
}

/// The share of a row's requests that is left after each need, in the order of [`Need::ALL`]; never rising.
pub type Left = [f64; 6];

/// What is left of each row.
#[must_use]
pub fn left(standing: &Standing, machines: &[Machine]) -> Vec<Left> {
    let of_row = |row: usize| {
        let (failing, in_time) = (&standing.failing[row], &standing.in_time[row]);
        let passing = |factor: Factor| {
            let passes = move |failing: &Option<Factor>| failing.is_none_or(|failing| failing > factor);
            failing.iter().map(passes)
        };
        let some = |factor| f64::from(u8::from(passing(factor).any(|passes| passes)));
        let available = || machines.iter().map(|machine| machine.attributes.availability.unwrap_or(1.0));
        let reached = |factor| {
            passing(factor).zip(available()).map(|(passes, available)| if passes { available } else { 0.0 })
        };
        [
            some(Factor::Model),
            some(Factor::Hardware),
            some(Factor::Capacity),
            any(reached(Factor::Capacity)),
            any(reached(Factor::Latency).zip(in_time).map(|(reached, in_time)| reached * in_time)),
            any(standing.chances.value.rows()[row].iter().copied()),
        ]
    };
    (0..standing.failing.len()).map(of_row).collect()
}

/// The need after which nothing is left; `None` where something is.
#[must_use]
pub fn failing(left: &Left) -> Option<Need> {
    Need::ALL.into_iter().zip(left).find(|(_, left)| **left <= 0.0).map(|(need, _)| need)
}

/// The need that loses the most; `None` where none loses anything.
#[must_use]
pub fn binding(left: &Left) -> Option<Need> {
    let before = std::iter::once(&1.0).chain(left);
    let losses = before.zip(left).map(|(before, after)| before - after);
    let mut most: Option<(Need, f64)> = None;
    for (need, loss) in Need::ALL.into_iter().zip(losses) {
        if loss > most.map_or(0.0, |(_, most)| most) {
            most = Some((need, loss));
        }
    }
    most.map(|(need, _)| need)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_need_that_binds_loses_most_and_the_one_that_fails_leaves_nothing() {
        let left = [1.0, 1.0, 0.9, 0.5, 0.45, 0.45];
        assert_eq!((binding(&left), failing(&left)), (Some(Need::Route), None));
        let nothing = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!((binding(&nothing), failing(&nothing)), (Some(Need::Hardware), Some(Need::Hardware)));
        assert_eq!((binding(&[1.0; 6]), failing(&[1.0; 6])), (None, None));
    }
}
