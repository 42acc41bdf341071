use std::fs;

use super::cgroup::{self, MAX_SAFE};

pub(super) fn installed_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The tightest limit of the control groups; `max`, or version 1's astronomical default, is none.
pub(super) fn cgroup_limit_bytes() -> Option<u64> {
    let version_2 = cgroup::values("memory.max").filter_map(|text| text.trim().parse::<u64>().ok());
    let version_1 =
        || fs::read_to_string("/sys/fs/cgroup/memory/memory.limit_in_bytes").ok()?.trim().parse().ok();
    version_2.min().or_else(version_1).filter(|limit| *limit <= MAX_SAFE)
}
