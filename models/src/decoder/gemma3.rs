//! Gemma 3, text alone: `Gemma3ForCausalLM`. Most layers see a window of keys and have rotary positions of their own; norms stand also
//! behind attention and feed-forward part.

use serde::Deserialize;
use serde_json::json;

use super::fields::{DecoderFields, require_base};
use super::spec::{DecoderSpec, Head, HeadNorming, LayerSpec, NormPlaces, RopeSpec};
use crate::config::{self, ConfigMap, require, require_present};
use crate::exact::attention::score_scale;
use crate::layers::{Activation, Bias, Scale};
use crate::{Error, Result};

/// Indices of the kinds of rotary positions.
const GLOBAL: usize = 0;
const LOCAL: usize = 1;

/// With the defaults of transformers' `Gemma3TextConfig`.
#[derive(Deserialize)]
#[serde(default)]
struct GemmaFields {
    sliding_window: usize,
    sliding_window_pattern: usize,
    layer_types: Option<Vec<LayerType>>,
    rope_theta: f64,
    rope_local_base_freq: f64,
    query_pre_attn_scalar: f64,
    tie_word_embeddings: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerType {
    SlidingAttention,
    FullAttention,
}

impl Default for GemmaFields {
    fn default() -> Self {
        Self {
            sliding_window: 4096,
            sliding_window_pattern: 6,
            layer_types: None,
            rope_theta: 1e6,
            rope_local_base_freq: 1e4,
            query_pre_attn_scalar: 256.0,
            tie_word_embeddings: true,
        }
    }
}

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_activation", "gelu_pytorch_tanh", |value| value == "gelu_pytorch_tanh")?;
    require(map, "use_bidirectional_attention", "false", |value| *value == json!(false))?;
    for field in ["attn_logit_softcapping", "final_logit_softcapping"] {
        require(map, field, "null", |_| false)?;
    }
    require_present(map, "num_key_value_heads")?;
    require_present(map, "head_dim")?;
    let gemma: GemmaFields = config::parse(map)?;
    let fields = DecoderFields::read(map)?;
    require_base("rope_theta", gemma.rope_theta)?;
    require_base("rope_local_base_freq", gemma.rope_local_base_freq)?;
    let scalar = gemma.query_pre_attn_scalar;
    if gemma.sliding_window == 0 || gemma.sliding_window_pattern == 0 || !(scalar.is_normal() && scalar > 0.0)
    {
        let (window, pattern) = (gemma.sliding_window, gemma.sliding_window_pattern);
        return Err(Error::InvalidConfig(format!(
            "sliding_window {window}, sliding_window_pattern {pattern}, query_pre_attn_scalar {scalar}"
        )));
    }
    let spec = fields.spec();
    let types = match gemma.layer_types {
        Some(types) if types.len() == fields.num_hidden_layers => types,
        Some(types) => {
            let (types, layers) = (types.len(), fields.num_hidden_layers);
            return Err(Error::InvalidConfig(format!("{types} layer_types for num_hidden_layers {layers}")));
        }
        None => (1..=fields.num_hidden_layers)
            .map(|layer| match layer.is_multiple_of(gemma.sliding_window_pattern) {
                true => LayerType::FullAttention,
                false => LayerType::SlidingAttention,
            })
            .collect(),
    };
    let feed_forward = fields.gated(Bias::Absent);
    let layer = |kind| match kind {
        LayerType::FullAttention => LayerSpec { window: None, rope: GLOBAL, feed_forward },
        LayerType::SlidingAttention => {
            LayerSpec { window: Some(gemma.sliding_window), rope: LOCAL, feed_forward }
        }
    };
    let global = RopeSpec { theta: gemma.rope_theta, ..spec.ropes[GLOBAL].clone() };
    let local = RopeSpec { theta: gemma.rope_local_base_freq, scaling: None };
    Ok(DecoderSpec {
        embedding_scale: Some((fields.hidden_size as f32).sqrt()),
        biases: fields.attention_biases(),
        head_norms: HeadNorming::Present,
        score_scale: score_scale(scalar as f32),
        activation: Activation::GeluPytorchTanh,
        norm_scale: Scale::OnePlusWeight,
        norms: NormPlaces::BeforeAndAfter,
        ropes: vec![global, local],
        layers: types.into_iter().map(layer).collect(),
        head: if gemma.tie_word_embeddings { Head::Tied } else { Head::Own },
        ..spec
    })
}
