//! DistilBERT: `DistilBertModel` and `DistilBertForSequenceClassification`. No segments, and a head with ReLU.

use serde::Deserialize;

use super::spec::{EncoderSpec, HeadLayer, Names};
use crate::Result;
use crate::config::{self, ConfigMap, labels, require};
use crate::layers::Activation;

/// No field of the configuration.
const LAYER_NORM_EPS: f64 = 1e-12;

const NAMES: Names = Names {
    prefix: "distilbert",
    layers: "transformer.layer",
    attention: ["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"],
    attention_norm: "sa_layer_norm",
    feed_forward: ["ffn.lin1", "ffn.lin2"],
    output_norm: "output_layer_norm",
    head: [HeadLayer::OfModel("pre_classifier"), HeadLayer::OfModel("classifier")],
    head_activation: Activation::Relu,
};

#[derive(Deserialize)]
struct DistilBertFields {
    vocab_size: usize,
    dim: usize,
    hidden_dim: usize,
    n_layers: usize,
    n_heads: usize,
    max_position_embeddings: usize,
    activation: Activation,
}

pub(super) fn spec(map: &ConfigMap) -> Result<EncoderSpec> {
    require(map, "activation", "gelu", |value| value == "gelu")?;
    let fields: DistilBertFields = config::parse(map)?;
    Ok(EncoderSpec {
        vocab_size: fields.vocab_size,
        hidden_size: fields.dim,
        intermediate_size: fields.hidden_dim,
        num_hidden_layers: fields.n_layers,
        num_attention_heads: fields.n_heads,
        max_position_embeddings: fields.max_position_embeddings,
        first_position: 0,
        type_vocab_size: None,
        layer_norm_eps: LAYER_NORM_EPS,
        activation: fields.activation,
        labels: labels(map)?,
        names: &NAMES,
    })
}
