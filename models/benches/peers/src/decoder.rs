//! What every engine's whole model does, and the models loaded so far.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::Result;

use crate::candle_llama::CandleLlama;
use crate::exact::ExactLlama;
use crate::request::{ModelEngine, Precision};

/// A decoder with the sequence it is at.
pub(crate) trait Decoder {
    /// Begins a sequence that may grow to `capacity` tokens, and computes the logits behind its prompt.
    fn start(&mut self, prompt: &[u32], capacity: usize) -> Result<()>;

    /// Appends one token, and computes the logits behind it.
    fn step(&mut self, id: u32) -> Result<()>;
}

/// Models stay loaded from one request to the next.
#[derive(Default)]
pub(crate) struct Decoders {
    loaded: BTreeMap<(ModelEngine, Precision), Box<dyn Decoder>>,
}

impl Decoders {
    pub(crate) fn load(&mut self, engine: ModelEngine, precision: Precision) -> Result<&mut dyn Decoder> {
        let decoder = match self.loaded.entry((engine, precision)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(match engine {
                ModelEngine::Exact => Box::new(ExactLlama::load(precision)?),
                ModelEngine::CandleTransformers => Box::new(CandleLlama::load(precision)?),
            }),
        };
        Ok(decoder.as_mut())
    }
}
