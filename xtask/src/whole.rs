//! Files that have their names once they are whole: write, fsync, rename.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// What a file may be used for.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Program = 0o755,
    Document = 0o644,
}

/// Writes a file and its folders.
pub(crate) fn write(path: &Path, mode: Mode, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let (folder, name) = (path.parent().with_context(cannot)?, path.file_name().with_context(cannot)?);
    let partial = folder.join(format!(".{}.partial", name.display()));
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(mode as u32))?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(folder)?.sync_all()
    };
    written().with_context(cannot)
}
