use std::hint::black_box;
use std::time::Instant;

use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::Clock;

use super::root::Root;

const SOURCE: &str = "sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Steps seen before the smallest of them counts as the resolution.
const STEPS: usize = 10_000;
/// Readings at most, a second or less: a clock that takes fewer than [`STEPS`] steps meanwhile is coarse enough to tell.
const MOST_READINGS: usize = 10_000_000;
/// Said of a clock that never moved.
const FROZEN_NS: u64 = 1_000_000_000;

const BATCHES: usize = 31;
/// So many that the nanoseconds of a batch are the picoseconds of a reading.
const READINGS_A_BATCH: u64 = 1000;

/// What times are read from, measured.
pub(super) fn read(root: &Root) -> Clock {
    Clock {
        source: root.text(SOURCE).map_or_else(|| "unknown".to_owned(), |name| printable(&name)),
        resolution_ns: resolution_ns(),
        overhead_ps: overhead_ps(),
    }
}

/// The smallest step between two readings that differ.
fn resolution_ns() -> u64 {
    let mut last = Instant::now();
    let readings = (0..MOST_READINGS).map(|_| {
        let now = Instant::now();
        u64::try_from(now.duration_since(std::mem::replace(&mut last, now)).as_nanos()).unwrap_or(u64::MAX)
    });
    readings.filter(|step| *step > 0).take(STEPS).min().unwrap_or(FROZEN_NS)
}

/// The median over batches, which an interruption of a few does not reach.
fn overhead_ps() -> u64 {
    let mut batches_ns: Vec<u64> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..READINGS_A_BATCH {
                black_box(Instant::now());
            }
            crate::cell::nanoseconds(started)
        })
        .collect();
    batches_ns.sort_unstable();
    batches_ns[BATCHES / 2]
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn this_clock_steps_and_costs_less_than_a_millisecond() {
        let clock = read(&Tree::of(&[(SOURCE, "hpet\n")]).root());
        assert_eq!(clock.source, "hpet");
        assert!((1..1_000_000).contains(&clock.resolution_ns), "{clock:?}");
        assert!((1..1_000_000_000).contains(&clock.overhead_ps), "{clock:?}");
    }

    #[test]
    fn a_system_that_does_not_name_its_clock_has_an_unknown_one() {
        assert_eq!(read(&Tree::empty().root()).source, "unknown");
    }
}
