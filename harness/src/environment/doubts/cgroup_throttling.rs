use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::cgroup::groups;
use crate::environment::root::Root;

/// A hundredth of the time: a quota is withheld in stretches of up to 100 ms, so that already a few are outliers.
const SHARE: f64 = 0.01;

/// How often and for how long the groups of this process had used up their quota, by folder.
#[derive(Clone, Debug)]
pub(super) struct CgroupThrottling(BTreeMap<PathBuf, Throttled>);

#[derive(Clone, Copy, Debug, Default)]
struct Throttled {
    periods: u64,
    time: Duration,
}

impl CgroupThrottling {
    pub(super) fn read(root: &Root) -> Self {
        let throttled = groups(root, "cpu").into_iter().filter_map(|group| {
            let file = group.folder.join("cpu.stat");
            let periods = root.field(&file, "nr_throttled")?;
            let unit: fn(u64) -> Duration = group.of_version(Duration::from_micros, Duration::from_nanos);
            let time = unit(root.field(&file, group.of_version("throttled_usec", "throttled_time"))?);
            Some((group.folder, Throttled { periods, time }))
        });
        Self(throttled.collect())
    }
}

/// Whether a quota was used up: of the group that lost most.
pub(super) fn doubt(before: &CgroupThrottling, after: &CgroupThrottling, elapsed: Duration) -> Option<Doubt> {
    let rise = |(folder, after): (&PathBuf, &Throttled)| {
        let before = before.0.get(folder).copied().unwrap_or_default();
        (after.time.saturating_sub(before.time), after.periods.saturating_sub(before.periods))
    };
    let (time, periods) = after.0.iter().map(rise).max()?;
    (time.as_secs_f64() > SHARE * elapsed.as_secs_f64()).then(|| {
        let (withheld, elapsed) = (time.as_secs_f64(), elapsed.as_secs_f64());
        doubt_of(
            DoubtKind::CgroupThrottling,
            &format!("the control group withheld {withheld:.2} s of processor time in {elapsed:.2} s, {periods} times"),
            "certify with no more --threads than the quota has processors, or raise the quota",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn version_2(periods: u64, microseconds: u64) -> CgroupThrottling {
        let stat =
            format!("usage_usec 5\nnr_periods 9\nnr_throttled {periods}\nthrottled_usec {microseconds}\n");
        let tree = Tree::of(&[
            ("proc/self/cgroup", "0::/outer/inner"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 5\n"),
            ("sys/fs/cgroup/outer/cpu.stat", &stat),
            ("sys/fs/cgroup/outer/inner/cpu.stat", "nr_throttled 8\nthrottled_usec 80000000\n"),
        ]);
        CgroupThrottling::read(&tree.root())
    }

    #[test]
    fn a_quota_of_an_ancestor_that_is_used_up_raises_a_doubt_with_the_figures() {
        let elapsed = Duration::from_secs(10);
        let doubt = doubt(&version_2(3, 1_000_000), &version_2(48, 2_500_000), elapsed).unwrap();
        assert_eq!(doubt.kind, DoubtKind::CgroupThrottling);
        assert_eq!(doubt.detail, "the control group withheld 1.50 s of processor time in 10.00 s, 45 times");
    }

    #[test]
    fn a_quota_that_suffices_raises_none() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(doubt(&version_2(3, 1_000_000), &version_2(3, 1_000_000), elapsed), None);
        assert_eq!(doubt(&version_2(3, 1_000_000), &version_2(4, 1_090_000), elapsed), None);
        let nothing = CgroupThrottling::read(&Tree::empty().root());
        assert_eq!(doubt(&nothing, &nothing, elapsed), None);
    }

    #[test]
    fn version_1_counts_in_nanoseconds() {
        let at = |nanoseconds: u64| {
            let stat = format!("nr_periods 9\nnr_throttled 2\nthrottled_time {nanoseconds}\n");
            let files =
                [("proc/self/cgroup", "3:cpu,cpuacct:/mine"), ("sys/fs/cgroup/cpu/mine/cpu.stat", &*stat)];
            CgroupThrottling::read(&Tree::of(&files).root())
        };
        let doubt = doubt(&at(0), &at(250_000_000), Duration::from_secs(1)).unwrap();
        assert!(doubt.detail.contains("withheld 0.25 s of processor time in 1.00 s"), "{}", doubt.detail);
    }
}
