//! The system's files below a folder that stands for `/`, so that tests bring a system of their own.
//!
//! Paths are relative, as `proc/stat`. A file that is not there, or not as expected, is `None`: it tells nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder in the place of `/`.
#[derive(Clone, Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    /// The machine that this program runs on.
    pub(super) fn of_this_machine() -> Self {
        Self(PathBuf::from("/"))
    }

    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// A file's text, without white space at its ends.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok().map(|text| text.trim().to_owned())
    }

    /// The value of a file that holds nothing else.
    pub(super) fn value<T: FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// The number behind `name` at the beginning of a line: `pswpin 12`, `MemTotal: 16 kB`.
    pub(super) fn field(&self, path: impl AsRef<Path>, name: &str) -> Option<u64> {
        let text = self.text(path)?;
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next() == Some(name)).then(|| words.next())?)?.parse().ok()
    }

    /// The folders in a folder, in order of their names.
    pub(super) fn folders(&self, path: impl AsRef<Path>) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join(&path)).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| path.as_ref().join(entry.file_name())).collect();
        folders.retain(|folder| self.0.join(folder).is_dir());
        folders.sort();
        folders
    }

    /// Whether there is such a file or folder.
    pub(super) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.0.join(path).exists()
    }
}
