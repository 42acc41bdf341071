//! The header of a GGUF file, from bytes that nobody vouches for.
//!
//! <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little-endian. Sizes are checked against limits and against the file
//! before anything is allocated for them.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::quantized::GgmlDType;

use crate::weights::checked_file::{CHUNK_BYTES, CheckedFile};
use crate::weights::damaged;
use crate::{Error, Result};

/// The longest header that is read; a vocabulary of 256 thousand words has less than 16 MiB.
const MAX_HEADER_BYTES: u64 = 64 << 20;
const MAX_TENSORS: u64 = 1 << 16;
const MAX_FIELDS: u64 = 1 << 12;
const MAX_NAME_BYTES: u64 = 1 << 10;
const MAX_DIMS: u32 = 4;
const MAX_ALIGNMENT: u64 = 1 << 16;
const DEFAULT_ALIGNMENT: u64 = 32;

/// What weights need of a header.
#[derive(Debug)]
pub(super) struct Header {
    /// Fields that are texts.
    pub(super) texts: BTreeMap<String, String>,
    /// Fields that are unsigned 32-bit integers.
    pub(super) numbers: BTreeMap<String, u32>,
    pub(super) tensors: BTreeMap<String, Info>,
    /// Where offsets begin.
    pub(super) data_start: u64,
}

/// Where a tensor lies and how it is stored.
#[derive(Debug)]
pub(super) struct Info {
    /// Slowest axis first, as checkpoints have it.
    pub(super) shape: Vec<usize>,
    /// `None` of formats that are not read.
    pub(super) format: Option<GgmlDType>,
    pub(super) type_number: u32,
    pub(super) offset: u64,
    /// 0 of formats that are not read.
    pub(super) bytes: usize,
}

impl Header {
    pub(super) fn read(file: &CheckedFile) -> Result<Self> {
        let mut bytes =
            Bytes { file, read: Vec::new(), position: 0, end: file.size_bytes().min(MAX_HEADER_BYTES) };
        if bytes.array::<4>()? != *b"GGUF" {
            return Err(bytes.fault("it does not begin with `GGUF`"));
        }
        let version = bytes.u32()?;
        if !(2..=3).contains(&version) {
            return Err(bytes.fault(format_args!("GGUF version {version}, expected 2 or 3")));
        }
        let count = bytes.count("tensors", MAX_TENSORS)?;
        let fields = bytes.count("fields", MAX_FIELDS)?;
        let (mut texts, mut numbers) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..fields {
            let name = bytes.name()?;
            match bytes.u32()? {
                UINT32 => drop(numbers.insert(name, bytes.u32()?)),
                // A chat template may be long, and no weight needs it.
                STRING => {
                    let length = bytes.u64()?;
                    if length <= MAX_NAME_BYTES {
                        texts.insert(name, bytes.text(length)?);
                    } else {
                        bytes.take(length)?;
                    }
                }
                kind => bytes.skip_value(kind)?,
            }
        }
        let alignment =
            numbers.get("general.alignment").map_or(DEFAULT_ALIGNMENT, |number| u64::from(*number));
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(bytes.fault(format_args!("its alignment is {alignment}")));
        }
        let mut tensors = BTreeMap::new();
        for _ in 0..count {
            let name = bytes.name()?;
            let info = bytes.tensor(&name, alignment)?;
            if tensors.insert(name.clone(), info).is_some() {
                return Err(bytes.fault(format_args!("tensor `{name}` is there twice")));
            }
        }
        let data_start = bytes.position.next_multiple_of(alignment);
        check_places(&tensors, file.size_bytes().saturating_sub(data_start), file.path())?;
        Ok(Self { texts, numbers, tensors, data_start })
    }
}

const UINT32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a value of this type; `None` of texts, arrays and what is no type.
fn value_bytes(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// The formats that are read, by their numbers in `ggml_type`.
fn format(type_number: u32) -> Option<GgmlDType> {
    match type_number {
        0 => Some(GgmlDType::F32),
        1 => Some(GgmlDType::F16),
        8 => Some(GgmlDType::Q8_0),
        12 => Some(GgmlDType::Q4K),
        14 => Some(GgmlDType::Q6K),
        30 => Some(GgmlDType::BF16),
        _ => None,
    }
}

/// Each tensor lies in the file, and none in another.
fn check_places(tensors: &BTreeMap<String, Info>, data_bytes: u64, path: &Path) -> Result<()> {
    let mut places: Vec<(u64, u64, &str)> = Vec::with_capacity(tensors.len());
    for (name, info) in tensors {
        let end = info.offset.checked_add(info.bytes as u64).filter(|end| *end <= data_bytes);
        let end =
            end.ok_or_else(|| damaged(path, format_args!("tensor `{name}` reaches beyond the file")))?;
        places.push((info.offset, end, name));
    }
    places.sort_unstable();
    for pair in places.windows(2) {
        let ((_, end, first), (start, _, second)) = (pair[0], pair[1]);
        if start < end {
            return Err(damaged(path, format_args!("tensors `{first}` and `{second}` overlap")));
        }
    }
    Ok(())
}

/// The header's bytes, counted.
struct Bytes<'a> {
    file: &'a CheckedFile,
    /// From the beginning, chunk by chunk.
    read: Vec<u8>,
    position: u64,
    /// Of the file, or of what is read of it.
    end: u64,
}

