use std::collections::BTreeSet;
use std::fs;

/// Features that decide which kernels run and how fast.
const FEATURES: [&str; 14] = [
    "amx_tile",
    "asimd",
    "avx",
    "avx2",
    "avx512_bf16",
    "avx512_vnni",
    "avx512bw",
    "avx512f",
    "avx512vl",
    "avx_vnni",
    "f16c",
    "fma",
    "sse4_2",
    "sve",
];

pub(super) struct Cpu {
    pub(super) model: String,
    pub(super) features: Vec<String>,
    pub(super) physical: Option<u32>,
    pub(super) has_hypervisor: bool,
}

pub(super) fn read() -> Cpu {
    parse(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

/// The control group's quota, in thousandths of a processor.
pub(super) fn cgroup_quota_milli() -> Option<u64> {
    let text = fs::read_to_string(super::system::cgroup_folder()?.join("cpu.max")).ok()?;
    let mut fields = text.split_whitespace();
    let quota: u64 = fields.next()?.parse().ok()?;
    let period: u64 = fields.next()?.parse().ok()?;
    (quota * 1000).checked_div(period)
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
        features: FEATURES
            .iter()
            .filter(|name| flags.contains(*name))
            .map(|name| (*name).to_owned())
            .collect(),
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
        assert_eq!(cpu.features, ["avx2", "fma"]);
    }

    #[test]
    fn an_empty_file_is_an_unknown_processor() {
        let cpu = parse("");
        assert_eq!((cpu.model.as_str(), cpu.physical, cpu.has_hypervisor), ("unknown", None, false));
    }
}
