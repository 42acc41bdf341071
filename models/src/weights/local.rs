//! Weights from a folder: safetensors in the Hugging Face layout, or else one GGUF file.

use std::path::Path;

use super::gguf::{self, Gguf};
use super::safetensors_folder::{self, Safetensors};
use crate::Result;
use crate::pin::Pins;

/// The tensors of a folder, read from disk when asked for.
#[derive(Debug)]
pub(super) enum Local {
    Safetensors(Safetensors),
    Gguf(Gguf),
}

impl Local {
    /// Opens a folder's weights; with pins no file that has none, and none that is otherwise.
    pub(super) fn open(folder: &Path, pins: Option<&Pins>) -> Result<Self> {
        if safetensors_folder::is_there(folder, pins) {
            return Ok(Self::Safetensors(Safetensors::open(folder, pins)?));
        }
        Ok(match gguf::find(folder, pins)? {
            Some((path, pin)) => Self::Gguf(Gguf::open(path, pin)?),
            None => Self::Safetensors(Safetensors::open(folder, pins)?),
        })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::Safetensors(files) => files.contains(name),
            Self::Gguf(file) => file.contains(name),
        }
    }

    pub(super) fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self {
            Self::Safetensors(files) => files.load(name, shape),
            Self::Gguf(file) => file.load(name, shape),
        }
    }

    /// The blocks of a matrix that is stored in Q8_0.
    pub(super) fn q8_0_blocks(&self, name: &str, shape: &[usize]) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Safetensors(_) => Ok(None),
            Self::Gguf(file) => file.q8_0_blocks(name, shape),
        }
    }
}
