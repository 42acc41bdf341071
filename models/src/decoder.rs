//! Decoders: Llama and its relatives, one file a family.
//!
//! Tensor names and arithmetic follow the `ForCausalLM` classes of transformers. A family's file turns its `config.json` into a
//! [`DecoderSpec`]; everything behind is the same for all. Token counts are fixed by the caller; the end-of-sequence token has no special
//! meaning here, because a benchmark asks for a stated number of tokens.

mod fields;
mod gemma3;
pub(crate) mod generation;
mod layer;
mod llama;
mod mistral;
mod qwen2;
mod qwen3;
mod qwen3_moe;
mod spec;

use std::sync::Arc;

pub use generation::Generation;
pub use spec::{DecoderSpec, FeedForward, Head, HeadNorming, LayerSpec, NormPlaces, RopeSpec};

use crate::exact::attention::Visibility;
use crate::exact::rotary::inverse_frequencies;
use crate::layers::{
    Bias, Embedding, LayerCache, Linear, Norm, Observer, Part, RotaryEmbedding, Use, Workspace,
};
use crate::weights::Weights;
use crate::{Error, Numerics, Result};
use layer::DecoderLayer;

/// A decoder with its language-model head.
#[derive(Debug)]
pub struct Decoder {
    embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: Norm,
    lm_head: Linear,
    /// By the layers' [`LayerSpec::rope`].
    rotary: Vec<RotaryEmbedding>,
    spec: DecoderSpec,
    positions: usize,
    numerics: Numerics,
}

/// Which tokens of a call get logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// Every token.
    All,
    /// The last token alone, as generation needs it.
    Last,
    /// The tokens from this one on.
    From(usize),
}

/// Logits by token.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `(batch, rows, vocab)`, one row after another
    pub values: Vec<f32>,
    /// `(batch, rows, vocab)`
    pub dims: (usize, usize, usize),
}

/// Keys and values of the tokens so far, and the memory of a call.
#[derive(Debug)]
pub struct DecoderCache {
    layers: Vec<LayerCache>,
    workspace: Workspace,
    batch: usize,
    capacity: usize,
    length: usize,
}

impl DecoderCache {
    /// Has `observer` told of each part of a forward pass when it has ended.
    pub fn observe(&mut self, observer: Arc<Observer>) {
        self.workspace.observe(observer);
    }
}

impl Decoder {
    /// Loads the model for sequences of at most `positions` tokens.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(spec: &DecoderSpec, weights: &Weights, positions: usize, numerics: Numerics) -> Result<Self> {
        if positions > spec.max_position_embeddings {
            let limit = spec.max_position_embeddings;
            return Err(Error::InvalidInput(format!("{positions} positions, the model has {limit}")));
        }
        let root = weights.root();
        let model = root.child("model");
        let (vocab, hidden) = (spec.vocab_size, spec.attention.hidden);
        let usage = if spec.head == Head::Tied { Use::Tied } else { Use::LookUp };
        let embed_tokens = Embedding::load(&model.child("embed_tokens"), vocab, hidden, usage, numerics)?;
        let layers = spec.layers.iter().enumerate();
        let layers = layers
            .map(|(index, layer)| {
                DecoderLayer::load(&model.child("layers").child(index), spec, *layer, numerics)
            })
            .collect::<Result<_>>()?;
        let norm =
            Norm::load_rms(&model.child("norm"), hidden, spec.norm_scale, spec.rms_norm_eps, numerics)?;
        let lm_head = match spec.head {
            Head::Tied => Linear::tied(&embed_tokens)?,
            Head::Own => Linear::load(&root.child("lm_head"), hidden, vocab, Bias::Absent, numerics)?,
        };
        let table = |RopeSpec { theta, scaling }: &RopeSpec| {
            let frequencies = inverse_frequencies(*theta, spec.attention.head_dim, scaling.as_ref());
            RotaryEmbedding::new(&frequencies, positions, weights.native_form(), numerics)
        };
        let rotary = spec.ropes.iter().map(table).collect::<Result<_>>()?;
        Ok(Self { embed_tokens, layers, norm, lm_head, rotary, spec: spec.clone(), positions, numerics })
    }

    /// The longest sequence that the model was loaded for.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// An empty cache for `capacity` tokens of each of `batch` sequences.
    ///
    /// # Errors
    /// When a device has no memory left.
    pub fn cache(&self, batch: usize, capacity: usize) -> Result<DecoderCache> {
        let layer = |_| LayerCache::growing(self.spec.attention, batch, capacity, self.numerics);
        let layers = (0..self.layers.len()).map(layer).collect::<Result<_>>()?;
        Ok(DecoderCache { layers, workspace: Workspace::default(), batch, capacity, length: 0 })
    }

    /// Runs the cache's sequences by equally many tokens each, given one sequence after another in `ids`, behind what it holds.
    ///
    /// # Errors
    /// When an id or a position lies beyond the model.
    pub fn forward(&self, ids: &[u32], cache: &mut DecoderCache, rows: LogitRows) -> Result<Logits> {
        self.numerics.enter(|| self.logits(ids, cache, rows))
    }

    fn logits(&self, ids: &[u32], cache: &mut DecoderCache, rows: LogitRows) -> Result<Logits> {
        let seq = ids.len().checked_div(cache.batch).unwrap_or(0);
        if seq == 0 || ids.len() != cache.batch * seq {
            return Err(Error::InvalidInput(format!("{} ids in {} sequences", ids.len(), cache.batch)));
        }
        let limit = cache.capacity.min(self.positions);
        if cache.length + seq > limit {
            return Err(Error::InvalidInput(format!("{} tokens, room for {limit}", cache.length + seq)));
        }
        let first_row = match rows {
            LogitRows::All => 0,
            LogitRows::Last => seq - 1,
            LogitRows::From(first) => first,
        };
        if first_row >= seq {
            return Err(Error::InvalidInput(format!("logits from token {first_row} of {seq}")));
        }
        let first = cache.length;
        let workspace = &mut cache.workspace;
        let mut x = self.embed_tokens.forward(ids, cache.batch)?;
        if let Some(scale) = self.spec.embedding_scale {
            x = x.times(scale)?;
        }
        workspace.ended(Part::Embedding);
        for ((layer, spec), kv) in self.layers.iter().zip(&self.spec.layers).zip(&mut cache.layers) {
            let visibility = match spec.window {
                None => Visibility::Causal { first },
                Some(window) => Visibility::Sliding { first, window },
            };
            x = layer.forward(x, &self.rotary[spec.rope], &visibility, kv, workspace)?;
        }
        cache.length += seq;
        let x = x.tokens_from(first_row)?;
        let normed = self.norm.operand(&x, workspace)?;
        workspace.ended(Part::Norm);
        let logits = self.lm_head.forward(&normed)?;
        workspace.keep(normed);
        let dims = logits.dims();
        let logits = Logits { values: logits.into_values()?, dims };
        workspace.ended(Part::Head);
        Ok(logits)
    }
}
