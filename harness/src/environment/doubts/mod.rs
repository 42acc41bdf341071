//! Circumstances that speak against figures, one a file: what was seen, and what to do about it.
//!
//! What stands is looked at once, before the run. What happens is counted by the kernel, so a [`Reading`] before and another
//! after a measurement enclose it. A system that does not tell gives no doubt.

mod accelerator;
mod battery;
mod cgroup_throttling;
mod clock_jump;
mod clock_source;
mod foreign_load;
mod governor;
mod load_average;
mod lost_speed;
mod processor_time;
mod reading;
mod steal;
mod swap;
mod thermal;

use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{Doubt, DoubtKind, Machine};

use super::root::Root;

pub use accelerator::accelerator_doubts;
pub use lost_speed::ceilings_doubt;
pub use reading::Reading;

/// What speaks against measuring on this machine now.
#[must_use]
pub fn standing_doubts(machine: &Machine) -> Vec<Doubt> {
    let root = &Root::of_this_machine();
    let doubts = [
        load_average::doubt(root, machine.logical_cpus),
        governor::doubt(root),
        battery::doubt(root),
        clock_source::doubt(&machine.clock),
    ];
    doubts.into_iter().flatten().collect()
}

fn doubt(kind: DoubtKind, detail: &str, advice: &str) -> Doubt {
    Doubt { kind, detail: printable(detail), advice: advice.to_owned() }
}
