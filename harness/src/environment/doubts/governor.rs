use std::collections::BTreeMap;
use std::path::Path;

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::processors::Allowed;
use crate::environment::root::Root;

const PROCESSORS: &str = "sys/devices/system/cpu";

/// Drivers that choose the frequency themselves: their `powersave` is as quick to rise as others' `schedutil`, unless they are
/// told to prefer power to performance.
const DRIVERS_THAT_CHOOSE: [&str; 2] = ["intel_pstate", "amd-pstate-epp"];

/// Whether processors that this process may use are set to save power rather than to be fast.
pub(super) fn doubt(root: &Root) -> Option<Doubt> {
    let allowed = Allowed::read(root);
    let mut saving: BTreeMap<String, usize> = BTreeMap::new();
    for folder in root.folders(PROCESSORS) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if allowed.contains(&name)
            && let Some(policy) = saving_policy(root, &folder.join("cpufreq"))
        {
            *saving.entry(policy).or_default() += 1;
        }
    }
    (!saving.is_empty()).then(|| {
        let policies: Vec<_> =
            saving.iter().map(|(policy, processors)| format!("{policy} on {processors} processors")).collect();
        doubt_of(
            DoubtKind::Governor,
            &format!("frequency governor {}", policies.join(", ")),
            "set the governor performance, as with `cpupower frequency-set -g performance`, and certify again",
        )
    })
}

fn saving_policy(root: &Root, cpufreq: &Path) -> Option<String> {
    let text = |name| root.text(cpufreq.join(name));
    let governor = text("scaling_governor")?;
    let driver = text("scaling_driver").unwrap_or_else(|| "unknown".to_owned());
    let chooses = DRIVERS_THAT_CHOOSE.contains(&driver.as_str());
    let prefers_power = text("energy_performance_preference").is_some_and(|choice| choice == "power");
    match governor.as_str() {
        "powersave" if chooses => prefers_power.then(|| format!("{governor} ({driver}, preferring power)")),
        "powersave" | "conservative" | "ondemand" => Some(format!("{governor} ({driver})")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn of(governor: &str, driver: &str, preference: &str) -> Option<Doubt> {
        let file = |cpu: u32, name: &str| format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{name}");
        let tree = Tree::of(&[("proc/self/status", "Cpus_allowed_list:\t0-1\n")]);
        for cpu in [0, 1, 2] {
            tree.write(&file(cpu, "scaling_governor"), governor);
            tree.write(&file(cpu, "scaling_driver"), driver);
            tree.write(&file(cpu, "energy_performance_preference"), preference);
        }
        doubt(&tree.root())
    }

    #[test]
    fn governors_that_save_power_raise_a_doubt_that_names_them() {
        let doubt = of("powersave\n", "acpi-cpufreq\n", "\n").unwrap();
        assert_eq!(doubt.kind, DoubtKind::Governor);
        assert_eq!(doubt.detail, "frequency governor powersave (acpi-cpufreq) on 2 processors");
        assert!(of("conservative", "intel_cpufreq", "").is_some());
        assert!(of("ondemand", "amd-pstate", "").is_some());
        let doubt = of("powersave", "intel_pstate", "power\n").unwrap();
        assert_eq!(
            doubt.detail,
            "frequency governor powersave (intel_pstate, preferring power) on 2 processors"
        );
    }

    #[test]
    fn governors_that_follow_the_load_quickly_raise_none() {
        for (governor, driver, preference) in [
            ("performance", "acpi-cpufreq", ""),
            ("schedutil", "intel_cpufreq", ""),
            ("powersave", "intel_pstate", "balance_performance"),
            ("powersave", "amd-pstate-epp", "balance_power"),
        ] {
            assert_eq!(of(governor, driver, preference), None, "{governor} {driver}");
        }
        assert_eq!(doubt(&Tree::empty().root()), None);
    }
}
