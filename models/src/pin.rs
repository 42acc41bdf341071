//! What a file must be, to the bit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// Bytes that are hashed at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Size and digest of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its length.
    pub size_bytes: u64,
    /// Of all its bytes.
    pub sha256: [u8; 32],
}

/// Files by their path in a folder.
pub type Pins = BTreeMap<String, Pin>;

impl Pin {
    /// Whether the file at `path` has this size and digest; `observe` is told how many bytes are hashed.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or [`Error::Damaged`] which says what differs.
    pub(crate) fn check(&self, path: &Path, mut observe: impl FnMut(u64)) -> Result<()> {
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let mut file = File::open(path).map_err(unreadable)?;
        self.check_size(path, file.metadata().map_err(unreadable)?.len())?;
        let (mut hash, mut hashed) = (Sha256::new(), 0);
        let mut chunk = vec![0; CHUNK_BYTES];
        // No more than it should have: another program may be writing it.
        while hashed < self.size_bytes {
            let length = file.read(&mut chunk).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            hash.update(&chunk[..length]);
            hashed += length as u64;
            observe(hashed);
        }
        self.check_digest(path, hash.finalize().into())
    }

    pub(crate) fn check_size(&self, path: &Path, size_bytes: u64) -> Result<()> {
        if size_bytes == self.size_bytes {
            return Ok(());
        }
        let reason = format!("{size_bytes} bytes long, expected {}", self.size_bytes);
        Err(Error::Damaged { path: path.to_owned(), reason })
    }

    pub(crate) fn check_digest(&self, path: &Path, sha256: [u8; 32]) -> Result<()> {
        if sha256 == self.sha256 {
            return Ok(());
        }
        let reason = format!("its SHA-256 is {}, expected {}", hex(&sha256), hex(&self.sha256));
        Err(Error::Damaged { path: path.to_owned(), reason })
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The digest that 64 lower-case hexadecimal digits say.
pub(crate) fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let pairs = digits.as_bytes().as_chunks::<2>().0;
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 64 && hex(&bytes) == digits).then_some(bytes)
}
