//! A file that appears under its name only when it is complete.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::{Failure, Outcome, key_file};

/// Bytes that are reserved before measuring, so that a full disk is found before the work and not after.
const RESERVED_BYTES: usize = 4 << 20;

/// A place for the result, claimed before the work begins.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    folder: PathBuf,
    /// Without a name, so that it is gone however the program ends.
    reserved: File,
}

impl OutputFile {
    /// Claims room beside `path`, which the user gives by `option`.
    pub(crate) fn reserve(path: &Path, option: &str) -> Result<Self, Failure> {
        let hint = format!("choose another place with {option} FILE");
        if path.is_dir() {
            let error = anyhow::anyhow!("cannot write {}: it is a folder", path.display());
            return Err(Failure::new(Outcome::CannotWrite, error).hint(hint));
        }
        let folder = folder_of(path);
        let claim = || -> std::io::Result<File> {
            let mut file = tempfile::tempfile_in(folder)?;
            file.write_all(&vec![0; RESERVED_BYTES])?;
            file.sync_all()?;
            Ok(file)
        };
        let reserved = claim()
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Failure::new(Outcome::CannotWrite, error).hint(hint))?;
        Ok(Self { path: path.to_owned(), folder: folder.to_owned(), reserved })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both would be written to one name.
    pub(crate) fn has_place_of(&self, other: &Self) -> bool {
        let place =
            |file: &Self| (file.folder.canonicalize().ok(), file.path.file_name().map(OsStr::to_owned));
        place(self) == place(other)
    }

    /// Writes `bytes`, and gives them their name. What cannot be written there is kept in the state folder.
    pub(crate) fn complete(self, bytes: &[u8]) -> Result<(), Failure> {
        let Self { path, folder, reserved } = self;
        drop(reserved);
        replace(&folder, &path, bytes).map_err(|error| {
            let error = error.context(format!("cannot write {}", path.display()));
            keep(bytes, Failure::new(Outcome::CannotWrite, error))
        })
    }
}

fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".proofmark-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    set_ordinary_mode(file.as_file())?;
    file.persist(path)?;
    sync_folder_of(path)?;
    Ok(())
}

/// Keeps a result that cannot have its place in the state folder; the failure then says where.
pub(crate) fn keep(bytes: &[u8], failure: Failure) -> Failure {
    match rescue(bytes) {
        Ok(place) => failure.hint(format!("it was kept as {}", place.display())),
        Err(_) => failure.hint("nor could it be kept in the state folder"),
    }
}

/// Writes a small file that appears complete or not at all, for its owner alone; one that is there already stays.
///
/// # Errors
/// When it cannot be written, or is there.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".proofmark-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder_of(path)
}

/// Waits until the folder that holds `path` is on disk, and with it the name.
pub(crate) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are for their owner alone; a profile is for everyone whom the operator lets read the folder.
fn set_ordinary_mode(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn rescue(bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = key_file::state_folder().map_err(|failure| anyhow::anyhow!("{failure}"))?.join("unsaved");
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new().prefix("result-").suffix(".json").tempfile_in(&folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let (_, path) = file.keep()?;
    Ok(path)
}
