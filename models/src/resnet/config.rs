use serde::Deserialize;

use crate::config::{self, ConfigMap, labels, require, require_divides, require_model_type, require_sizes};
use crate::{Error, Result};

/// The fields of `config.json` that decide the arithmetic of a residual network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ResNetConfig {
    /// Of an image.
    pub num_channels: usize,
    /// Channels behind the first convolution.
    pub embedding_size: usize,
    /// Channels behind each stage.
    pub hidden_sizes: Vec<usize>,
    /// Blocks of each stage.
    pub depths: Vec<usize>,
    /// What a block is.
    pub layer_type: LayerType,
    /// Whether the first stage halves its images as the others do.
    #[serde(default)]
    pub downsample_in_first_stage: bool,
    /// Whether a bottleneck halves its images at its first convolution, not its second.
    #[serde(default)]
    pub downsample_in_bottleneck: bool,
    #[serde(skip)]
    num_labels: usize,
}

/// What a block is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerType {
    /// Two convolutions of 3 x 3.
    Basic,
    /// 3 x 3 between two of 1 x 1, on a quarter of the channels.
    Bottleneck,
}

impl ResNetConfig {
    /// Parses and checks `config.json`.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        require_model_type(map, "resnet")?;
        require(map, "hidden_act", "relu", |value| value == "relu")?;
        require(map, "layer_type", "basic or bottleneck", |value| value == "basic" || value == "bottleneck")?;
        require(map, "quantization_config", "absent", |_| false)?;
        let parsed = Self { num_labels: labels(map)?, ..config::parse(map)? };
        require_sizes(&[("num_channels", parsed.num_channels), ("embedding_size", parsed.embedding_size)])?;
        if parsed.depths.is_empty() || parsed.depths.len() != parsed.hidden_sizes.len() {
            let (depths, sizes) = (parsed.depths.len(), parsed.hidden_sizes.len());
            return Err(Error::InvalidConfig(format!("{depths} depths and {sizes} hidden_sizes")));
        }
        for (&size, &depth) in parsed.hidden_sizes.iter().zip(&parsed.depths) {
            require_sizes(&[("hidden_sizes", size), ("depths", depth)])?;
            if parsed.layer_type == LayerType::Bottleneck {
                require_divides("hidden_sizes by 4", 4, size)?;
            }
        }
        Ok(parsed)
    }

    /// Classes, as many as `id2label` names; two where it is absent.
    #[must_use]
    pub fn num_labels(&self) -> usize {
        self.num_labels
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(field: &str, value: serde_json::Value) -> String {
        let json = json!({
            "model_type": "resnet", "num_channels": 3, "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2],
            "layer_type": "bottleneck", "hidden_act": "relu",
        });
        let mut map = json.as_object().unwrap().clone();
        assert!(ResNetConfig::parse(&map).is_ok());
        map.insert(field.to_owned(), value);
        ResNetConfig::parse(&map).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        for (field, value) in [
            ("hidden_act", json!("gelu")),
            ("layer_type", json!("inverted")),
            ("model_type", json!("regnet")),
            ("depths", json!([1])),
            ("depths", json!([1, 0])),
            ("depths", json!([1, u64::MAX])),
            ("hidden_sizes", json!([8, 10])),
            ("embedding_size", json!(0)),
        ] {
            let error = refusal(field, value);
            assert!(error.contains(field), "{error}");
        }
    }
}
