//! Control groups: what is set for this process's group or for any ancestor binds it.

use std::path::{Component, Path, PathBuf};

use super::root::Root;

/// Beyond what a profile's integers hold there is no limit worth the name.
pub(super) const MAX_SAFE: u64 = (1 << 53) - 1;

const MOUNTS: &str = "sys/fs/cgroup";

/// One of the groups that hold this process.
pub(super) struct Group {
    pub(super) version: Version,
    /// Relative to the root.
    pub(super) folder: PathBuf,
}

/// Of the kernel's interface.
#[derive(Clone, Copy)]
pub(super) enum Version {
    One,
    Two,
}

impl Group {
    /// A control file under the name that it has in version 2 and in version 1.
    pub(super) fn file(&self, version_2: &str, version_1: &str) -> PathBuf {
        self.folder.join(self.of_version(version_2, version_1))
    }

    /// What of both belongs to the group's version.
    pub(super) fn of_version<T>(&self, version_2: T, version_1: T) -> T {
        match self.version {
            Version::Two => version_2,
            Version::One => version_1,
        }
    }
}

/// This process's group in the hierarchy of `controller` and its ancestors, from the innermost; version 2's hierarchy holds all
/// controllers. Folders that this process cannot see are among them.
pub(super) fn groups(root: &Root, controller: &str) -> Vec<Group> {
    let text = root.text("proc/self/cgroup").unwrap_or_default();
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(own)) = (fields.next(), fields.next()) else { continue };
        let (version, mount) = if controllers.is_empty() {
            // Beside version 1, version 2 has a folder of its own.
            let is_alone = root.has(Path::new(MOUNTS).join("cgroup.controllers"));
            (Version::Two, Path::new(MOUNTS).join(if is_alone { "" } else { "unified" }))
        } else if controllers.split(',').any(|name| name == controller) {
            (Version::One, Path::new(MOUNTS).join(controller))
        } else {
            continue;
        };
        // In a container the mount is often the group itself, whatever path the kernel gives.
        let own = Path::new(own).components().filter(|part| matches!(part, Component::Normal(_)));
        let innermost = mount.join(own.collect::<PathBuf>());
        let folders = innermost.ancestors().take_while(|folder| folder.starts_with(&mount));
        groups.extend(folders.map(|folder| Group { version, folder: folder.to_owned() }));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    fn files(tree: &Tree) -> Vec<String> {
        let groups = groups(&tree.root(), "memory");
        groups.iter().map(|group| group.file("two", "one").display().to_string()).collect()
    }

    #[test]
    fn version_2_has_one_hierarchy() {
        let tree =
            Tree::of(&[("proc/self/cgroup", "0::/a/b\n"), ("sys/fs/cgroup/cgroup.controllers", "memory")]);
        assert_eq!(files(&tree), ["sys/fs/cgroup/a/b/two", "sys/fs/cgroup/a/two", "sys/fs/cgroup/two"]);
    }

    #[test]
    fn version_1_has_a_hierarchy_a_controller_and_version_2_beside_it() {
        let tree = Tree::of(&[("proc/self/cgroup", "5:cpu,cpuacct:/c\n4:memory,x:/a\n0::/\n")]);
        let expected =
            ["sys/fs/cgroup/memory/a/one", "sys/fs/cgroup/memory/one", "sys/fs/cgroup/unified/two"];
        assert_eq!(files(&tree), expected);
    }

    #[test]
    fn a_path_outside_of_the_mount_is_not_followed() {
        let tree = Tree::of(&[("proc/self/cgroup", "0::/../../etc\nnonsense\n")]);
        assert!(
            files(&tree)
                .iter()
                .all(|file| file.starts_with("sys/fs/cgroup/unified/") && !file.contains("..")),
            "{:?}",
            files(&tree)
        );
        assert!(groups(&Tree::empty().root(), "memory").is_empty());
    }
}
