//! A safetensors file: its header at once, its tensors when asked for.
//!
//! A tensor is read by position and widened piece by piece, so that no more memory is taken than its values need; a mapped file would
//! count as memory of the process, and one that is cut short would kill it. Where the file has a pin, all bytes are
//! hashed before any is used, each tensor apart too, and a tensor that is then read otherwise is refused: what was checked is what is used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};
use sha2::{Digest as _, Sha256};

use super::{damaged, unreadable};
use crate::pin::Pin;
use crate::{Error, Result};

/// The longest header that is read; a 70B checkpoint has less than one MiB.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// Bytes that are read at a time: whole values of every type.
const CHUNK_BYTES: usize = 1 << 20;
/// How files begin that Python unpickles: a ZIP archive, a pickle of protocol 2 to 5.
const PICKLES: [&[u8]; 5] = [b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];

/// An open file whose header holds.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    data_start: u64,
    /// Of each tensor's bytes, if the file was checked.
    digests: BTreeMap<String, [u8; 32]>,
}

impl SafetensorsFile {
    /// Opens a file, and checks all of it if it has a pin.
    pub(super) fn open(path: PathBuf, pin: Option<&Pin>) -> Result<Self> {
        let mut file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let file_bytes = file.metadata().map_err(|error| unreadable(&path, error))?.len();
        if let Some(pin) = pin {
            pin.check_size(&path, file_bytes)?;
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|error| damaged(&path, error))?;
        let header_bytes = u64::from_le_bytes(length);
        if header_bytes > MAX_HEADER_BYTES || header_bytes + 8 > file_bytes {
            if PICKLES.iter().any(|beginning| length.starts_with(beginning)) {
                return Err(Error::Pickle { path });
            }
            return Err(damaged(
                &path,
                format_args!("header of {header_bytes} bytes in a file of {file_bytes}"),
            ));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(|error| damaged(&path, error))?;
        // Deserialising checks that tensors follow each other without gap or overlap, as long as shape and type say.
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(&path, error))?;
        let expected = (metadata.data_len() as u64).checked_add(8 + header_bytes);
        if expected != Some(file_bytes) {
            let said = expected.map_or("more than any file has".to_owned(), |bytes| bytes.to_string());
            return Err(damaged(&path, format_args!("{file_bytes} bytes long, its header says {said}")));
        }
        let data_start = 8 + header_bytes;
        let mut opened = Self { path, file, metadata, data_start, digests: BTreeMap::new() };
        if let Some(pin) = pin {
            opened.check(pin, Sha256::new().chain_update(length).chain_update(header))?;
        }
        Ok(opened)
    }

    /// The names of its tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.metadata.offset_keys().into_iter()
    }

    /// The values of a tensor, if it is there.
    pub(super) fn load(&self, name: &str, shape: &[usize]) -> Option<Result<Vec<f32>>> {
        let info = self.metadata.info(name)?;
        if info.shape != shape {
            let (expected, actual) = (shape.to_vec(), info.shape.clone());
            return Some(Err(Error::ShapeMismatch { name: name.to_owned(), expected, actual }));
        }
        let Some(widen) = widening(info.dtype) else {
            let dtype = format!("{:?}", info.dtype);
            return Some(Err(Error::UnsupportedDtype { name: name.to_owned(), dtype }));
        };
        // No more than the file is long.
        let mut values = Vec::with_capacity(shape.iter().product());
        let mut hash = self.digests.get(name).map(|digest| (Sha256::new(), digest));
        let read = self.read(info.data_offsets, |chunk| {
            if let Some((hash, _)) = &mut hash {
                hash.update(chunk);
            }
            widen(chunk, &mut values);
        });
        let is_same = hash.is_none_or(|(hash, digest)| hash.finalize()[..] == digest[..]);
        Some(match read {
            Ok(()) if is_same => Ok(values),
            Ok(()) => Err(damaged(&self.path, format_args!("tensor `{name}` changed after it was checked"))),
            Err(error) => Err(error),
        })
    }

    /// Hashes the whole file, its first bytes being in `whole` already, and each tensor.
    fn check(&mut self, pin: &Pin, mut whole: Sha256) -> Result<()> {
        let mut digests = BTreeMap::new();
        for name in self.metadata.offset_keys() {
            let Some(info) = self.metadata.info(&name) else { continue };
            let mut own = Sha256::new();
            self.read(info.data_offsets, |chunk| {
                rayon::join(|| whole.update(chunk), || own.update(chunk));
            })?;
            digests.insert(name, own.finalize().into());
        }
        pin.check_digest(&self.path, whole.finalize().into())?;
        self.digests = digests;
        Ok(())
    }

    /// The bytes between two offsets, piece by piece.
    fn read(&self, (start, end): (usize, usize), mut take: impl FnMut(&[u8])) -> Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES.min(end - start)];
        for from in (start..end).step_by(CHUNK_BYTES) {
            let chunk = &mut buffer[..CHUNK_BYTES.min(end - from)];
            let place = self.data_start + from as u64;
            self.file.read_exact_at(chunk, place).map_err(|error| unreadable(&self.path, error))?;
            take(chunk);
        }
        Ok(())
    }
}

/// Appends little-endian values as f32.
type Widen = fn(&[u8], &mut Vec<f32>);

/// How values of a type become f32; every f16 and bf16 has an f32 of the same value.
fn widening(dtype: Dtype) -> Option<Widen> {
    match dtype {
        Dtype::F32 => Some(|bytes, values| {
            values.extend(bytes.as_chunks::<4>().0.iter().map(|quad| f32::from_le_bytes(*quad)));
        }),
        Dtype::BF16 => Some(|bytes, values| {
            values.extend(bytes.as_chunks::<2>().0.iter().map(|pair| bf16::from_le_bytes(*pair).to_f32()));
        }),
        Dtype::F16 => Some(|bytes, values| {
            values.extend(bytes.as_chunks::<2>().0.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()));
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widen(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
        let mut values = Vec::new();
        widening(dtype)?(bytes, &mut values);
        Some(values)
    }

    #[test]
    fn every_half_precision_number_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let (sign, exponent, fraction) = (bits >> 15, i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let expected = match exponent {
                0 => fraction * 2.0_f64.powi(-24),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
            } * if sign == 1 { -1.0 } else { 1.0 };
            let widened = widen(&bits.to_le_bytes(), Dtype::F16).unwrap();
            let actual = f64::from(widened[0]);
            assert!(
                actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan(),
                "{bits:#06x}"
            );
        }
    }

    #[test]
    fn brain_floats_are_the_upper_half() {
        assert_eq!(widen(&[0x80, 0x3f, 0x00, 0xc0], Dtype::BF16), Some(vec![1.0, -2.0]));
        assert_eq!(widen(&[0; 8], Dtype::F64), None);
    }

    #[test]
    fn a_tensor_that_changes_after_the_check_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 8]].concat();
        std::fs::write(&path, &bytes).unwrap();
        let pin = Pin { size_bytes: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() };
        let file = SafetensorsFile::open(path.clone(), Some(&pin)).unwrap();
        let changed = [&bytes[..bytes.len() - 1], &[1]].concat();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&changed, 0).unwrap();
        assert_eq!(file.load("a", &[1]).unwrap().unwrap(), [0.0]);
        let error = file.load("b", &[1]).unwrap().unwrap_err().to_string();
        assert!(error.ends_with("is damaged: tensor `b` changed after it was checked"), "{error}");
    }
}
