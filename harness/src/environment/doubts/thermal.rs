use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::root::Root;

const PROCESSORS: &str = "sys/devices/system/cpu";
const COUNTERS: [&str; 2] =
    ["thermal_throttle/core_throttle_count", "thermal_throttle/package_throttle_count"];

/// Events of all cores and packages, added up as each processor counts them; `None` where none does.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThermalThrottling(Option<u64>);

impl ThermalThrottling {
    pub(super) fn read(root: &Root) -> Self {
        let processors = root.folders(PROCESSORS);
        let counters = processors.iter().flat_map(|folder| COUNTERS.map(|counter| folder.join(counter)));
        let counts = counters.filter_map(|counter| root.value::<u64>(counter));
        Self(counts.reduce(u64::saturating_add))
    }
}

/// Whether heat slowed the processors down, by the kernel's counters.
pub(super) fn doubt(before: ThermalThrottling, after: ThermalThrottling) -> Option<Doubt> {
    let events = after.0?.saturating_sub(before.0?);
    (events > 0).then(|| {
        doubt_of(
            DoubtKind::Throttling,
            &format!("the processors' counters of throttling by heat rose by {events}"),
            "cool the machine better, or let it cool down, and certify again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn counters(core: &str, package: &str) -> ThermalThrottling {
        let tree = Tree::of(&[
            ("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", core),
            ("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "7\n"),
            ("sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count", package),
            ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
        ]);
        ThermalThrottling::read(&tree.root())
    }

    #[test]
    fn counters_that_rose_raise_a_doubt_with_the_figure() {
        let doubt = doubt(counters("2\n", "7\n"), counters("4\n", "10\n")).unwrap();
        assert_eq!(doubt.kind, DoubtKind::Throttling);
        assert_eq!(doubt.detail, "the processors' counters of throttling by heat rose by 5");
    }

    #[test]
    fn counters_that_stand_or_are_missing_raise_none() {
        assert_eq!(doubt(counters("2\n", "7\n"), counters("2\n", "7\n")), None);
        let nothing = ThermalThrottling::read(&Tree::empty().root());
        assert_eq!(doubt(nothing, nothing), None);
        assert_eq!(doubt(nothing, counters("2\n", "7\n")), None);
    }
}
