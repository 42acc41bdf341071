use serde::Deserialize;
use serde_json::json;

use crate::config::{self, ConfigMap, require, require_divides, require_model_type};
use crate::exact::rotary::RopeScaling;
use crate::layers::Bias;
use crate::{Error, Result};

/// The fields of `config.json` that decide the arithmetic of a Llama-family decoder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LlamaConfig {
    /// Tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// Added to the mean square.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default = "default_rope_theta")]
    pub rope_theta: f64,
    pub(super) rope_scaling: Option<RopeScalingFields>,
    /// Whether the output layer is the embedding table.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
}

fn default_rope_theta() -> f64 {
    10_000.0
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
pub(super) enum RopeScalingFields {
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

impl LlamaConfig {
    /// Parses and checks `config.json`.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        require_model_type(map, "llama")?;
        require(
            map,
            "rope_parameters",
            "rope_theta and rope_scaling, as transformers 4 writes them",
            |_| false,
        )?;
        require(map, "hidden_act", "silu", |value| value == "silu")?;
        require(map, "pretraining_tp", "1", |value| *value == json!(1))?;
        require(map, "quantization_config", "absent", |_| false)?;
        let mut map = map.clone();
        normalise_rope_scaling(&mut map)?;

        let parsed: Self = config::parse(&map)?;
        require_divides(
            "num_attention_heads by num_key_value_heads",
            parsed.num_key_value_heads(),
            parsed.num_attention_heads,
        )?;
        if parsed.head_dim.is_none() {
            require_divides(
                "hidden_size by num_attention_heads",
                parsed.num_attention_heads,
                parsed.hidden_size,
            )?;
        }
        require_divides("head_dim by 2", 2, parsed.head_dim())?;
        if [parsed.vocab_size, parsed.hidden_size, parsed.intermediate_size, parsed.num_hidden_layers]
            .contains(&0)
        {
            return Err(Error::InvalidConfig("a size is zero".to_owned()));
        }
        if !(parsed.rope_theta.is_normal() && parsed.rope_theta > 1.0) {
            return Err(Error::InvalidConfig(format!("rope_theta is {}", parsed.rope_theta)));
        }
        Ok(parsed)
    }

    /// Width of a head; its own field, or hidden size by heads.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or_else(|| self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Key heads; its own field, or as many as query heads.
    #[must_use]
    pub fn num_key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    pub(super) fn attention_bias(&self) -> Bias {
        if self.attention_bias { Bias::Present } else { Bias::Absent }
    }

    pub(super) fn mlp_bias(&self) -> Bias {
        if self.mlp_bias { Bias::Present } else { Bias::Absent }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl Fn(&mut ConfigMap)) -> Result<LlamaConfig> {
        let json = json!({
            "model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu",
        });
        let mut map = json.as_object().unwrap().clone();
        change(&mut map);
        LlamaConfig::parse(&map)
    }

    fn refusal(field: &str, value: serde_json::Value) -> String {
        config(|map| drop(map.insert(field.to_owned(), value.clone()))).unwrap_err().to_string()
    }

    #[test]
    fn defaults_follow_transformers() {
        let config = config(|_| {}).unwrap();
        assert_eq!((config.head_dim(), config.num_key_value_heads()), (4, 2));
        assert_eq!((config.attention_bias(), config.tie_word_embeddings), (Bias::Absent, false));
        assert!((config.rope_theta - 1e4).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        assert!(refusal("hidden_act", json!("gelu")).contains("`hidden_act` is \"gelu\""));
        assert!(
            refusal("rope_scaling", json!({"rope_type": "yarn", "factor": 2.0})).contains("`rope_scaling`")
        );
        assert!(refusal("model_type", json!("mamba")).contains("`model_type`"));
        assert!(refusal("num_key_value_heads", json!(3)).contains("num_key_value_heads"));
        assert!(refusal("head_dim", json!(5)).contains("head_dim"));
        assert!(refusal("vocab_size", json!(0)).contains("zero"));
        assert!(refusal("rope_parameters", json!({"rope_theta": 5e5})).contains("`rope_parameters`"));
        assert!(config(|map| drop(map.remove("model_type"))).unwrap_err().to_string().contains("model_type"));
        assert!(refusal("rope_theta", json!(0.0)).contains("rope_theta"));
        assert!(refusal("rms_norm_eps", json!("small")).contains("invalid type"));
    }
}
