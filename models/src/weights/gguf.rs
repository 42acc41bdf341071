//! Weights from a GGUF file, as llama.cpp's converter writes them for the Llama family.
//!
//! Tensors have the converter's names, and the rows of queries and keys its order; both are brought back to those of the checkpoint. A block
//! stands for exact numbers or, in the K formats, for real numbers that are rounded once to binary32 (`EXACT.md`, section 1), so such weights
//! serve all numerics.

mod header;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};

use self::header::{Header, Info};
use super::checked_file::CheckedFile;
use super::{damaged, unreadable};
use crate::pin::{Pin, Pins};
use crate::{Error, Result};

/// The architecture whose tensors these names and this order are of.
const ARCHITECTURE: &str = "llama";

/// A file whose header has been read; tensors are read from disk when asked for.
#[derive(Debug)]
pub(super) struct Gguf {
    file: CheckedFile,
    data_start: u64,
    tensors: BTreeMap<String, Info>,
    heads: usize,
    kv_heads: usize,
}

/// What a converter does with a tensor.
struct Place {
    name: String,
    /// Heads whose rows are reordered.
    heads: Option<usize>,
}

impl Gguf {
    /// Opens a file, and checks all of it if it has a pin.
    pub(super) fn open(path: PathBuf, pin: Option<&Pin>) -> Result<Self> {
        let file = CheckedFile::open(path, pin)?;
        let Header { texts, numbers, tensors, data_start } = Header::read(&file)?;
        let path = file.path();
        match texts.get("general.architecture").map(String::as_str) {
            Some(ARCHITECTURE) => {}
            other => {
                let found = other.unwrap_or("none");
                let fact = format_args!("its architecture is `{found}`, expected `{ARCHITECTURE}`");
                return Err(damaged(path, fact));
            }
        }
        let heads = |field: &str| {
            let number = numbers.get(field).copied().filter(|number| *number > 0);
            number.and_then(|number| usize::try_from(number).ok())
        };
        let field = "llama.attention.head_count";
        let query = heads(field).ok_or_else(|| damaged(path, format_args!("it has no `{field}`")))?;
        let kv_heads = heads("llama.attention.head_count_kv").unwrap_or(query);
        Ok(Self { file, data_start, tensors, heads: query, kv_heads })
    }

