//! The fields that all families have.

use serde::Deserialize;
use serde_json::json;

use super::spec::{DecoderSpec, FeedForward, Head, HeadNorming, LayerSpec, NormPlaces, RopeSpec};
use crate::config::{self, ConfigMap, require, require_divides, require_sizes};
use crate::exact::attention::score_scale;
use crate::exact::rotary::RopeScaling;
use crate::layers::{Activation, AttentionDims, Bias, ProjectionBiases, Scale};
use crate::{Error, Result};

/// The fields of `config.json` that decide the arithmetic of a decoder like Llama.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DecoderFields {
    vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    #[serde(default = "default_rope_theta")]
    rope_theta: f64,
    rope_scaling: Option<RopeScalingFields>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
}

fn default_rope_theta() -> f64 {
    10_000.0
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
enum RopeScalingFields {
    Linear {
        factor: f64,
    },
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_position_embeddings: usize,
    },
}

impl DecoderFields {
    /// Reads and checks them.
    pub(super) fn read(map: &ConfigMap) -> Result<Self> {
        require(
            map,
            "rope_parameters",
            "rope_theta and rope_scaling, as transformers 4 writes them",
            |_| false,
        )?;
        require(map, "quantization_config", "absent", |_| false)?;
        let mut map = map.clone();
        normalise_rope_scaling(&mut map)?;

        let fields: Self = config::parse(&map)?;
        let kv_heads = fields.num_key_value_heads();
        require_divides("num_attention_heads by num_key_value_heads", kv_heads, fields.num_attention_heads)?;
        if fields.head_dim.is_none() {
            let heads = fields.num_attention_heads;
            require_divides("hidden_size by num_attention_heads", heads, fields.hidden_size)?;
        }
        require_divides("head_dim by 2", 2, fields.head_dim())?;
        require_sizes(&[
            ("vocab_size", fields.vocab_size),
            ("hidden_size", fields.hidden_size),
            ("intermediate_size", fields.intermediate_size),
            ("num_hidden_layers", fields.num_hidden_layers),
            ("num_attention_heads", fields.num_attention_heads),
            ("head_dim", fields.head_dim()),
        ])?;
        require_base("rope_theta", fields.rope_theta)?;
        Ok(fields)
    }

    /// A decoder as Llama is, without biases; families change what they do otherwise.
    pub(super) fn spec(&self) -> DecoderSpec {
        let layer = LayerSpec { window: None, rope: 0, feed_forward: self.gated(Bias::Absent) };
        DecoderSpec {
            vocab_size: self.vocab_size,
            max_position_embeddings: self.max_position_embeddings,
            embedding_scale: None,
            attention: AttentionDims {
                hidden: self.hidden_size,
                heads: self.num_attention_heads,
                kv_heads: self.num_key_value_heads(),
                head_dim: self.head_dim(),
            },
            biases: ProjectionBiases::all(Bias::Absent),
            head_norms: HeadNorming::Absent,
            score_scale: score_scale(self.head_dim() as f32),
            activation: Activation::Silu,
            rms_norm_eps: self.rms_norm_eps,
            norm_scale: Scale::Weight,
            norms: NormPlaces::Before,
            ropes: vec![RopeSpec {
                theta: self.rope_theta,
                scaling: self.rope_scaling.clone().map(RopeScaling::from),
            }],
            layers: vec![layer; self.num_hidden_layers],
            head: if self.tie_word_embeddings { Head::Tied } else { Head::Own },
        }
    }

    /// The feed-forward part of a layer without experts.
    pub(super) fn gated(&self, bias: Bias) -> FeedForward {
        FeedForward::Gated { intermediate: self.intermediate_size, bias }
    }

    /// `attention_bias`
    pub(super) fn attention_biases(&self) -> ProjectionBiases {
        ProjectionBiases::all(if self.attention_bias { Bias::Present } else { Bias::Absent })
    }

    /// `mlp_bias`
    pub(super) fn mlp_bias(&self) -> Bias {
        if self.mlp_bias { Bias::Present } else { Bias::Absent }
    }

    /// Its own field, or hidden size by heads.
    fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or_else(|| self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Its own field, or as many as query heads.
    fn num_key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }
}

/// A base of rotary frequencies.
pub(super) fn require_base(field: &str, base: f64) -> Result<()> {
    if base.is_normal() && base > 1.0 {
        return Ok(());
    }
    Err(Error::InvalidConfig(format!("{field} is {base}")))
}

/// Refuses sliding windows of a family that has them where `use_sliding_window` says so.
pub(super) fn require_full_attention(map: &ConfigMap) -> Result<()> {
    require(map, "use_sliding_window", "false", |value| *value == json!(false))?;
    require(map, "layer_types", "full_attention in each layer", |value| {
        value.as_array().is_some_and(|types| types.iter().all(|kind| kind == "full_attention"))
    })
}

/// Older configs say `type` for `rope_type`; `default` means no scaling.
fn normalise_rope_scaling(map: &mut ConfigMap) -> Result<()> {
    let Some(scaling) = map.get_mut("rope_scaling").and_then(|value| value.as_object_mut()) else {
        return Ok(());
    };
    if let Some(old) = scaling.remove("type") {
        scaling.entry("rope_type").or_insert(old);
    }
    match scaling.get("rope_type").and_then(|value| value.as_str()) {
        Some("linear" | "llama3") => {}
        Some("default") => {
            map.remove("rope_scaling");
        }
        other => {
            let value = format!("{other:?}");
            let supported = "rope_type linear, llama3 or default";
            return Err(Error::UnsupportedConfig { field: "rope_scaling", value, supported });
        }
    }
    Ok(())
}

impl From<RopeScalingFields> for RopeScaling {
    fn from(fields: RopeScalingFields) -> Self {
        match fields {
            RopeScalingFields::Linear { factor } => Self::Linear { factor },
            RopeScalingFields::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original_max_position_embeddings as f64,
            },
        }
    }
}
