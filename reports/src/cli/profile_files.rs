//! Profiles by the names of files and folders: folders are gone through as they are read, and never listed as a whole.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{Failure, Outcome};

/// As many names of a folder are held at once; a larger folder is read several times.
const PAGE: usize = 1 << 16;

/// The files of a command line in their order; in place of a folder all files `*.json` inside, at any depth, names of a folder
/// ascending. Links are followed where they are named and nowhere else.
pub(super) struct ProfileFiles<'a> {
    named: std::slice::Iter<'a, PathBuf>,
    /// The folder that is read now, behind those that it lies in.
    open: Vec<Folder>,
    /// Of the folder that was named.
    found: u64,
}

/// A folder that has nothing to verify.
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    pub(super) failure: Failure,
}

impl<'a> ProfileFiles<'a> {
    pub(super) fn named(files: &'a [PathBuf]) -> Self {
        Self { named: files.iter(), open: Vec::new(), found: 0 }
    }
}

impl Iterator for ProfileFiles<'_> {
    type Item = Result<PathBuf, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(folder) = self.open.last_mut() else {
                let path = self.named.next()?;
                if !path.is_dir() {
                    return Some(Ok(path.clone()));
                }
                self.found = 0;
                self.open.push(Folder::new(path.clone(), PAGE));
                continue;
            };
            match folder.next() {
                Some(Ok((path, Kind::Folder))) => self.open.push(Folder::new(path, PAGE)),
                Some(Ok((path, Kind::Profile))) => {
                    self.found += 1;
                    return Some(Ok(path));
                }
                Some(Err(error)) => {
                    let error = anyhow!(error).context(format!("cannot read {}", folder.path.display()));
                    let path = std::mem::take(&mut folder.path);
                    self.open.pop();
                    self.found += 1;
                    return Some(Err(unreadable(path, error)));
                }
                None => {
                    let folder = self.open.pop()?;
                    if self.open.is_empty() && self.found == 0 {
                        return Some(Err(unreadable(folder.path, anyhow!("no file *.json inside"))));
                    }
                }
            }
        }
    }
}

fn unreadable(path: PathBuf, error: anyhow::Error) -> Unreadable {
    Unreadable { path, failure: Failure::new(Outcome::BadInput, error) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    Profile,
}

impl Kind {
    fn of(name: &OsStr, file_type: FileType) -> Option<Self> {
        if file_type.is_dir() {
            return Some(Self::Folder);
        }
        let is_profile = file_type.is_file() && Path::new(name).extension() == Some(OsStr::new("json"));
        is_profile.then_some(Self::Profile)
    }
}

/// A folder's entries that matter, names ascending, a page at a time.
struct Folder {
    path: PathBuf,
    page: std::collections::btree_map::IntoIter<OsString, Kind>,
    page_size: usize,
    next_page: NextPage,
}

enum NextPage {
    First,
    Behind(OsString),
    None,
}

impl Folder {
    fn new(path: PathBuf, page_size: usize) -> Self {
        Self { path, page: BTreeMap::new().into_iter(), page_size, next_page: NextPage::First }
    }

    fn turn_page(&mut self) -> io::Result<()> {
        let after = match &self.next_page {
            NextPage::First => None,
            NextPage::Behind(name) => Some(name),
            NextPage::None => return Ok(()),
        };
        let mut page: BTreeMap<OsString, Kind> = BTreeMap::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_full = page.len() == self.page_size;
            if after.is_some_and(|after| name <= *after)
                || is_full && page.last_key_value().is_some_and(|(last, _)| name > *last)
            {
                continue;
            }
            if let Some(kind) = Kind::of(&name, entry.file_type()?) {
                page.insert(name, kind);
            }
            if page.len() > self.page_size {
                page.pop_last();
            }
        }
        self.next_page = match page.last_key_value() {
            Some((last, _)) if page.len() == self.page_size => NextPage::Behind(last.clone()),
            _ => NextPage::None,
        };
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Folder {
    type Item = io::Result<(PathBuf, Kind)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0
            && let Err(error) = self.turn_page()
        {
            return Some(Err(error));
        }
        let (name, kind) = self.page.next()?;
        Some(Ok((self.path.join(name), kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: Folder) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        folder.map(|entry| name(entry.unwrap().0)).collect()
    }

    #[test]
    fn every_page_size_gives_the_same_names_in_their_order() {
        let place = tempfile::tempdir().unwrap();
        for number in [5, 3, 8, 1, 9, 2, 7, 6, 4] {
            fs::write(place.path().join(format!("{number}.json")), "").unwrap();
            fs::write(place.path().join(format!("{number}.txt")), "").unwrap();
        }
        fs::create_dir(place.path().join("55")).unwrap();
        let all =
            ["1.json", "2.json", "3.json", "4.json", "5.json", "55", "6.json", "7.json", "8.json", "9.json"];
        for page_size in [1, 2, 3, 5, 9, 10, 11] {
            assert_eq!(names(Folder::new(place.path().to_owned(), page_size)), all, "{page_size}");
        }
    }

    #[test]
    fn files_come_in_the_order_of_names_at_any_depth_and_links_do_not() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir_all(path("b/deep")).unwrap();
        for name in ["b/deep/z.json", "b/a.json", "c.json", "a.json", "d.toml", ".json"] {
            fs::write(path(name), "").unwrap();
        }
        std::os::unix::fs::symlink(path("a.json"), path("b/link.json")).unwrap();
        std::os::unix::fs::symlink(place.path(), path("b/loop")).unwrap();
        let named = [path("c.json"), place.path().to_owned(), path("absent.json")];
        let found =
            ProfileFiles::named(&named).map(|found| found.unwrap_or_else(|unreadable| unreadable.path));
        let expected = ["c.json", "a.json", "b/a.json", "b/deep/z.json", "c.json", "absent.json"].map(path);
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_folder_without_profiles_is_told() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("empty")).unwrap();
        let named = [place.path().to_owned()];
        let found: Vec<_> = ProfileFiles::named(&named).collect();
        assert!(matches!(&found[..], [Err(unreadable)] if unreadable.path == place.path()));
    }
}
