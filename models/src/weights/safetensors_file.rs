//! A safetensors file: its header at once, its tensors when asked for.
//!
//! A tensor is widened piece by piece, so that no more memory is taken than its values need.

use std::path::PathBuf;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};

use super::checked_file::CheckedFile;
use super::damaged;
use crate::pin::Pin;
use crate::{Error, Result};

/// The longest header that is read; a 70B checkpoint has less than one MiB.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// How files begin that Python unpickles: a ZIP archive, a pickle of protocol 2 to 5.
const PICKLES: [&[u8]; 5] = [b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];

/// An open file whose header holds.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    file: CheckedFile,
    metadata: Metadata,
    data_start: u64,
}

impl SafetensorsFile {
    /// Opens a file, and checks all of it if it has a pin.
    pub(super) fn open(path: PathBuf, pin: Option<&Pin>) -> Result<Self> {
        let file = CheckedFile::open(path, pin)?;
        let (path, file_bytes) = (file.path(), file.size_bytes());
        let length = file.bytes(0..8)?;
        let header_bytes = length.iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        if header_bytes > MAX_HEADER_BYTES || header_bytes + 8 > file_bytes {
            if PICKLES.iter().any(|beginning| length.starts_with(beginning)) {
                return Err(Error::Pickle { path: path.to_owned() });
            }
            let fact = format_args!("header of {header_bytes} bytes in a file of {file_bytes}");
            return Err(damaged(path, fact));
        }
        let data_start = 8 + header_bytes;
        let header = file.bytes(8..data_start)?;
        // Deserialising checks that tensors follow each other without gap or overlap, as long as shape and type say.
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(path, error))?;
        let expected = (metadata.data_len() as u64).checked_add(data_start);
        if expected != Some(file_bytes) {
            let said = expected.map_or("more than any file has".to_owned(), |bytes| bytes.to_string());
            return Err(damaged(path, format_args!("{file_bytes} bytes long, its header says {said}")));
        }
        Ok(Self { file, metadata, data_start })
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
        let Some((width, widen)) = widening(info.dtype) else {
            let dtype = format!("{:?}", info.dtype);
            return Some(Err(Error::UnsupportedDtype { name: name.to_owned(), dtype }));
        };
        let (start, end) = info.data_offsets;
        let (mut values, mut pending) = (Vec::with_capacity((end - start) / width), Vec::new());
        let read = self.file.read(self.data_start + start as u64..self.data_start + end as u64, |piece| {
            // A piece may end within a value.
            pending.extend_from_slice(piece);
            let whole = pending.len() / width * width;
            widen(&pending[..whole], &mut values);
            pending.drain(..whole);
        });
        Some(read.map(|()| values))
    }
}

/// Appends little-endian values as f32.
type Widen = fn(&[u8], &mut Vec<f32>);

/// The width of a type's values, and how they become f32; every f16 and bf16 has an f32 of the same value.
fn widening(dtype: Dtype) -> Option<(usize, Widen)> {
    match dtype {
        Dtype::F32 => Some((4, |bytes, values| {
            values.extend(bytes.as_chunks::<4>().0.iter().map(|quad| f32::from_le_bytes(*quad)));
        })),
        Dtype::BF16 => Some((2, |bytes, values| {
            values.extend(bytes.as_chunks::<2>().0.iter().map(|pair| bf16::from_le_bytes(*pair).to_f32()));
        })),
        Dtype::F16 => Some((2, |bytes, values| {
            values.extend(bytes.as_chunks::<2>().0.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()));
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widen(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
        let mut values = Vec::new();
        let (_, widen) = widening(dtype)?;
        widen(bytes, &mut values);
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
    fn values_that_lie_across_chunks_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let numbers: Vec<f32> = (0..200_000).map(|number| number as f32).collect();
        // One byte of padding or none puts the values at every place beside the chunks.
        for padding in ["", " ", "  ", "   "] {
            let header =
                format!(r#"{{"a":{{"dtype":"F32","shape":[200000],"data_offsets":[0,800000]}}}}{padding}"#);
            let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat();
            std::fs::write(&path, &bytes).unwrap();
            let file = SafetensorsFile::open(path.clone(), None).unwrap();
            assert_eq!(file.load("a", &[200_000]).unwrap().unwrap(), numbers);
        }
    }
}
