//! A system made of the files that a test names.

use std::fs;

use tempfile::TempDir;

use super::root::Root;

/// A folder that stands for `/`; gone when it goes out of scope.
pub(super) struct Tree(TempDir);

impl Tree {
    /// A system of these files: paths relative to `/`, and texts.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// A system that tells nothing.
    pub(super) fn empty() -> Self {
        Self::of(&[])
    }

    /// Writes a file anew.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What readers take.
    pub(super) fn root(&self) -> Root {
        Root::at(self.0.path())
    }
}
