//! Decoders of the Llama family: Llama 2 and 3, TinyLlama, SmolLM2.
//!
//! Tensor names and arithmetic follow `LlamaForCausalLM` of transformers. Token counts are fixed by the caller; the
//! end-of-sequence token has no special meaning here, because a benchmark asks for a stated number of tokens.

mod config;
mod generation;

use candle_core::Tensor;
use candle_nn::kv_cache::KvCache;

pub use config::LlamaConfig;
pub use generation::Generation;

use crate::exact::attention::Visibility;
use crate::exact::rotary::inverse_frequencies;
use crate::layers::{Embedding, Linear, Norm, RotaryEmbedding, attention, silu_mul};
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
}

/// Which positions get logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// Every token of the call.
    All,
    /// The last token alone, as generation needs it.
    Last,
}

/// Keys and values of the tokens so far.
#[derive(Clone, Debug)]
pub struct LlamaCache {
    layers: Vec<KvCache>,
    capacity: usize,
    length: usize,
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
        let embed_tokens = Embedding::load(&model.child("embed_tokens"), vocab, hidden, numerics)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| DecoderLayer::load(&model.child("layers").child(layer), config, numerics))
            .collect::<Result<_>>()?;
        let norm = Norm::load_rms(&model.child("norm"), hidden, config.rms_norm_eps, numerics)?;
        let lm_head = if config.tie_word_embeddings {
            Linear::tied(&embed_tokens)
        } else {
            Linear::load(&root.child("lm_head"), hidden, vocab, super::layers::Bias::Absent, numerics)?
        };
        let scaling = config.rope_scaling.clone().map(Into::into);
        let frequencies = inverse_frequencies(config.rope_theta, config.head_dim(), scaling.as_ref());
        let rotary = RotaryEmbedding::new(&frequencies, positions, numerics);
        Ok(Self { embed_tokens, layers, norm, lm_head, rotary })
    }

    /// An empty cache for `capacity` tokens.
    #[must_use]
    pub fn cache(&self, capacity: usize) -> LlamaCache {
        LlamaCache { layers: vec![KvCache::new(2, capacity); self.layers.len()], capacity, length: 0 }
    }

    /// Runs `batch` sequences of equal length, given one after another in `ids`, behind what the cache holds.
    ///
    /// Gives logits `(batch, rows, vocab)`, where `rows` is the call's length or 1.
    ///
    /// # Errors
    /// When an id or a position lies beyond the model.
    pub fn forward(
        &self,
        ids: &[u32],
        batch: usize,
        cache: &mut LlamaCache,
        rows: LogitRows,
    ) -> Result<Tensor> {
        let seq = ids.len() / batch.max(1);
        if batch == 0 || seq == 0 || ids.len() != batch * seq {
            return Err(Error::InvalidInput(format!("{} ids in {batch} sequences", ids.len())));
        }
        let limit = cache.capacity.min(self.rotary.positions());
        if cache.length + seq > limit {
            return Err(Error::InvalidInput(format!("{} tokens, room for {limit}", cache.length + seq)));
        }
        let visibility = Visibility::Causal { first: cache.length };
        let mut x = self.embed_tokens.forward(ids, batch)?;
        for (layer, kv) in self.layers.iter().zip(&mut cache.layers) {
            x = layer.forward(&x, &self.rotary, &visibility, kv)?;
        }
        cache.length += seq;
        if rows == LogitRows::Last {
            x = x.narrow(1, seq - 1, 1)?.contiguous()?;
        }
        self.lm_head.forward(&self.norm.forward(&x)?)
    }
}

#[derive(Debug)]
struct DecoderLayer {
    input_layernorm: Norm,
    self_attn: SelfAttention,
    post_attention_layernorm: Norm,
    mlp: Mlp,
}

impl DecoderLayer {
    fn load(scope: &Scope<'_>, config: &LlamaConfig, numerics: Numerics) -> Result<Self> {
        let norm = |name: &str| {
            Norm::load_rms(&scope.child(name), config.hidden_size, config.rms_norm_eps, numerics)
        };
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: SelfAttention::load(&scope.child("self_attn"), config, numerics)?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp: Mlp::load(&scope.child("mlp"), config, numerics)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        rotary: &RotaryEmbedding,
        visibility: &Visibility,
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let attended =
            self.self_attn.forward(&self.input_layernorm.forward(x)?, rotary, visibility, cache)?;
        let x = (x + attended)?;
        let fed = self.mlp.forward(&self.post_attention_layernorm.forward(&x)?)?;
        Ok((x + fed)?)
    }
}

#[derive(Debug)]
struct SelfAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    numerics: Numerics,
}

impl SelfAttention {
    fn load(scope: &Scope<'_>, config: &LlamaConfig, numerics: Numerics) -> Result<Self> {
        let (hidden, head_dim) = (config.hidden_size, config.head_dim());
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads());
        let bias = config.attention_bias();
        let load =
            |name: &str, inputs, outputs| Linear::load(&scope.child(name), inputs, outputs, bias, numerics);
        Ok(Self {
            q_proj: load("q_proj", hidden, heads * head_dim)?,
            k_proj: load("k_proj", hidden, kv_heads * head_dim)?,
            v_proj: load("v_proj", hidden, kv_heads * head_dim)?,
            o_proj: load("o_proj", heads * head_dim, hidden)?,
            heads,
            kv_heads,
            head_dim,
            numerics,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        rotary: &RotaryEmbedding,
        visibility: &Visibility,
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let (batch, seq, _) = x.dims3()?;
        // (batch, seq, heads * head_dim) -> (batch, heads, seq, head_dim)
        let split = |x: Tensor, heads: usize| -> Result<Tensor> {
            Ok(x.reshape((batch, seq, heads, self.head_dim))?.transpose(1, 2)?.contiguous()?)
        };
        let first = cache.current_seq_len();
        let q = rotary.forward(&split(self.q_proj.forward(x)?, self.heads)?, first)?;
        let k = rotary.forward(&split(self.k_proj.forward(x)?, self.kv_heads)?, first)?;
        let v = split(self.v_proj.forward(x)?, self.kv_heads)?;
        let (k, v) = cache.append(&k, &v)?;
        self.o_proj.forward(&attention(&q, &k, &v, visibility, self.numerics)?)
    }
}

#[derive(Debug)]
struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
    numerics: Numerics,
}

impl Mlp {
    fn load(scope: &Scope<'_>, config: &LlamaConfig, numerics: Numerics) -> Result<Self> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let bias = config.mlp_bias();
        let load =
            |name: &str, inputs, outputs| Linear::load(&scope.child(name), inputs, outputs, bias, numerics);
        Ok(Self {
            gate_proj: load("gate_proj", hidden, intermediate)?,
            up_proj: load("up_proj", hidden, intermediate)?,
            down_proj: load("down_proj", intermediate, hidden)?,
            numerics,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gated = silu_mul(&self.gate_proj.forward(x)?, &self.up_proj.forward(x)?, self.numerics)?;
        self.down_proj.forward(&gated)
    }
}
