//! A network of machines: what it covers, what each operator adds, and how fragile that is.
//!
//! *Coverage* C(S) of a set of machines is the probability that a request of the demand succeeds on at least one of them, were each
//! tried: `sum over rows w of d(w) (1 - product over machines i of (1 - q_i(w)))`. The [`chances`] q come from attested profiles alone.

pub mod additions;
pub mod agreement;
pub mod attributes;
pub mod capacity;
pub mod chances;
pub mod claim;
pub mod common_cause;
pub mod comparison;
pub mod concentration;
pub mod coverage;
pub mod csv_table;
pub mod demand;
#[cfg(test)]
mod fixture;
pub mod fleet;
pub mod groups;
pub mod outages;
pub mod quadrature;
pub mod resemblance;
pub mod shapley;
pub mod simulation;
pub mod trace;
pub mod waterfall;
