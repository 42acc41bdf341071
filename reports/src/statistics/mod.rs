//! Statistics that a verifier recomputes from the samples of a profile.
//!
//! Only IEEE-754 basic operations on f64, in a fixed order, and integers in the results: so that two machines derive the
//! same figures from one profile.

mod order;
mod proportion;

pub use order::{Quantile, quantile_of_sorted};
pub use proportion::{Interval, clopper_pearson};
