use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::root::Root;

/// Whether the machine runs on its battery; those of a mouse or a headset have the scope `Device`.
pub(super) fn doubt(root: &Root) -> Option<Doubt> {
    let supplies = root.folders("sys/class/power_supply");
    let is_discharging = supplies.iter().any(|supply| {
        let says = |name: &str, value: &str| root.text(supply.join(name)).is_some_and(|text| text == value);
        says("type", "Battery") && says("status", "Discharging") && !says("scope", "Device")
    });
    is_discharging.then(|| {
        doubt_of(
            DoubtKind::Battery,
            "the machine runs on its battery",
            "connect the power supply and certify again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn of(kind: &str, status: &str, scope: &str) -> Option<Doubt> {
        let tree = Tree::of(&[
            ("sys/class/power_supply/AC/type", "Mains\n"),
            ("sys/class/power_supply/AC/online", "0\n"),
            ("sys/class/power_supply/BAT0/type", kind),
            ("sys/class/power_supply/BAT0/status", status),
        ]);
        if !scope.is_empty() {
            tree.write("sys/class/power_supply/BAT0/scope", scope);
        }
        doubt(&tree.root())
    }

    #[test]
    fn a_battery_that_is_used_up_raises_a_doubt() {
        assert_eq!(of("Battery\n", "Discharging\n", "").unwrap().kind, DoubtKind::Battery);
        assert!(of("Battery\n", "Discharging\n", "System\n").is_some());
    }

    #[test]
    fn a_battery_that_is_charged_or_a_mouses_or_none_raises_none() {
        assert_eq!(of("Battery\n", "Charging\n", ""), None);
        assert_eq!(of("Battery\n", "Not charging\n", ""), None);
        assert_eq!(of("Battery\n", "Discharging\n", "Device\n"), None);
        assert_eq!(of("UPS\n", "Discharging\n", ""), None);
        assert_eq!(doubt(&Tree::empty().root()), None);
    }
}
