use std::collections::BTreeSet;
use std::fs;

use super::cgroup::{self, MAX_SAFE};

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

pub(super) fn read() -> Cpu {
    parse(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

/// The tightest quota of the control groups, in thousandths of a processor.
pub(super) fn cgroup_quota_milli() -> Option<u64> {
    let version_2 = cgroup::values("cpu.max").filter_map(|text| {
        let mut fields = text.split_whitespace();
        milli(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)
    });
    let version_1 = || {
        let read =
            |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/cpu/{name}")).ok()?.trim().parse().ok();
        milli(read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
    };
    version_2.min().or_else(version_1)
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
    use super::*;

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
