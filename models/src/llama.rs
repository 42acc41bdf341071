//! Decoders of the Llama family: Llama 2 and 3, TinyLlama, SmolLM2.
//!
//! Tensor names and arithmetic follow `LlamaForCausalLM` of transformers. Token counts are fixed by the caller; the
//! end-of-sequence token has no special meaning here, because a benchmark asks for a stated number of tokens.

mod config;
mod generation;

use std::sync::Arc;

pub use config::LlamaConfig;
pub use generation::Generation;

use crate::exact::attention::Visibility;
use crate::exact::rotary::inverse_frequencies;
use crate::layers::{
    AttentionDims, Bias, Embedding, GatedMlp, Hidden, LayerCache, Linear, Norm, Observer, Part,
    ProjectionScopes, RotaryEmbedding, SelfAttention, Use, Workspace,
};
use crate::weights::{Scope, Weights};
use crate::{Error, Numerics, Result};

/// A decoder with its language-model head.
#[derive(Debug)]
pub struct Llama {
    embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: Norm,
    lm_head: Linear,
    rotary: RotaryEmbedding,
    dims: AttentionDims,
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
#[derive(Clone, Debug)]
pub struct LlamaCache {
    layers: Vec<LayerCache>,
    workspace: Workspace,
    batch: usize,
    capacity: usize,
    length: usize,
}

impl LlamaCache {
    /// Has `observer` told of each part of a forward pass when it has ended.
    pub fn observe(&mut self, observer: Arc<Observer>) {
        self.workspace.observe(observer);
    }
}

impl Llama {
    /// Loads the model for sequences of at most `positions` tokens.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        config: &LlamaConfig,
        weights: &Weights,
        positions: usize,
        numerics: Numerics,
    ) -> Result<Self> {
        if positions > config.max_position_embeddings {
            let limit = config.max_position_embeddings;
            return Err(Error::InvalidInput(format!("{positions} positions, the model has {limit}")));
        }
        let root = weights.root();
        let model = root.child("model");
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let dims = AttentionDims {
            hidden,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads(),
            head_dim: config.head_dim(),
        };
        let usage = if config.tie_word_embeddings { Use::Tied } else { Use::LookUp };
        let embed_tokens = Embedding::load(&model.child("embed_tokens"), vocab, hidden, usage, numerics)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| DecoderLayer::load(&model.child("layers").child(layer), config, dims, numerics))
            .collect::<Result<_>>()?;
        let norm = Norm::load_rms(&model.child("norm"), hidden, config.rms_norm_eps, numerics)?;
        let lm_head = if config.tie_word_embeddings {
            Linear::tied(&embed_tokens)?
        } else {
            Linear::load(&root.child("lm_head"), hidden, vocab, Bias::Absent, numerics)?
        };
        let scaling = config.rope_scaling.clone().map(Into::into);
        let frequencies = inverse_frequencies(config.rope_theta, config.head_dim(), scaling.as_ref());
        let rotary = RotaryEmbedding::new(&frequencies, positions, weights.precision());
        Ok(Self { embed_tokens, layers, norm, lm_head, rotary, dims, numerics })
    }

    /// The longest sequence that the model was loaded for.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.rotary.positions()
    }

    /// An empty cache for `capacity` tokens of each of `batch` sequences.
    #[must_use]
    pub fn cache(&self, batch: usize, capacity: usize) -> LlamaCache {
        let layer = LayerCache::growing(self.dims, batch, capacity, self.numerics);
        let layers = vec![layer; self.layers.len()];
        LlamaCache { layers, workspace: Workspace::default(), batch, capacity, length: 0 }
    }

    /// Runs the cache's sequences by equally many tokens each, given one sequence after another in `ids`, behind what it holds.
    ///
    /// # Errors
    /// When an id or a position lies beyond the model.
    pub fn forward(&self, ids: &[u32], cache: &mut LlamaCache, rows: LogitRows) -> Result<Logits> {
        self.numerics.enter(|| self.logits(ids, cache, rows))
    }

    fn logits(&self, ids: &[u32], cache: &mut LlamaCache, rows: LogitRows) -> Result<Logits> {
        let seq = ids.len().checked_div(cache.batch).unwrap_or(0);
        if seq == 0 || ids.len() != cache.batch * seq {
            return Err(Error::InvalidInput(format!("{} ids in {} sequences", ids.len(), cache.batch)));
        }
        let limit = cache.capacity.min(self.rotary.positions());
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
        let visibility = Visibility::Causal { first: cache.length };
        let workspace = &mut cache.workspace;
        let mut x = self.embed_tokens.forward(ids, cache.batch)?;
        workspace.ended(Part::Embedding);
        for (layer, kv) in self.layers.iter().zip(&mut cache.layers) {
            x = layer.forward(x, &self.rotary, &visibility, kv, workspace)?;
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

#[derive(Debug)]
struct DecoderLayer {
    input_layernorm: Norm,
    self_attn: SelfAttention,
    post_attention_layernorm: Norm,
    mlp: GatedMlp,
}

impl DecoderLayer {
    fn load(
        scope: &Scope<'_>,
        config: &LlamaConfig,
        dims: AttentionDims,
        numerics: Numerics,
    ) -> Result<Self> {
        let norm = |name: &str| {
            Norm::load_rms(&scope.child(name), config.hidden_size, config.rms_norm_eps, numerics)
        };
        let attn = scope.child("self_attn");
        let scopes = ProjectionScopes {
            query: attn.child("q_proj"),
            key: attn.child("k_proj"),
            value: attn.child("v_proj"),
            output: attn.child("o_proj"),
        };
        let (bias, mlp) = (config.attention_bias(), scope.child("mlp"));
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: SelfAttention::load(&scopes, dims, bias, bias, numerics)?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp: GatedMlp::load(&mlp, dims.hidden, config.intermediate_size, config.mlp_bias(), numerics)?,
        })
    }

    /// `y + mlp(norm(y))` with `y = x + attention(norm(x))`
    fn forward(
        &self,
        x: Hidden,
        rotary: &RotaryEmbedding,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let normed = self.input_layernorm.operand(&x, workspace)?;
        workspace.ended(Part::Norm);
        let y = self.self_attn.add_to(normed, x, Some(rotary), visibility, cache, workspace)?;
        let normed = self.post_attention_layernorm.operand(&y, workspace)?;
        workspace.ended(Part::Norm);
        self.mlp.add_to(normed, y, workspace)
    }
}
