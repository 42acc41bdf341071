use super::fields::{ConfigFault, Fields, MAX_LAYERS, MAX_POSITIONS, MAX_SIZE, fault, require_divides};
use super::stack::{Bias, CrossAttention, FeedForward, Sliding, Sparse, Stack};

/// Experts of a layer, far beyond any model.
const MAX_EXPERTS: u64 = 1 << 12;
/// What transformers takes for Mistral and Gemma 3 where `sliding_window` is absent.
const DEFAULT_WINDOW: u64 = 4096;
/// Of Gemma 3's layers each sixth sees all keys, where `layer_types` and the pattern are absent.
const DEFAULT_PATTERN: u64 = 6;

/// Sizes of a decoder: Llama and its relatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoder {
    /// `vocab_size`: rows of the embedding table, and of the head.
    pub vocab: u64,
    /// `max_position_embeddings`: the longest sequence.
    pub positions: u64,
    /// `tie_word_embeddings`
    pub head: Head,
    /// Its layers.
    pub stack: Stack,
}

/// Where a decoder's output layer has its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// They are the embedding table.
    Tied,
    /// A matrix of its own.
    Own,
}

impl Decoder {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let is_gemma = fields.is_of("gemma3_text");
        let hidden = fields.size("hidden_size", MAX_SIZE)?;
        let heads = fields.size("num_attention_heads", MAX_SIZE)?;
        let kv_heads = fields.optional_size("num_key_value_heads", MAX_SIZE)?.unwrap_or(heads);
        require_divides("num_key_value_heads", kv_heads, "num_attention_heads", heads)?;
        let head_dim = match fields.optional_size("head_dim", MAX_SIZE)? {
            Some(head_dim) => head_dim,
            None => {
                require_divides("num_attention_heads", heads, "hidden_size", hidden)?;
                hidden / heads
            }
        };
        if !head_dim.is_multiple_of(2) {
            let fact = format!("a head of {head_dim} elements, which rotary positions turn in pairs");
            return Err(fault("head_dim", fact));
        }
        if heads * head_dim > MAX_SIZE {
            let fact = format!("{heads} heads of {head_dim} elements, more than {MAX_SIZE} in all");
            return Err(fault("num_attention_heads", fact));
        }
        let layers = fields.size("num_hidden_layers", MAX_LAYERS)?;
        let attention_bias = fields.bias("attention_bias")?;
        let projection_bias = if fields.is_of("qwen2") { Bias::Present } else { attention_bias };
        let feed_forward = FeedForward {
            intermediate: fields.size("intermediate_size", MAX_SIZE)?,
            widening: 2,
            bias: fields.bias("mlp_bias")?,
        };
        let has_head_norms = is_gemma || fields.is_of("qwen3") || fields.is_of("qwen3_moe");
        let norms_of_hidden = if is_gemma { 4 } else { 2 };
        let stack = Stack {
            layers,
            hidden,
            heads,
            kv_heads,
            head_dim,
            projection_bias,
            key_bias: projection_bias,
            output_bias: if fields.is_of("qwen2") { Bias::Absent } else { attention_bias },
            feed_forward,
            sparse: if fields.is_of("qwen3_moe") { sparse(fields, layers)? } else { None },
            sliding: sliding(fields, layers)?,
            norms: norms_of_hidden * hidden + if has_head_norms { 2 * head_dim } else { 0 },
            cross_attention: CrossAttention::Absent,
        };
        Ok(Self {
            vocab: fields.size("vocab_size", MAX_SIZE)?,
            positions: fields.size("max_position_embeddings", MAX_POSITIONS)?,
            head: if fields.flag("tie_word_embeddings", is_gemma)? { Head::Tied } else { Head::Own },
            stack,
        })
    }

    pub(super) fn parameters(&self) -> u128 {
        let tables = if self.head == Head::Own { 2 } else { 1 };
        u128::from(tables * self.vocab * self.stack.hidden + self.stack.hidden) + self.stack.parameters()
    }
}

/// Which layers have experts.
fn sparse(fields: Fields<'_>, layers: u64) -> Result<Option<Sparse>, ConfigFault> {
    let experts = fields.size("num_experts", MAX_EXPERTS)?;
    let chosen = fields.size("num_experts_per_tok", experts)?;
    let intermediate = fields.size("moe_intermediate_size", MAX_SIZE)?;
    let step = fields.optional_size("decoder_sparse_step", MAX_LAYERS)?.unwrap_or(1);
    let dense = fields.list("mlp_only_layers")?.unwrap_or_default();
    let is_sparse = |layer: &u64| {
        (layer + 1).is_multiple_of(step) && !dense.iter().any(|dense| dense.as_u64() == Some(*layer))
    };
    let layers = (0..layers).filter(is_sparse).count() as u64;
    Ok((layers > 0).then_some(Sparse { layers, experts, chosen, intermediate }))
}

/// Which layers see a window of keys.
fn sliding(fields: Fields<'_>, layers: u64) -> Result<Option<Sliding>, ConfigFault> {
    let window = fields.optional_size("sliding_window", MAX_POSITIONS)?;
    if fields.is_of("mistral") {
        let window = if fields.0.contains_key("sliding_window") { window } else { Some(DEFAULT_WINDOW) };
        return Ok(window.map(|window| Sliding { layers, window }));
    }
    if !fields.is_of("gemma3_text") {
        return Ok(None);
    }
    let sliding = match fields.list("layer_types")? {
        Some(types) if types.len() as u64 == layers => {
            types.iter().filter(|kind| kind.as_str() == Some("sliding_attention")).count() as u64
        }
        Some(types) => {
            let fact = format!("{} layer_types for {layers} layers", types.len());
            return Err(fault("layer_types", fact));
        }
        None => {
            let pattern = fields.optional_size("sliding_window_pattern", MAX_LAYERS)?;
            layers - layers / pattern.unwrap_or(DEFAULT_PATTERN)
        }
    };
    Ok((sliding > 0).then_some(Sliding { layers: sliding, window: window.unwrap_or(DEFAULT_WINDOW) }))
}
