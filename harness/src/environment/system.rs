use super::root::Root;

/// The distribution's name for itself.
pub(super) fn os_release(root: &Root) -> String {
    let text = root.text("etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim_matches('"').to_owned())
}

/// The kernel's release.
pub(super) fn kernel(root: &Root) -> String {
    root.text("proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".to_owned())
}

/// The hypervisor by what the firmware calls the machine; `none` where the processor sees none.
pub(super) fn virtualisation(root: &Root, has_hypervisor: bool) -> String {
    if !has_hypervisor {
        return "none".to_owned();
    }
    let field = |name: &str| root.text(format!("sys/class/dmi/id/{name}")).filter(|text| !text.is_empty());
    field("sys_vendor").or_else(|| field("product_name")).unwrap_or_else(|| "unknown".to_owned())
}
