//! A file that appears under its name only when it is complete.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::{Failure, Outcome, key_file};

/// Bytes that are reserved before measuring, so that a full disk is found before the work and not after.
const RESERVED_BYTES: usize = 4 << 20;

/// A place for the result, claimed before the work begins.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    reserved: NamedTempFile,
}

impl OutputFile {
    /// Claims room beside `path`.
    pub(crate) fn reserve(path: &Path) -> Result<Self, Failure> {
        let hint = "choose another place with --out FILE";
        if path.is_dir() {
            let error = anyhow::anyhow!("cannot write {}: it is a folder", path.display());
            return Err(Failure::new(Outcome::CannotWrite, error).hint(hint));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let claim = || -> std::io::Result<NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix(".proofmark-").tempfile_in(folder)?;
            file.write_all(&vec![0; RESERVED_BYTES])?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let reserved = claim()
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Failure::new(Outcome::CannotWrite, error).hint(hint))?;
        Ok(Self { path: path.to_owned(), reserved })
    }

    /// Writes `bytes`, and gives them their name. What cannot be written there is kept in the state folder.
    pub(crate) fn complete(self, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.clone();
        self.persist(bytes).map_err(|error| {
            let failure = |error: anyhow::Error| Failure::new(Outcome::CannotWrite, error);
            let error = error.context(format!("cannot write {}", path.display()));
            match rescue(bytes) {
                Ok(place) => failure(error).hint(format!("the profile was kept as {}", place.display())),
                Err(_) => failure(error).hint("nor could it be kept in the state folder"),
            }
        })
    }

    fn persist(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let file = self.reserved.as_file_mut();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()?;
        set_ordinary_mode(file)?;
        let folder = self.reserved.path().parent().map(Path::to_owned);
        self.reserved.persist(&self.path)?;
        if let Some(folder) = folder {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Temporary files are for their owner alone; a profile is for everyone whom the operator lets read the folder.
fn set_ordinary_mode(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn rescue(bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = key_file::state_folder().map_err(|failure| anyhow::anyhow!("{failure}"))?.join("unsaved");
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new().prefix("profile-").suffix(".json").tempfile_in(&folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let (_, path) = file.keep()?;
    Ok(path)
}
