//! The processors that this process may run on.

use super::root::Root;

/// As the kernel lists them; all where it does not.
pub(super) struct Allowed(Option<String>);

impl Allowed {
    pub(super) fn read(root: &Root) -> Self {
        let text = root.text("proc/self/status").unwrap_or_default();
        let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        Self(list.map(|list| list.trim().to_owned()))
    }

    /// Whether it may run on the processor that the kernel calls `cpu3` or the like.
    pub(super) fn contains(&self, name: &str) -> bool {
        let Some(number) = name.strip_prefix("cpu").and_then(|number| number.parse::<u32>().ok()) else {
            return false;
        };
        let is_in = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&number))
        };
        self.0.as_ref().is_none_or(|list| list.split(',').any(is_in))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn ranges_and_single_processors_are_told_apart() {
        let tree = Tree::of(&[("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1,4,10-11\n")]);
        let allowed = Allowed::read(&tree.root());
        let names = ["cpu0", "cpu1", "cpu2", "cpu4", "cpu5", "cpu11", "cpu12", "cpu", "cpufreq", "cpuidle"];
        let found: Vec<_> = names.into_iter().filter(|name| allowed.contains(name)).collect();
        assert_eq!(found, ["cpu0", "cpu1", "cpu4", "cpu11"]);
    }

    #[test]
    fn where_the_kernel_lists_none_all_are_allowed() {
        let allowed = Allowed::read(&Tree::empty().root());
        assert!(allowed.contains("cpu63") && !allowed.contains("cpu"));
    }
}
