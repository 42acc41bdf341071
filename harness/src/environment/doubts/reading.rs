use std::time::Duration;

use proofmark_reports::schema::v1::Doubt;

use super::cgroup_throttling::CgroupThrottling;
use super::clock_jump::Clocks;
use super::processor_time::ProcessorTime;
use super::swap::Swapped;
use super::thermal::ThermalThrottling;
use super::{cgroup_throttling, clock_jump, foreign_load, steal, swap, thermal};
use crate::environment::root::Root;

/// What clocks and counters of the system said at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    clocks: Clocks,
    processor_time: Option<ProcessorTime>,
    cgroup_throttling: CgroupThrottling,
    swapped: Swapped,
    thermal_throttling: ThermalThrottling,
}

impl Reading {
    /// Reads them; a fraction of a millisecond.
    #[must_use]
    pub fn now() -> Self {
        let root = &Root::of_this_machine();
        Self {
            clocks: Clocks::read(root),
            processor_time: ProcessorTime::read(root),
            cgroup_throttling: CgroupThrottling::read(root),
            swapped: Swapped::read(root),
            thermal_throttling: ThermalThrottling::read(root),
        }
    }

    /// What speaks against a measurement that began after this reading and ended before the later one. Processes that took part in it
    /// must have been waited for by then, or their processor time passes for that of others.
    #[must_use]
    pub fn doubts_until(&self, later: &Self) -> Vec<Doubt> {
        let elapsed: Duration = self.clocks.elapsed_until(&later.clocks);
        let processor_time = self.processor_time.zip(later.processor_time);
        let spent = processor_time.map(|(before, after)| before.spent_until(after));
        let doubts = [
            spent.and_then(|spent| foreign_load::doubt(spent, elapsed)),
            spent.and_then(|spent| steal::doubt(spent, elapsed)),
            cgroup_throttling::doubt(&self.cgroup_throttling, &later.cgroup_throttling, elapsed),
            thermal::doubt(self.thermal_throttling, later.thermal_throttling),
            swap::doubt(self.swapped, later.swapped, elapsed),
            clock_jump::doubt(&self.clocks, &later.clocks),
        ];
        doubts.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use proofmark_reports::schema::v1::DoubtKind;

    use super::*;

    #[test]
    fn this_programs_own_work_and_that_of_its_children_is_not_foreign() {
        let time = || ProcessorTime::read(&Root::of_this_machine()).unwrap();
        let before = time();
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(200) {
            black_box(started);
        }
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        Command::new("sh").args(["-c", script]).stdin(Stdio::null()).status().unwrap();
        let spent = before.spent_until(time());
        // Other tests run beside this one, so that nothing more can be said of `busy`.
        assert!(spent.own > Duration::from_millis(200), "{spent:?}");
    }

    #[test]
    fn a_moment_without_work_raises_no_doubt_that_only_work_can_raise() {
        let before = Reading::now();
        let doubts = before.doubts_until(&Reading::now());
        assert!(doubts.iter().all(|doubt| doubt.kind != DoubtKind::ForeignLoad), "{doubts:?}");
    }
}