    /// Whether the tensor of that name in a checkpoint is there.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.place(name).is_some_and(|place| self.tensors.contains_key(&place.name))
    }

    /// The values of a tensor, by its name in a checkpoint.
    pub(super) fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (format, bytes) = self.stored(name, shape)?;
        let storage = QStorage::from_data(Cow::Owned(bytes), &Device::Cpu, format)?;
        let values = QTensor::new(storage, shape)?.dequantize(&Device::Cpu)?;
        Ok(values.flatten_all()?.to_vec1()?)
    }

    /// The blocks of a tensor where it is stored in Q8_0, row after row.
    pub(super) fn q8_0_blocks(&self, name: &str, shape: &[usize]) -> Result<Option<Vec<u8>>> {
        let (format, bytes) = self.stored(name, shape)?;
        Ok((format == GgmlDType::Q8_0).then_some(bytes))
    }

    /// The bytes of a tensor, its rows in the checkpoint's order.
    fn stored(&self, name: &str, shape: &[usize]) -> Result<(GgmlDType, Vec<u8>)> {
        let missing = || Error::MissingTensor { name: name.to_owned() };
        let place = self.place(name).ok_or_else(missing)?;
        let info = self.tensors.get(&place.name).ok_or_else(missing)?;
        if info.shape != shape {
            let (expected, actual) = (shape.to_vec(), info.shape.clone());
            return Err(Error::ShapeMismatch { name: name.to_owned(), expected, actual });
        }
        let format = info.format.ok_or_else(|| Error::UnsupportedDtype {
            name: name.to_owned(),
            dtype: format!("GGUF type {}", info.type_number),
        })?;
        let start = self.data_start + info.offset;
        let mut bytes = self.file.bytes(start..start + info.bytes as u64)?;
        if let Some(heads) = place.heads {
            bytes = in_halves(&bytes, shape[0], heads).ok_or_else(|| {
                damaged(self.file.path(), format_args!("`{}` has no rows for {heads} heads", place.name))
            })?;
        }
        Ok((format, bytes))
    }

    /// Where the tensor of that name in a checkpoint lies; `None` of names that the converter does not know.
    fn place(&self, name: &str) -> Option<Place> {
        let (stem, kind) = name.rsplit_once('.')?;
        let whole = match stem {
            "model.embed_tokens" => Some("token_embd"),
            "model.norm" => Some("output_norm"),
            "lm_head" => Some("output"),
            _ => None,
        };
        if let Some(whole) = whole {
            return Some(Place { name: format!("{whole}.{kind}"), heads: None });
        }
        let (layer, part) = stem.strip_prefix("model.layers.")?.split_once('.')?;
        let (part, heads) = match part {
            "input_layernorm" => ("attn_norm", None),
            "self_attn.q_proj" => ("attn_q", Some(self.heads)),
            "self_attn.k_proj" => ("attn_k", Some(self.kv_heads)),
            "self_attn.v_proj" => ("attn_v", None),
            "self_attn.o_proj" => ("attn_output", None),
            "post_attention_layernorm" => ("ffn_norm", None),
            "mlp.gate_proj" => ("ffn_gate", None),
            "mlp.up_proj" => ("ffn_up", None),
            "mlp.down_proj" => ("ffn_down", None),
            _ => return None,
        };
        Some(Place { name: format!("blk.{layer}.{part}.{kind}"), heads })
    }
}

/// The one GGUF file of a folder, or of its pins; `None` of no such file.
pub(super) fn find<'a>(folder: &Path, pins: Option<&'a Pins>) -> Result<Option<(PathBuf, Option<&'a Pin>)>> {
    let mut files: Vec<(PathBuf, Option<&Pin>)> = match pins {
        Some(pins) => pins.iter().map(|(name, pin)| (folder.join(name), Some(pin))).collect(),
        None => {
            let entries = std::fs::read_dir(folder)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| (entry.path(), None))).collect());
            entries.map_err(|error| unreadable(folder, error))?
        }
    };
    files.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "gguf"));
    if files.len() > 1 {
        let first = files[0].0.file_name().unwrap_or_default().to_string_lossy();
        let fact = format_args!("it has `{first}` and another GGUF file, expected one");
        return Err(damaged(folder, fact));
    }
    Ok(files.pop())
}

/// The converter turns rows in pairs of neighbours where the checkpoint turns one half of a head against the other: row `2 i + h` is the
/// checkpoint's row `i` of half `h`.
fn in_halves(bytes: &[u8], rows: usize, heads: usize) -> Option<Vec<u8>> {
    let fits = heads.checked_mul(2).is_some_and(|halves| rows.is_multiple_of(halves));
    if rows == 0 || !fits || !bytes.len().is_multiple_of(rows) {
        return None;
    }
    let (head, half) = (rows / heads, rows / heads / 2);
    let (row, mut ordered) = (bytes.len() / rows, Vec::with_capacity(bytes.len()));
    for place in 0..rows {
        let (first, at) = (place / head * head, place % head);
        let source = first + at % half * 2 + at / half;
        ordered.extend_from_slice(&bytes[source * row..][..row]);
    }
    Some(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_head_come_back_from_pairs_to_halves() {
        // Two heads of six rows: the converter's order of the checkpoint's rows 0 to 5 is 0 3 1 4 2 5.
        let converted = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
        assert_eq!(in_halves(&converted, 12, 2), Some((0..12).collect()));
        assert_eq!(in_halves(&converted, 12, 4), None);
        assert_eq!(in_halves(&[], 0, 2), None);
    }
}
