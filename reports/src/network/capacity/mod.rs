//! How a rate of requests is served when each is tried once: under the best possible routing, and under routers that know less.
//!
//! Coverage asks whether some machine succeeds, were all tried; this asks what is left when machines are busy and nobody tries twice.

mod kinds;
pub mod program;
pub mod routing;
pub mod worth;

use super::chances::Chances;

pub use kinds::Kinds;

/// Machines under a load.
#[derive(Clone, Copy, Debug)]
pub struct Capacity<'a> {
    /// q: how likely a request succeeds, by demand row and machine.
    pub chances: &'a Chances,
    /// mu: how many requests of the row alone the machine sustains, in requests a second; 0 where it serves none.
    pub sustained_per_s: &'a [Vec<f64>],
    /// d: the share of all requests that a row stands for; what is missing to 1 stands for requests that fail.
    pub shares: &'a [f64],
    /// L: how many requests come, in requests a second; above 0.
    pub rate_per_s: f64,
}
