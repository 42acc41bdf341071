use std::fs;

pub(super) fn installed_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The control group's limit; `max` is none.
pub(super) fn cgroup_limit_bytes() -> Option<u64> {
    let text = fs::read_to_string(super::system::cgroup_folder()?.join("memory.max")).ok()?;
    text.trim().parse().ok()
}