impl Bytes<'_> {
    fn fault(&self, reason: impl std::fmt::Display) -> Error {
        damaged(self.file.path(), reason)
    }

    /// The next bytes.
    fn take(&mut self, length: u64) -> Result<&[u8]> {
        let start = self.position;
        let end = start.checked_add(length).filter(|end| *end <= self.end);
        let end =
            end.ok_or_else(|| self.fault(format_args!("its header has no end in {} bytes", self.end)))?;
        while (self.read.len() as u64) < end {
            let from = self.read.len() as u64;
            let read = &mut self.read;
            self.file.read(from..self.end.min(from + CHUNK_BYTES), |chunk| read.extend_from_slice(chunk))?;
        }
        self.position = end;
        Ok(&self.read[start as usize..end as usize])
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH]> {
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(self.take(LENGTH as u64)?);
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn count(&mut self, what: &str, most: u64) -> Result<u64> {
        let count = self.u64()?;
        if count > most {
            return Err(self.fault(format_args!("{count} {what}, more than the limit of {most}")));
        }
        Ok(count)
    }

    fn text(&mut self, length: u64) -> Result<String> {
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.fault("a name is no UTF-8"))
    }

    fn name(&mut self) -> Result<String> {
        let length = self.u64()?;
        if length > MAX_NAME_BYTES {
            return Err(self.fault(format_args!("a name of {length} bytes")));
        }
        self.text(length)
    }

    fn skip_value(&mut self, kind: u32) -> Result<()> {
        match (kind, value_bytes(kind)) {
            (_, Some(length)) => self.take(length).map(drop),
            (ARRAY, _) => {
                let kind = self.u32()?;
                let count = self.u64()?;
                match (kind, value_bytes(kind)) {
                    (_, Some(length)) => self.take(count.saturating_mul(length)).map(drop),
                    // Each takes eight bytes of the header at least, so this ends soon.
                    (STRING, _) => (0..count).try_for_each(|_| {
                        let length = self.u64()?;
                        self.take(length).map(drop)
                    }),
                    _ => Err(self.fault(format_args!("an array of values of type {kind}"))),
                }
            }
            _ => Err(self.fault(format_args!("a field of type {kind}"))),
        }
    }

    fn tensor(&mut self, name: &str, alignment: u64) -> Result<Info> {
        let dims = self.u32()?;
        if !(1..=MAX_DIMS).contains(&dims) {
            return Err(self.fault(format_args!("tensor `{name}` has {dims} dimensions")));
        }
        let too_large = |bytes: &Self| bytes.fault(format_args!("tensor `{name}` is too large"));
        let (mut shape, mut elements) = (Vec::with_capacity(dims as usize), 1_usize);
        for _ in 0..dims {
            let size = usize::try_from(self.u64()?).map_err(|_| too_large(self))?;
            elements = elements.checked_mul(size).ok_or_else(|| too_large(self))?;
            shape.push(size);
        }
        let type_number = self.u32()?;
        let offset = self.u64()?;
        if !offset.is_multiple_of(alignment) {
            return Err(
                self.fault(format_args!("tensor `{name}` lies at {offset}, not aligned to {alignment}"))
            );
        }
        let format = format(type_number);
        let bytes = match format {
            None => 0,
            Some(format) if !shape[0].is_multiple_of(format.block_size()) => {
                let width = shape[0];
                return Err(
                    self.fault(format_args!("tensor `{name}` has rows of {width} elements in {format:?}"))
                );
            }
            Some(format) => {
                let bytes = (elements / format.block_size()).checked_mul(format.type_size());
                bytes.ok_or_else(|| too_large(self))?
            }
        };
        shape.reverse();
        Ok(Info { shape, format, type_number, offset, bytes })
    }
}
