use serde_json::Value;

use super::{bert, distilbert, roberta};
use crate::config::{ConfigMap, require_divides, require_sizes};
use crate::layers::Activation;
use crate::{Error, Result};

/// What an encoder's configuration says of its arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderSpec {
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
    /// Rows of the table of positions.
    pub max_position_embeddings: usize,
    /// The row of a sequence's first token.
    pub first_position: usize,
    /// Rows of the table of segments; `None`: there is none.
    pub type_vocab_size: Option<usize>,
    /// Added to the variance.
    pub layer_norm_eps: f64,
    /// Between the two halves of the feed-forward part.
    pub activation: Activation,
    /// Outputs of a classifier.
    pub labels: usize,
    /// Where a checkpoint has its tensors.
    pub names: &'static Names,
}

/// Where a family's checkpoints have their tensors.
#[derive(Debug, PartialEq)]
pub struct Names {
    /// Before the encoder's tensors, in checkpoints with a head.
    pub prefix: &'static str,
    /// Of all layers.
    pub layers: &'static str,
    /// Of queries, keys, values and the output.
    pub attention: [&'static str; 4],
    /// Behind attention.
    pub attention_norm: &'static str,
    /// Of the feed-forward part.
    pub feed_forward: [&'static str; 2],
    /// Behind the feed-forward part.
    pub output_norm: &'static str,
    /// The two layers of a classifier.
    pub head: [HeadLayer; 2],
    /// Between them.
    pub head_activation: Activation,
}

/// A linear layer of a head.
#[derive(Debug, PartialEq)]
pub enum HeadLayer {
    /// Below the encoder's prefix.
    OfEncoder(&'static str),
    /// Beside the encoder.
    OfModel(&'static str),
}

impl EncoderSpec {
    /// Reads the `config.json` of any family of encoders.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(config: &ConfigMap) -> Result<Self> {
        let spec = match config.get("model_type").and_then(Value::as_str) {
            Some("bert") => bert::spec(config),
            Some("distilbert") => distilbert::spec(config),
            Some("roberta" | "xlm-roberta") => roberta::spec(config),
            None => Err(Error::InvalidConfig("missing field `model_type`".to_owned())),
            Some(other) => Err(Error::UnsupportedConfig {
                field: "model_type",
                value: format!("{other:?}"),
                supported: "bert, distilbert, roberta or xlm-roberta",
            }),
        }?;
        require_divides("hidden size by heads", spec.num_attention_heads, spec.hidden_size)?;
        require_sizes(&[
            ("vocabulary", spec.vocab_size),
            ("hidden size", spec.hidden_size),
            ("intermediate size", spec.intermediate_size),
            ("layers", spec.num_hidden_layers),
            ("max_position_embeddings", spec.positions()),
            ("type_vocab_size", spec.type_vocab_size.unwrap_or(1)),
        ])?;
        Ok(spec)
    }

    /// The longest sequence.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position)
    }
}
