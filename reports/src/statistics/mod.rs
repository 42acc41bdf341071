//! Statistics that a verifier recomputes from the samples of a profile.
//!
//! Only IEEE-754 basic operations on f64, in a fixed order, and integers in the results: so that two machines derive the
//! same figures from one profile. Every bound takes samples to be drawn independently from one distribution and asks
//! nothing of its form. Where a sample is too small for a statement, the statement is absent; where a sum was rounded,
//! the bound gives way to the pessimistic side.

mod attainment;
mod binomial;
mod bisection;
mod distribution;
mod early_stopping;
#[cfg(test)]
mod heavy_tail;
mod median;
mod order;
mod outliers;
mod proportion;

pub use attainment::{misses_allowed, share_low_ppm, smallest_trial};
pub use binomial::DRAWS_MAX;
pub use distribution::Distribution;
pub use early_stopping::{early_stopping_of_sorted, max_bounds_ppm};
pub use median::{MedianInterval, median_interval_of_sorted};
pub use order::{Quantile, quantile_of_sorted};
pub use outliers::{Outliers, outliers_of_sorted};
pub use proportion::{Interval, clopper_pearson};
