use serde::Deserialize;

use crate::config::{self, ConfigMap, require, require_divides, require_sizes};
use crate::layers::{Activation, AttentionDims, Bias, PatchShape, PreNormShape, ProjectionBiases};
use crate::{Error, Result};

/// The fields of `config.json` that decide the arithmetic of a contrastive model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClipConfig {
    /// Width of the space that both encoders share.
    pub projection_dim: usize,
    /// The text encoder's.
    pub text_config: ClipTextConfig,
    /// The image encoder's.
    pub vision_config: ClipVisionConfig,
}

/// The fields of `text_config`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClipTextConfig {
    /// Tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// The longest text.
    pub max_position_embeddings: usize,
    /// Added to the variance.
    #[serde(default = "default_layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Between the two halves of the feed-forward part.
    #[serde(default = "default_hidden_act")]
    pub hidden_act: Activation,
    /// What ends a text; 2 stands for the largest id of a text.
    #[serde(default = "default_eos_token_id")]
    pub eos_token_id: u32,
}

/// The fields of `vision_config`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClipVisionConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Rows and columns of an image.
    pub image_size: usize,
    /// Rows and columns of a patch.
    pub patch_size: usize,
    /// Of an image.
    #[serde(default = "default_num_channels")]
    pub num_channels: usize,
    /// Added to the variance.
    #[serde(default = "default_layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Between the two halves of the feed-forward part.
    #[serde(default = "default_hidden_act")]
    pub hidden_act: Activation,
}

fn default_layer_norm_eps() -> f64 {
    1e-5
}

fn default_hidden_act() -> Activation {
    Activation::QuickGelu
}

fn default_eos_token_id() -> u32 {
    49_407
}

fn default_num_channels() -> usize {
    3
}

impl ClipConfig {
    /// Parses and checks `config.json`.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        config::require_model_type(map, "clip")?;
        require(map, "quantization_config", "absent", |_| false)?;
        for field in ["text_config_dict", "vision_config_dict"] {
            require(map, field, "null, its fields being in text_config and vision_config", |_| false)?;
        }
        for name in ["text_config", "vision_config"] {
            let nested = map.get(name).and_then(|value| value.as_object());
            let nested = nested.ok_or_else(|| Error::InvalidConfig(format!("{name} is no object")))?;
            require(nested, "hidden_act", "quick_gelu, gelu, gelu_new or gelu_pytorch_tanh", |value| {
                ["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh"].iter().any(|name| value == name)
            })?;
        }
        let parsed: Self = config::parse(map)?;
        require_sizes(&[("projection_dim", parsed.projection_dim)])?;
        parsed.text_config.check()?;
        parsed.vision_config.check()?;
        Ok(parsed)
    }
}

impl ClipTextConfig {
    fn check(&self) -> Result<()> {
        require_sizes(&[
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        require_divides("hidden_size by num_attention_heads", self.num_attention_heads, self.hidden_size)
    }

    pub(super) fn encoder(&self) -> PreNormShape {
        PreNormShape {
            layers: self.num_hidden_layers,
            dims: AttentionDims::even(self.hidden_size, self.num_attention_heads),
            biases: ProjectionBiases::all(Bias::Present),
            intermediate: self.intermediate_size,
            activation: self.hidden_act,
            eps: self.layer_norm_eps,
        }
    }
}

impl ClipVisionConfig {
    fn check(&self) -> Result<()> {
        require_sizes(&[
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("num_channels", self.num_channels),
        ])?;
        require_divides("hidden_size by num_attention_heads", self.num_attention_heads, self.hidden_size)?;
        self.patches().check()
    }

    pub(super) fn encoder(&self) -> PreNormShape {
        PreNormShape {
            layers: self.num_hidden_layers,
            dims: AttentionDims::even(self.hidden_size, self.num_attention_heads),
            biases: ProjectionBiases::all(Bias::Present),
            intermediate: self.intermediate_size,
            activation: self.hidden_act,
            eps: self.layer_norm_eps,
        }
    }

    pub(super) fn patches(&self) -> PatchShape {
        PatchShape {
            image_size: self.image_size,
            patch_size: self.patch_size,
            channels: self.num_channels,
            hidden: self.hidden_size,
            projection_bias: Bias::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(change: impl Fn(&mut Value)) -> Result<ClipConfig> {
        let mut json = json!({
            "model_type": "clip", "projection_dim": 8,
            "text_config": {
                "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                "num_attention_heads": 2, "max_position_embeddings": 7,
            },
            "vision_config": {
                "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
                "image_size": 8, "patch_size": 4,
            },
        });
        change(&mut json);
        ClipConfig::parse(json.as_object().unwrap())
    }

    #[test]
    fn defaults_follow_transformers() {
        let config = parse(|_| {}).unwrap();
        assert_eq!((config.text_config.eos_token_id, config.vision_config.num_channels), (49_407, 3));
        assert_eq!(config.text_config.hidden_act, Activation::QuickGelu);
        assert_eq!(config.vision_config.patches().tokens(), 5);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        let refusal = |path: &[&str], value: Value| {
            let change = |json: &mut Value| {
                *path.iter().fold(json, |json, name| &mut json[*name]) = value.clone();
            };
            parse(change).unwrap_err().to_string()
        };
        for (path, value) in [
            (&["model_type"][..], json!("siglip")),
            (&["text_config_dict"], json!({"hidden_size": 4})),
            (&["text_config"], json!(null)),
            (&["text_config", "hidden_act"], json!("relu")),
            (&["vision_config", "hidden_act"], json!("relu")),
            (&["vision_config", "patch_size"], json!(9)),
            (&["text_config", "num_attention_heads"], json!(3)),
            (&["projection_dim"], json!(0)),
        ] {
            let error = refusal(path, value);
            assert!(error.contains(path[path.len() - 1]), "{error}");
        }
    }
}
