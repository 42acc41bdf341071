//! A network of machines: what it covers, what each operator adds, and how fragile that is.
//!
//! *Coverage* C(S) of a set of machines is the probability that a request of the demand succeeds on at least one of them, were each
//! tried: `sum over rows w of d(w) (1 - product over machines i of (1 - q_i(w)))`. The [`chances`] q come from attested profiles alone.

pub mod additions;
pub mod chances;
pub mod common_cause;
pub mod concentration;
pub mod coverage;
mod draws;
pub mod outages;
pub mod quadrature;
pub mod shapley;
