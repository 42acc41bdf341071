//! The files of a release, each under its name only when complete, with their digests as `sha256sum --check` reads them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use crate::sha256;
use crate::whole::{self, Mode};

const DIGESTS: &str = "SHA256SUMS";

/// Files by name.
#[derive(Default)]
pub(super) struct Shelf {
    files: BTreeMap<String, (Mode, Vec<u8>)>,
}

impl Shelf {
    pub(super) fn add(&mut self, name: &str, mode: Mode, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), (mode, bytes));
    }

    /// Writes all files into a folder that holds nothing else then, the digests last, and returns these.
    pub(super) fn write(&self, folder: &Path) -> Result<String> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(folder)?,
        }
        for (name, (mode, bytes)) in &self.files {
            whole::write(&folder.join(name), *mode, bytes)?;
        }
        let line = |(name, (_, bytes)): (&String, &(Mode, Vec<u8>))| format!("{}  {name}\n", sha256(bytes));
        let digests: String = self.files.iter().map(line).collect();
        whole::write(&folder.join(DIGESTS), Mode::Document, digests.as_bytes())?;
        Ok(digests)
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_shelf_holds_its_files_and_their_digests_and_nothing_else() {
        let folder = env::temp_dir().join(format!("proofmark-shelf-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("of-an-earlier-release"), "old").unwrap();
        let mut shelf = Shelf::default();
        shelf.add("program", Mode::Program, b"abc".to_vec());
        shelf.add("bill", Mode::Document, Vec::new());
        let digests = shelf.write(&folder).unwrap();
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let mode = |name| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        let modes = [mode("program"), mode("bill"), mode(DIGESTS)];
        let written = fs::read_to_string(folder.join(DIGESTS)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(modes, [0o755, 0o644, 0o644]);
        assert_eq!(written, digests);
        // FIPS 180-4's digests of nothing and of "abc".
        assert_eq!(
            digests,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  bill\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  program\n"
        );
    }
}
