//! SHA-256 over length-prefixed fields, so that no two lists of fields have the same bytes.
//!
//! Layout: each field is its length in bytes as a little-endian u64, then its bytes. The first field is a label that
//! names the use and its version.

use sha2::{Digest, Sha256};

/// A hash in the making.
pub(crate) struct FramedHash(Sha256);

impl FramedHash {
    pub(crate) fn new(label: &str) -> Self {
        Self(Sha256::new()).field(label.as_bytes())
    }

    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// A field of little-endian f32 bit patterns, without collecting them first.
    pub(crate) fn floats(mut self, values: &[f32]) -> Self {
        self.0.update((values.len() as u64 * 4).to_le_bytes());
        let mut buffer = [0_u8; 4096];
        for values in values.chunks(buffer.len() / 4) {
            for (bytes, value) in buffer.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            self.0.update(&buffer[..values.len() * 4]);
        }
        self
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
