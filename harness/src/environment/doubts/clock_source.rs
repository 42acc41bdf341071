use proofmark_reports::schema::v1::{Clock, Doubt, DoubtKind};

use super::doubt as doubt_of;

/// Counters of the processor, which a program reads without entering the kernel or the hypervisor.
const QUICK_SOURCES: [&str; 4] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];
/// A step of the smallest models takes tens of microseconds, read twice: a microsecond would show.
const MOST_NS: u64 = 1000;

/// Whether readings are slow or coarse, or come from a device that is known for it.
pub(super) fn doubt(clock: &Clock) -> Option<Doubt> {
    let source = clock.source.as_str();
    let is_quick = source == "unknown" || QUICK_SOURCES.contains(&source);
    let is_fine = clock.overhead_ps <= MOST_NS * 1000 && clock.resolution_ns <= MOST_NS;
    (!is_quick || !is_fine).then(|| {
        let (cost, step) = (clock.overhead_ps / 1000, clock.resolution_ns);
        doubt_of(
            DoubtKind::ClockSource,
            &format!("the clock {source} takes {cost} ns a reading and steps by {step} ns"),
            "let the kernel use the processor's own counter: see /sys/devices/system/clocksource",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str, resolution_ns: u64, overhead_ps: u64) -> Option<Doubt> {
        doubt(&Clock { source: source.to_owned(), resolution_ns, overhead_ps })
    }

    #[test]
    fn a_device_and_slow_or_coarse_readings_raise_a_doubt_with_the_figures() {
        let doubt = of("hpet", 70, 540_000).unwrap();
        assert_eq!(doubt.kind, DoubtKind::ClockSource);
        assert_eq!(doubt.detail, "the clock hpet takes 540 ns a reading and steps by 70 ns");
        assert!(of("tsc", 1, 1_000_001).is_some());
        assert!(of("unknown", 1001, 20_000).is_some());
    }

    #[test]
    fn counters_of_the_processor_raise_none() {
        assert_eq!(of("tsc", 1, 20_000), None);
        assert_eq!(of("kvm-clock", 1000, 1_000_000), None);
        assert_eq!(of("unknown", 1, 20_000), None);
    }
}
