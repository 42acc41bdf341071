//! BERT, MiniLM, BGE: `BertModel` and `BertForSequenceClassification`.

use serde::Deserialize;
use serde_json::json;

use super::spec::{EncoderSpec, HeadLayer, Names};
use crate::Result;
use crate::config::{self, ConfigMap, labels, require, require_gelu};
use crate::layers::Activation;

pub(super) const NAMES: Names = Names {
    prefix: "bert",
    layers: "encoder.layer",
    attention: [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
    ],
    attention_norm: "attention.output.LayerNorm",
    feed_forward: ["intermediate.dense", "output.dense"],
    output_norm: "output.LayerNorm",
    head: [HeadLayer::OfEncoder("pooler.dense"), HeadLayer::OfModel("classifier")],
    head_activation: Activation::Tanh,
};

/// The fields that BERT and its relatives name alike.
#[derive(Deserialize)]
pub(super) struct BertFields {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) max_position_embeddings: usize,
    #[serde(default = "default_type_vocab_size")]
    pub(super) type_vocab_size: usize,
    pub(super) layer_norm_eps: f64,
    pub(super) hidden_act: Activation,
}

fn default_type_vocab_size() -> usize {
    2
}

pub(super) fn spec(map: &ConfigMap) -> Result<EncoderSpec> {
    BertFields::read(map)?.spec(map)
}

impl BertFields {
    pub(super) fn read(map: &ConfigMap) -> Result<Self> {
        require(map, "position_embedding_type", "absolute", |value| value == "absolute")?;
        require_gelu(map, "hidden_act")?;
        require(map, "is_decoder", "false", |value| *value == json!(false))?;
        config::parse(map)
    }

    pub(super) fn spec(self, map: &ConfigMap) -> Result<EncoderSpec> {
        Ok(EncoderSpec {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            max_position_embeddings: self.max_position_embeddings,
            first_position: 0,
            type_vocab_size: Some(self.type_vocab_size),
            layer_norm_eps: self.layer_norm_eps,
            activation: self.hidden_act,
            labels: labels(map)?,
            names: &NAMES,
        })
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
            EncoderSpec::parse(&map)
        };
        assert_eq!(parse("vocab_size", json!(9)).unwrap().labels, 2);
        assert_eq!(parse("id2label", json!({"0": "a", "1": "b", "2": "c"})).unwrap().labels, 3);
        assert_eq!(parse("num_labels", json!(5)).unwrap().labels, 5);
        for (field, value) in [
            ("position_embedding_type", json!("relative_key")),
            ("hidden_act", json!("relu")),
            ("is_decoder", json!(true)),
            ("model_type", json!("mamba")),
        ] {
            let error = parse(field, value).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
        assert!(parse("num_attention_heads", json!(3)).is_err());
        assert!(parse("intermediate_size", json!(0)).is_err());
        assert!(parse("num_labels", json!(0)).is_err());
        assert!(parse("id2label", json!([])).is_err());
    }
}
