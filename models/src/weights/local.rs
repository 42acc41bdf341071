//! Weights from a folder in the Hugging Face layout: `model.safetensors`, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};
use serde::Deserialize;

use super::damaged;
use crate::{Error, Result};

/// The longest header that is read; a 70B checkpoint has less than one MiB.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// The tensors of a folder, read from disk when asked for.
#[derive(Debug)]
pub(super) struct Local {
    files: BTreeMap<String, SafetensorsFile>,
    /// Tensor name to file name.
    file_of: BTreeMap<String, String>,
}

#[derive(Debug)]
struct SafetensorsFile {
    path: PathBuf,
    metadata: Metadata,
    data_start: u64,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Local {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let single = folder.join("model.safetensors");
        let index_path = folder.join("model.safetensors.index.json");
        if !single.exists() && index_path.exists() {
            return Self::open_shards(folder, &index_path);
        }
        let file = SafetensorsFile::open(single)?;
        let name = "model.safetensors".to_owned();
        let file_of = file.metadata.tensors().into_keys().map(|tensor| (tensor, name.clone())).collect();
        Ok(Self { files: BTreeMap::from([(name, file)]), file_of })
    }

    fn open_shards(folder: &Path, index_path: &Path) -> Result<Self> {
        let text = fs::read(index_path).map_err(|error| unreadable(index_path, error))?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| damaged(index_path, error))?;
        let mut files = BTreeMap::new();
        for name in index.weight_map.values().cloned().collect::<BTreeSet<_>>() {
            if Path::new(&name).file_name() != Some(name.as_ref()) {
                return Err(damaged(index_path, format_args!("shard `{name}` is no plain file name")));
            }
            let file = SafetensorsFile::open(folder.join(&name))?;
            files.insert(name, file);
        }
        Ok(Self { files, file_of: index.weight_map })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.file_of.contains_key(name)
    }

    pub(super) fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let missing = || Error::MissingTensor { name: name.to_owned() };
        let file = self.file_of.get(name).and_then(|file| self.files.get(file)).ok_or_else(missing)?;
        let info = file.metadata.info(name).ok_or_else(missing)?;
        if info.shape != shape {
            let (expected, actual) = (shape.to_vec(), info.shape.clone());
            return Err(Error::ShapeMismatch { name: name.to_owned(), expected, actual });
        }
        let (start, end) = info.data_offsets;
        let bytes = file.read(start as u64, end - start)?;
        widen(&bytes, info.dtype).ok_or_else(|| Error::UnsupportedDtype {
            name: name.to_owned(),
            dtype: format!("{:?}", info.dtype),
        })
    }
}

impl SafetensorsFile {
    fn open(path: PathBuf) -> Result<Self> {
        let mut file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let file_bytes = file.metadata().map_err(|error| unreadable(&path, error))?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|error| damaged(&path, error))?;
        let header_bytes = u64::from_le_bytes(length);
        if header_bytes > MAX_HEADER_BYTES || header_bytes + 8 > file_bytes {
            return Err(damaged(
                &path,
                format_args!("header of {header_bytes} bytes in a file of {file_bytes}"),
            ));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(|error| damaged(&path, error))?;
        // Deserialising checks offsets against shapes and types.
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(&path, error))?;
        let expected = 8 + header_bytes + metadata.data_len() as u64;
        if expected != file_bytes {
            return Err(damaged(&path, format_args!("{file_bytes} bytes long, its header says {expected}")));
        }
        Ok(Self { path, metadata, data_start: 8 + header_bytes })
    }

    fn read(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut file = File::open(&self.path).map_err(|error| unreadable(&self.path, error))?;
        file.seek(SeekFrom::Start(self.data_start + start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| unreadable(&self.path, error))?;
        Ok(bytes)
    }
}

/// Little-endian values as f32; every f16 and bf16 has an f32 of the same value.
fn widen(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let (quads, _) = bytes.as_chunks::<4>();
    match dtype {
        Dtype::F32 => Some(quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect()),
        Dtype::BF16 => Some(pairs.iter().map(|pair| bf16::from_le_bytes(*pair).to_f32()).collect()),
        Dtype::F16 => Some(pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect()),
        _ => None,
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
