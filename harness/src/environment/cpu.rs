use std::collections::BTreeSet;

use super::cgroup::{MAX_SAFE, Version, groups};
use super::root::Root;

/// Features that decide which kernels run and how fast, as this process may use them, ascending.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<String> {
    let detected = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("fma", is_x86_feature_detected!("fma")),
    ];
    detected.into_iter().filter(|(_, present)| *present).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<String> {
    let detected = [
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    detected.into_iter().filter(|(_, present)| *present).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<String> {
    Vec::new()
}

pub(super) struct Cpu {
    pub(super) model: String,
    pub(super) features: Vec<String>,
    pub(super) physical: Option<u32>,
    pub(super) has_hypervisor: bool,
}

pub(super) fn read(root: &Root) -> Cpu {
    parse(&root.text("proc/cpuinfo").unwrap_or_default())
}

/// The tightest quota of the control groups, in thousandths of a processor.
pub(super) fn cgroup_quota_milli(root: &Root) -> Option<u64> {
    let quotas = groups(root, "cpu").into_iter().filter_map(|group| {
        let read = |file: &str| root.text(group.folder.join(file));
        // Version 1 writes -1 for `max`: neither is a number of microseconds.
        let text = match group.version {
            Version::Two => read("cpu.max")?,
            Version::One => format!("{} {}", read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
        };
        let (quota, period) = text.split_once(' ')?;
        milli(quota.parse().ok()?, period.parse().ok()?)
    });
    quotas.min()
}

fn milli(quota: u64, period: u64) -> Option<u64> {
    quota.checked_mul(1000)?.checked_div(period).filter(|milli| *milli <= MAX_SAFE)
}

fn parse(cpuinfo: &str) -> Cpu {
    let fields = || {
        cpuinfo.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()))
    };
    let first = |name: &str| fields().find(|(key, _)| *key == name).map(|(_, value)| value);
    let flags: BTreeSet<&str> =
        first("flags").or_else(|| first("Features")).unwrap_or_default().split_whitespace().collect();
    Cpu {
        model: first("model name").or_else(|| first("CPU part")).unwrap_or("unknown").to_owned(),
        features: features(),
        physical: physical_cores(cpuinfo),
        has_hypervisor: flags.contains("hypervisor"),
    }
}

/// Distinct pairs of socket and core.
fn physical_cores(cpuinfo: &str) -> Option<u32> {
    let mut cores = BTreeSet::new();
    let mut socket = None;
    for (key, value) in cpuinfo.lines().filter_map(|line| line.split_once(':')) {
        match key.trim() {
            "physical id" => socket = Some(value.trim()),
            "core id" => {
                cores.insert((socket?, value.trim()));
            }
            _ => {}
        }
    }
    u32::try_from(cores.len()).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn the_tightest_quota_of_either_version_binds() {
        let tree = Tree::of(&[
            ("proc/self/cgroup", "3:cpu,cpuacct:/a\n0::/b/c\n"),
            ("sys/fs/cgroup/unified/b/c/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/unified/b/cpu.max", "250000 100000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(cgroup_quota_milli(&tree.root()), Some(2500));
        tree.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000\n");
        tree.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
        assert_eq!(cgroup_quota_milli(&tree.root()), Some(500));
        assert_eq!(cgroup_quota_milli(&Tree::empty().root()), None);
    }

    #[test]
    fn hyperthreads_share_a_core() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Example CPU\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fma avx2 \
                       hypervisor nonsense\n\nprocessor\t: 1\nmodel name\t: Example CPU\nphysical id\t: 0\ncore id\t\t: 0\n";
        let cpu = parse(cpuinfo);
        assert_eq!((cpu.model.as_str(), cpu.physical, cpu.has_hypervisor), ("Example CPU", Some(1), true));
    }

    #[test]
    fn an_empty_file_is_an_unknown_processor() {
        let cpu = parse("");
        assert_eq!((cpu.model.as_str(), cpu.physical, cpu.has_hypervisor), ("unknown", None, false));
    }
}
