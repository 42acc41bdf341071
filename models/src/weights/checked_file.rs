//! A file of weights, read by position.
//!
//! Where it has a pin, all bytes are hashed before any is used, each chunk apart too, and a chunk that is then read otherwise is refused:
//! what was checked is what is used. A mapped file would count as memory of the process, and one that is cut short would kill it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{damaged, unreadable};
use crate::Result;
use crate::pin::Pin;

/// Bytes that are read at a time.
pub(super) const CHUNK_BYTES: u64 = 1 << 18;

/// An open file.
#[derive(Debug)]
pub(super) struct CheckedFile {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    /// Of each chunk, if the file has a pin.
    digests: Option<Vec<[u8; 32]>>,
}

impl CheckedFile {
    /// Opens a file, and checks all of it if it has a pin.
    pub(super) fn open(path: PathBuf, pin: Option<&Pin>) -> Result<Self> {
        let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let size_bytes = file.metadata().map_err(|error| unreadable(&path, error))?.len();
        let mut opened = Self { path, file, size_bytes, digests: None };
        if let Some(pin) = pin {
            pin.check_size(&opened.path, size_bytes)?;
            let (mut whole, mut digests) = (Sha256::new(), Vec::new());
            opened.read(0..size_bytes, |chunk| {
                let (_, digest) = rayon::join(|| whole.update(chunk), || Sha256::digest(chunk));
                digests.push(digest.into());
            })?;
            pin.check_digest(&opened.path, whole.finalize().into())?;
            opened.digests = Some(digests);
        }
        Ok(opened)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Some bytes, piece by piece.
    pub(super) fn read(&self, range: Range<u64>, mut take: impl FnMut(&[u8])) -> Result<()> {
        if range.end > self.size_bytes {
            return Err(damaged(&self.path, format_args!("it ends after {} bytes", self.size_bytes)));
        }
        let mut buffer = vec![0; CHUNK_BYTES.min(self.size_bytes) as usize];
        let mut from = range.start;
        while from < range.end {
            let index = from / CHUNK_BYTES;
            let chunk = index * CHUNK_BYTES..self.size_bytes.min((index + 1) * CHUNK_BYTES);
            let end = range.end.min(chunk.end);
            // Only a whole chunk can be checked.
            let read = if self.digests.is_some() { chunk } else { from..end };
            let bytes = &mut buffer[..(read.end - read.start) as usize];
            self.file.read_exact_at(bytes, read.start).map_err(|error| unreadable(&self.path, error))?;
            let digest = self.digests.as_ref().map(|digests| digests[index as usize]);
            if digest.is_some_and(|digest| Sha256::digest(&*bytes)[..] != digest) {
                let fact =
                    format_args!("bytes {} to {} changed after they were checked", read.start, read.end);
                return Err(damaged(&self.path, fact));
            }
            take(&bytes[(from - read.start) as usize..(end - read.start) as usize]);
            from = end;
        }
        Ok(())
    }

    /// Some bytes at once.
    pub(super) fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>> {
        // No more than the file is long.
        let length = range.end.min(self.size_bytes).saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(length as usize);
        self.read(range, |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    fn written(bytes: &[u8]) -> (TempDir, PathBuf, Pin) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        fs::write(&path, bytes).unwrap();
        (folder, path, Pin { size_bytes: bytes.len() as u64, sha256: Sha256::digest(bytes).into() })
    }

    fn numbered(count: u64) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn a_chunk_that_changes_after_the_check_is_refused() {
        let bytes = numbered(2 * CHUNK_BYTES + 10);
        let (_folder, path, pin) = written(&bytes);
        let file = CheckedFile::open(path.clone(), Some(&pin)).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(&[255], CHUNK_BYTES + 5)
            .unwrap();
        assert_eq!(file.bytes(7..CHUNK_BYTES).unwrap(), bytes[7..CHUNK_BYTES as usize]);
        assert_eq!(file.bytes(2 * CHUNK_BYTES..2 * CHUNK_BYTES + 10).unwrap().len(), 10);
        for range in [CHUNK_BYTES..CHUNK_BYTES + 1, 0..2 * CHUNK_BYTES] {
            let error = file.bytes(range).unwrap_err().to_string();
            assert!(error.ends_with("bytes 262144 to 524288 changed after they were checked"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_as_pinned_is_refused_before_anything_is_read() {
        let (_folder, path, pin) = written(b"weights");
        for (wrong, fact) in [
            (Pin { size_bytes: 8, ..pin.clone() }, "7 bytes long, expected 8"),
            (Pin { sha256: [0; 32], ..pin }, "its SHA-256 is"),
        ] {
            let error = CheckedFile::open(path.clone(), Some(&wrong)).unwrap_err().to_string();
            assert!(error.contains(fact), "{error}");
        }
        let error = CheckedFile::open(path, None).unwrap().bytes(0..8).unwrap_err().to_string();
        assert!(error.ends_with("it ends after 7 bytes"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_range_is_read_with_and_without_pin(
            size in prop_oneof![0..9_u64, CHUNK_BYTES - 3..CHUNK_BYTES + 4, 2 * CHUNK_BYTES..2 * CHUNK_BYTES + 3],
            ends in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let (_folder, path, pin) = written(&numbered(size));
            let (a, b) = (ends.0.index(size as usize + 1), ends.1.index(size as usize + 1));
            let (start, end) = (a.min(b), a.max(b));
            for pin in [None, Some(&pin)] {
                let file = CheckedFile::open(path.clone(), pin).unwrap();
                prop_assert_eq!(&file.bytes(start as u64..end as u64).unwrap(), &numbered(size)[start..end]);
            }
        }
    }
}
