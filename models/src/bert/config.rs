use serde::Deserialize;
use serde_json::json;

use crate::config::{self, ConfigMap, require, require_divides, require_model_type};
use crate::layers::Activation;
use crate::{Error, Result};

/// The fields of `config.json` that decide the arithmetic of a BERT-family encoder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BertConfig {
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
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// Segments.
    #[serde(default = "default_type_vocab_size")]
    pub type_vocab_size: usize,
    /// Added to the variance.
    pub layer_norm_eps: f64,
    /// Between the two halves of the feed-forward part.
    pub hidden_act: Activation,
}

fn default_type_vocab_size() -> usize {
    2
}

impl BertConfig {
    /// Parses and checks `config.json`.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        require_model_type(map, "bert")?;
        require(map, "position_embedding_type", "absolute", |value| value == "absolute")?;
        require(map, "hidden_act", "gelu, gelu_new or gelu_pytorch_tanh", |value| {
            ["gelu", "gelu_new", "gelu_pytorch_tanh"].iter().any(|name| value == name)
        })?;
        require(map, "is_decoder", "false", |value| *value == json!(false))?;
        require(map, "id2label", "one label", |value| {
            value.as_object().is_some_and(|labels| labels.len() <= 2)
        })?;
        let parsed: Self = config::parse(map)?;
        require_divides(
            "hidden_size by num_attention_heads",
            parsed.num_attention_heads,
            parsed.hidden_size,
        )?;
        let sizes = [
            parsed.vocab_size,
            parsed.intermediate_size,
            parsed.max_position_embeddings,
            parsed.type_vocab_size,
        ];
        if sizes.contains(&0) {
            return Err(Error::InvalidConfig("a size is zero".to_owned()));
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        let base = json!({
            "model_type": "bert", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
        });
        let parse = |field: &str, value: serde_json::Value| {
            let mut map = base.as_object().unwrap().clone();
            map.insert(field.to_owned(), value);
            BertConfig::parse(&map)
        };
        assert!(parse("vocab_size", json!(9)).is_ok());
        for (field, value) in [
            ("position_embedding_type", json!("relative_key")),
            ("hidden_act", json!("relu")),
            ("is_decoder", json!(true)),
            ("model_type", json!("roberta")),
        ] {
            let error = parse(field, value).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
        assert!(parse("num_attention_heads", json!(3)).is_err());
        assert!(parse("intermediate_size", json!(0)).is_err());
    }
}
