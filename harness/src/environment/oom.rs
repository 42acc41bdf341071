//! Processes that the kernel killed for lack of memory.

use super::cgroup::groups;
use super::root::Root;

/// How many, as far back as the kernel counts: in the innermost control group that counts, which holds the cells too, or else on the
/// machine. A rise while a process died by signal 9 tells why.
pub(super) fn kills(root: &Root) -> Option<u64> {
    let groups = groups(root, "memory");
    let in_group = |group| root.field(group, "oom_kill");
    let mut files = groups.iter().map(|group| group.file("memory.events", "memory.oom_control"));
    files.find_map(in_group).or_else(|| root.field("proc/vmstat", "oom_kill"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn the_innermost_group_that_counts_is_asked_before_the_machine() {
        let tree = Tree::of(&[("proc/vmstat", "nr_free_pages 5\noom_kill 9\n")]);
        assert_eq!(kills(&tree.root()), Some(9));
        tree.write("proc/self/cgroup", "0::/a/b");
        tree.write("sys/fs/cgroup/cgroup.controllers", "memory");
        tree.write("sys/fs/cgroup/a/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n");
        assert_eq!(kills(&tree.root()), Some(2));
        tree.write("sys/fs/cgroup/a/b/memory.events", "oom 1\noom_kill 1\n");
        assert_eq!(kills(&tree.root()), Some(1));
    }

    #[test]
    fn version_1_counts_and_a_system_that_does_not_tells_nothing() {
        let tree = Tree::of(&[
            ("proc/self/cgroup", "4:memory:/m"),
            ("sys/fs/cgroup/memory/m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
        ]);
        assert_eq!((kills(&tree.root()), kills(&Tree::empty().root())), (Some(4), None));
    }
}
