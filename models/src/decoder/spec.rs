use serde_json::Value;

use super::{gemma3, llama, mistral, qwen2, qwen3, qwen3_moe};
use crate::config::ConfigMap;
use crate::exact::rotary::RopeScaling;
use crate::exact::routing::ExpertWeights;
use crate::layers::{Activation, AttentionDims, Bias, ExpertDims, ProjectionBiases, Scale};
use crate::{Error, Result};

/// What a decoder's configuration says of its arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderSpec {
    /// Tokens.
    pub vocab_size: usize,
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// What the rows of the embedding table are multiplied by where they are looked up.
    pub embedding_scale: Option<f32>,
    /// Sizes of attention.
    pub attention: AttentionDims,
    /// Which projections of attention have a bias.
    pub biases: ProjectionBiases,
    /// Whether queries and keys are normalised head by head.
    pub head_norms: HeadNorming,
    /// What scores are multiplied by.
    pub score_scale: f32,
    /// Of the feed-forward part.
    pub activation: Activation,
    /// Added to the mean square.
    pub rms_norm_eps: f64,
    /// What norms multiply by.
    pub norm_scale: Scale,
    /// Where in a layer norms stand.
    pub norms: NormPlaces,
    /// Kinds of rotary positions.
    pub ropes: Vec<RopeSpec>,
    /// What differs from layer to layer.
    pub layers: Vec<LayerSpec>,
    /// The output layer.
    pub head: Head,
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerSpec {
    /// Keys that a query sees at most; `None`: all up to itself.
    pub window: Option<usize>,
    /// Index into [`DecoderSpec::ropes`].
    pub rope: usize,
    /// What follows attention.
    pub feed_forward: FeedForward,
}

/// A layer's feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedForward {
    /// One gated network for all tokens.
    Gated {
        /// Its width.
        intermediate: usize,
        /// Of its three matrices.
        bias: Bias,
    },
    /// Some of many for each token.
    Experts {
        /// Sizes.
        dims: ExpertDims,
        /// What their weights add up to.
        weights: ExpertWeights,
    },
}

/// Rotary positions.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeSpec {
    /// Base of the frequencies.
    pub theta: f64,
    /// Their change for long contexts.
    pub scaling: Option<RopeScaling>,
}

/// Whether queries and keys are normalised head by head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadNorming {
    /// They are not.
    Absent,
    /// Before positions are added.
    Present,
}

/// Where in a layer norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlaces {
    /// Before attention, and before the feed-forward part.
    Before,
    /// Also behind each of them, before the residual sum.
    BeforeAndAfter,
}

/// The output layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// It is the embedding table.
    Tied,
    /// It has a matrix of its own.
    Own,
}

impl DecoderSpec {
    /// Reads the `config.json` of any family of decoders.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(config: &ConfigMap) -> Result<Self> {
        match config.get("model_type").and_then(Value::as_str) {
            Some("llama") => llama::spec(config),
            Some("qwen2") => qwen2::spec(config),
            Some("qwen3") => qwen3::spec(config),
            Some("qwen3_moe") => qwen3_moe::spec(config),
            Some("mistral") => mistral::spec(config),
            Some("gemma3_text") => gemma3::spec(config),
            None => Err(Error::InvalidConfig("missing field `model_type`".to_owned())),
            Some(other) => Err(Error::UnsupportedConfig {
                field: "model_type",
                value: format!("{other:?}"),
                supported: "llama, qwen2, qwen3, qwen3_moe, mistral or gemma3_text",
            }),
        }
    }
}
