//! The cache on disk, in the layout of Python's `huggingface_hub` (its guide "Understand caching"): blobs named by the hub's
//! etag, and for each revision a folder of links to them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::{HubError, HubProgress, Observer, unwritable};
use crate::Error;
use crate::pin::Pin;

/// The cache's folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// What the cache has of a file.
pub(super) enum Found {
    /// All its bytes, checked just now.
    Good,
    /// Nothing.
    Absent,
    /// Something else.
    Other(Error),
}

impl Cache {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Looks for a file where Python would look for it, and hashes it.
    pub(super) fn check(&self, address: &Address<'_>, pin: &Pin, observer: &mut Observer<'_>) -> Found {
        let (path, size_bytes) = (address.path, pin.size_bytes);
        let checked = pin.check(&self.place(address), |done_bytes| {
            observer(HubProgress::Checking { path, done_bytes, size_bytes });
        });
        match checked {
            Ok(()) => Found::Good,
            Err(Error::Unreadable { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                Found::Absent
            }
            Err(error) => Found::Other(error),
        }
    }

    /// Where a file of a revision is.
    pub(super) fn place(&self, address: &Address<'_>) -> PathBuf {
        self.snapshot(address.repo, address.revision).join(address.path)
    }

    /// The folder of a revision.
    pub(super) fn snapshot(&self, repo: &str, revision: &str) -> PathBuf {
        self.repo(repo).join("snapshots").join(revision)
    }

    /// Where bytes with this etag are.
    pub(super) fn blob(&self, repo: &str, etag: &str) -> PathBuf {
        self.repo(repo).join("blobs").join(etag)
    }

    /// Waits until no other program writes the blob; the lock is free again when the file is dropped.
    pub(super) fn lock(
        &self,
        address: &Address<'_>,
        etag: &str,
        observer: &mut Observer<'_>,
    ) -> Result<File, HubError> {
        let folder = self.folder.join(".locks").join(folder_name(address.repo));
        let path = folder.join(format!("{etag}.lock"));
        let mut lock = || -> std::io::Result<File> {
            fs::create_dir_all(&folder)?;
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    observer(HubProgress::Waiting { path: address.path });
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        };
        lock().map_err(|error| unwritable(&path, error))
    }

    /// Links a file of a revision to its blob, in place of whatever is there.
    pub(super) fn link(&self, address: &Address<'_>, etag: &str) -> Result<(), HubError> {
        let place = self.place(address);
        // From the file's folder up to the repository's.
        let depth = 2 + address.path.matches('/').count();
        let target = PathBuf::from("../".repeat(depth)).join("blobs").join(etag);
        let mut new = place.clone().into_os_string();
        new.push(".proofmark");
        let link = || -> std::io::Result<()> {
            fs::create_dir_all(place.parent().unwrap_or(&place))?;
            match fs::remove_file(&new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            symlink(&target, &new)?;
            fs::rename(&new, &place)
        };
        link().map_err(|error| unwritable(&place, error))
    }

    fn repo(&self, repo: &str) -> PathBuf {
        self.folder.join(folder_name(repo))
    }
}

fn folder_name(repo: &str) -> String {
    format!("models--{}", repo.replace('/', "--"))
}
