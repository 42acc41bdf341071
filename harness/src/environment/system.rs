use std::fs;
use std::path::Path;

/// The distribution's name for itself.
pub(super) fn os_release() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim_matches('"').to_owned())
}

/// The kernel's release.
pub(super) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The hypervisor by what the firmware calls the machine; `none` where the processor sees none.
pub(super) fn virtualisation(has_hypervisor: bool) -> String {
    if !has_hypervisor {
        return "none".to_owned();
    }
    let field = |name: &str| {
        let text = fs::read_to_string(Path::new("/sys/class/dmi/id").join(name)).unwrap_or_default();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    field("sys_vendor").or_else(|| field("product_name")).unwrap_or_else(|| "unknown".to_owned())
}

/// The mean number of runnable processes over the last minute.
pub(super) fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
