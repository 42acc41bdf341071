//! Text to tokens and back, by the `tokenizer.json` that a model was trained with.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use crate::config::read_bounded;
use crate::pin::Pins;
use crate::{Error, Result};

const FILE: &str = "tokenizer.json";
/// That of Gemma 3, with 262 144 tokens, has 33 MB.
const MAX_BYTES: u64 = 64 << 20;

/// The tokenizer of a model.
pub struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
    path: PathBuf,
}

impl Tokenizer {
    /// The tokenizer of a folder for a model with `vocab` tokens; `None` where it has none, or no pin says what it should be.
    ///
    /// # Errors
    /// When the file cannot be read, is too long or damaged, has another digest than its pin, or has tokens that the model lacks.
    pub fn open(folder: &Path, pins: Option<&Pins>, vocab: usize) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let pin = pins.map(|pins| pins.get(FILE));
        if matches!(pin, Some(None)) || pin.is_none() && !path.exists() {
            return Ok(None);
        }
        let bytes = read_bounded(&path, MAX_BYTES)?;
        if let Some(pin) = pin.flatten() {
            pin.check_digest(&path, Sha256::digest(&bytes).into())?;
        }
        let damaged = |reason| Error::Damaged { path: path.clone(), reason };
        // Where a part is no JSON at all, the crate panics.
        serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|error| damaged(error.to_string()))?;
        let read = contained(|| tokenizers::Tokenizer::from_bytes(&bytes));
        let mut tokenizer = read.map_err(damaged)?;
        // Lengths are the caller's.
        tokenizer.with_truncation(None).map_err(|error| damaged(error.to_string()))?;
        tokenizer.with_padding(None);
        match tokenizer.get_vocab(true).into_values().max() {
            None => Err(damaged("no token".to_owned())),
            Some(id) if id as usize >= vocab => Err(Error::ForeignTokenizer { path, id, vocab }),
            Some(_) => Ok(Some(Self { tokenizer, path })),
        }
    }

    /// The tokens of a text, without special ones around it.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = contained(|| self.tokenizer.encode_fast(text, false));
        Ok(encoding.map_err(|reason| self.failed(reason))?.get_ids().to_vec())
    }

    /// The text of tokens, special ones by their names.
    ///
    /// # Errors
    /// When the tokenizer cannot join them.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        contained(|| self.tokenizer.decode(tokens, false)).map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> Error {
        Error::Tokenizer { path: self.path.clone(), reason }
    }
}

/// What the crate says, or why not: it panics on some files that contradict themselves.
fn contained<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its parts contradict each other".to_owned()),
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("path", &self.path).finish_non_exhaustive()
    }
}
