use serde::Deserialize;
use serde_json::json;

use crate::Result;
use crate::config::{
    self, ConfigMap, labels, require, require_divides, require_gelu, require_model_type, require_sizes,
};
use crate::layers::{Activation, AttentionDims, Bias, PatchShape};

/// The fields of `config.json` that decide the arithmetic of a vision transformer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VitConfig {
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
    pub num_channels: usize,
    /// Added to the variance.
    pub layer_norm_eps: f64,
    /// Between the two halves of the feed-forward part.
    pub hidden_act: Activation,
    #[serde(default = "default_qkv_bias")]
    qkv_bias: bool,
    #[serde(skip)]
    num_labels: usize,
}

fn default_qkv_bias() -> bool {
    true
}

impl VitConfig {
    /// Parses and checks `config.json`.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        require_model_type(map, "vit")?;
        require_gelu(map, "hidden_act")?;
        for field in ["image_size", "patch_size"] {
            require(map, field, "one number", |value| value.is_u64())?;
        }
        require(map, "quantization_config", "absent", |value| *value == json!(null))?;
        let parsed = Self { num_labels: labels(map)?, ..config::parse(map)? };
        require_divides(
            "hidden_size by num_attention_heads",
            parsed.num_attention_heads,
            parsed.hidden_size,
        )?;
        require_sizes(&[
            ("hidden_size", parsed.hidden_size),
            ("intermediate_size", parsed.intermediate_size),
            ("num_hidden_layers", parsed.num_hidden_layers),
            ("image_size", parsed.image_size),
            ("patch_size", parsed.patch_size),
            ("num_channels", parsed.num_channels),
        ])?;
        parsed.patches().check()?;
        Ok(parsed)
    }

    /// Classes, as many as `id2label` names; two where it is absent.
    #[must_use]
    pub fn num_labels(&self) -> usize {
        self.num_labels
    }

    pub(super) fn qkv_bias(&self) -> Bias {
        if self.qkv_bias { Bias::Present } else { Bias::Absent }
    }

    pub(super) fn attention(&self) -> AttentionDims {
        AttentionDims::even(self.hidden_size, self.num_attention_heads)
    }

    pub(super) fn patches(&self) -> PatchShape {
        PatchShape {
            image_size: self.image_size,
            patch_size: self.patch_size,
            channels: self.num_channels,
            hidden: self.hidden_size,
            projection_bias: Bias::Present,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: impl Fn(&mut ConfigMap)) -> Result<VitConfig> {
        let json = json!({
            "model_type": "vit", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "num_channels": 3, "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
        });
        let mut map = json.as_object().unwrap().clone();
        change(&mut map);
        VitConfig::parse(&map)
    }

    #[test]
    fn labels_are_counted_and_default_to_two() {
        assert_eq!(parse(|_| {}).unwrap().num_labels(), 2);
        let labels = json!({"0": "a", "1": "b", "2": "c"});
        assert_eq!(parse(|map| drop(map.insert("id2label".into(), labels.clone()))).unwrap().num_labels(), 3);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        for (field, value) in [
            ("hidden_act", json!("relu")),
            ("model_type", json!("deit")),
            ("image_size", json!([32, 64])),
            ("patch_size", json!(0)),
            ("patch_size", json!(64)),
            ("num_channels", json!(0)),
            ("image_size", json!(u64::MAX)),
            ("intermediate_size", json!(u64::MAX)),
            ("id2label", json!({})),
        ] {
            let error = parse(|map| drop(map.insert(field.into(), value.clone()))).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
