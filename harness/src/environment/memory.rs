use super::cgroup::{Group, MAX_SAFE, groups};
use super::root::Root;

const MEMINFO: &str = "proc/meminfo";

/// What the machine has.
pub(super) fn installed_bytes(root: &Root) -> Option<u64> {
    Some(root.field(MEMINFO, "MemTotal:")? * 1024)
}

/// The tightest limit of the control groups.
pub(super) fn cgroup_limit_bytes(root: &Root) -> Option<u64> {
    groups(root, "memory").iter().filter_map(|group| limit(root, group)).min()
}

/// What a new process could take: what the kernel says that it can find without swapping, and no more than any control group
/// leaves. File cache that a group has not used lately counts as free, since the kernel gives it back first.
pub(super) fn available_bytes(root: &Root) -> Option<u64> {
    let machine = root.field(MEMINFO, "MemAvailable:").map(|kibibytes| kibibytes * 1024);
    let groups = groups(root, "memory");
    let left = groups.iter().filter_map(|group| {
        let used: u64 = root.value(group.file("memory.current", "memory.usage_in_bytes"))?;
        let name = group.of_version("inactive_file", "total_inactive_file");
        let cache = root.field(group.file("memory.stat", "memory.stat"), name).unwrap_or(0);
        Some(limit(root, group)?.saturating_sub(used.saturating_sub(cache)))
    });
    machine.into_iter().chain(left).min()
}

/// `max`, or version 1's astronomical default, is none.
fn limit(root: &Root, group: &Group) -> Option<u64> {
    root.value(group.file("memory.max", "memory.limit_in_bytes")).filter(|limit| *limit <= MAX_SAFE)
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    const MEMORY: (&str, &str) =
        ("proc/meminfo", "MemTotal: 2000 kB\nMemFree: 100 kB\nMemAvailable: 1000 kB\n");

    #[test]
    fn without_limits_the_machine_counts() {
        let root = Tree::of(&[MEMORY]);
        let root = root.root();
        let told = (installed_bytes(&root), available_bytes(&root), cgroup_limit_bytes(&root));
        assert_eq!(told, (Some(2000 * 1024), Some(1000 * 1024), None));
        assert_eq!(available_bytes(&Tree::empty().root()), None);
    }

    #[test]
    fn an_ancestor_of_version_2_leaves_its_limit_less_what_is_used_but_for_idle_cache() {
        let tree = Tree::of(&[
            MEMORY,
            ("proc/self/cgroup", "0::/outer/inner"),
            ("sys/fs/cgroup/cgroup.controllers", "memory"),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "300000\n"),
            ("sys/fs/cgroup/outer/memory.max", "900000\n"),
            ("sys/fs/cgroup/outer/memory.current", "500000\n"),
            ("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 50000\n"),
        ]);
        assert_eq!(cgroup_limit_bytes(&tree.root()), Some(900_000));
        assert_eq!(available_bytes(&tree.root()), Some(450_000));
        tree.write("sys/fs/cgroup/outer/memory.current", "990000");
        assert_eq!(available_bytes(&tree.root()), Some(0));
    }

    #[test]
    fn version_1_counts_alike_and_its_default_is_no_limit() {
        let tree = Tree::of(&[
            MEMORY,
            ("proc/self/cgroup", "4:memory:/mine"),
            ("sys/fs/cgroup/memory/mine/memory.limit_in_bytes", "800000\n"),
            ("sys/fs/cgroup/memory/mine/memory.usage_in_bytes", "300000\n"),
            ("sys/fs/cgroup/memory/mine/memory.stat", "inactive_file 7\ntotal_inactive_file 100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n"),
        ]);
        assert_eq!(cgroup_limit_bytes(&tree.root()), Some(800_000));
        assert_eq!(available_bytes(&tree.root()), Some(600_000));
    }
}
