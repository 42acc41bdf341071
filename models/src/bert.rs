//! Encoders of the BERT family: mean-pooled embeddings (sentence-transformers) and cross-encoder reranking.
//!
//! Tensor names and arithmetic follow `BertModel` and `BertForSequenceClassification` of transformers.

mod config;

use std::sync::Arc;

use candle_core::Tensor;

pub use config::BertConfig;

use crate::exact::attention::Visibility;
use crate::exact::pooling::MeanPoolL2;
use crate::layers::{Activation, Bias, Embedding, Linear, Norm, attention};
use crate::weights::{Scope, Weights};
use crate::{Error, Numerics, Output, Result};

/// Token sequences for an encoder, padded on the right to one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderInput {
    /// `(batch, seq)`, one sequence after another.
    pub ids: Vec<u32>,
    /// The segment of each token, as `ids`.
    pub token_types: Vec<u32>,
    /// Tokens of each sequence that are no padding: `(batch,)`.
    pub lengths: Arc<Vec<usize>>,
}

/// An encoder without a head.
#[derive(Debug)]
pub struct Bert {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    layer_norm: Norm,
    layers: Vec<EncoderLayer>,
    numerics: Numerics,
}

/// An encoder whose output is a unit vector a sequence.
#[derive(Debug)]
pub struct BertEmbedder(Bert);

/// An encoder whose output is one score a pair of query and document.
#[derive(Debug)]
pub struct BertReranker {
    bert: Bert,
    pooler: Linear,
    classifier: Linear,
}

impl BertEmbedder {
    /// Loads the encoder; tensor names may begin with `bert.`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &BertConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        Ok(Self(Bert::load(&weights.root(), config, numerics)?))
    }

    /// The mean over each sequence's tokens, normalised to length one: `(batch, hidden)`.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn embed(&self, input: &EncoderInput) -> Result<Output> {
        let hidden = self.0.forward(input)?;
        let pooled = match self.0.numerics {
            Numerics::Exact(_) => hidden.apply_op1_no_bwd(&MeanPoolL2 { lengths: input.lengths.clone() })?,
            Numerics::Native => native_mean_pool_l2(&hidden, &input.lengths)?,
        };
        Ok(Output::Embedding { batch: input.lengths.len(), values: pooled.flatten_all()?.to_vec1()? })
    }

    /// The hidden states: `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn hidden_states(&self, input: &EncoderInput) -> Result<Tensor> {
        self.0.forward(input)
    }
}

impl BertReranker {
    /// Loads encoder, pooler and a classifier with one label.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &BertConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let root = weights.root();
        let hidden = config.hidden_size;
        let bert = Bert::load(&root, config, numerics)?;
        let scope = root.optional_child("bert", "pooler.dense.weight");
        let pooler =
            Linear::load(&scope.child("pooler").child("dense"), hidden, hidden, Bias::Present, numerics)?;
        let classifier = Linear::load(&root.child("classifier"), hidden, 1, Bias::Present, numerics)?;
        Ok(Self { bert, pooler, classifier })
    }

    /// The relevance of each pair, as a logit: `(batch,)`.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn score(&self, input: &EncoderInput) -> Result<Output> {
        let hidden = self.bert.forward(input)?;
        // the first token stands for the sequence: (batch, seq, hidden) -> (batch, hidden)
        let first = hidden.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
        let pooled = Activation::Tanh.forward(&self.pooler.forward(&first)?, self.bert.numerics)?;
        Ok(Output::Scores(self.classifier.forward(&pooled)?.flatten_all()?.to_vec1()?))
    }
}

impl Bert {
    fn load(root: &Scope<'_>, config: &BertConfig, numerics: Numerics) -> Result<Self> {
        let root = root.optional_child("bert", "embeddings.word_embeddings.weight");
        let scope = root.child("embeddings");
        let hidden = config.hidden_size;
        let table = |name: &str, count: usize| Embedding::load(&scope.child(name), count, hidden, numerics);
        Ok(Self {
            word_embeddings: table("word_embeddings", config.vocab_size)?,
            position_embeddings: table("position_embeddings", config.max_position_embeddings)?,
            token_type_embeddings: table("token_type_embeddings", config.type_vocab_size)?,
            layer_norm: Norm::load_layer(&scope.child("LayerNorm"), hidden, config.layer_norm_eps, numerics)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| EncoderLayer::load(&root.child("encoder.layer").child(layer), config, numerics))
                .collect::<Result<_>>()?,
            numerics,
        })
    }

    fn forward(&self, input: &EncoderInput) -> Result<Tensor> {
        let batch = input.lengths.len();
        let seq = input.ids.len() / batch.max(1);
        if batch == 0
            || seq == 0
            || input.ids.len() != batch * seq
            || input.token_types.len() != input.ids.len()
        {
            let (ids, types) = (input.ids.len(), input.token_types.len());
            return Err(Error::InvalidInput(format!(
                "{ids} ids and {types} token types in {batch} sequences"
            )));
        }
        let positions: Vec<u32> = (0..seq as u32).collect();
        let words = self.word_embeddings.forward(&input.ids, batch)?;
        let types = self.token_type_embeddings.forward(&input.token_types, batch)?;
        let positions = self.position_embeddings.forward(&positions, 1)?;
        let mut x = self.layer_norm.forward(&(words + types)?.broadcast_add(&positions)?)?;
        let visibility = Visibility::Lengths(input.lengths.clone());
        for layer in &self.layers {
            x = layer.forward(&x, &visibility)?;
        }
        Ok(x)
    }
}

#[derive(Debug)]
struct EncoderLayer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_layer_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_layer_norm: Norm,
    hidden_act: Activation,
    heads: usize,
    numerics: Numerics,
}

impl EncoderLayer {
    fn load(scope: &Scope<'_>, config: &BertConfig, numerics: Numerics) -> Result<Self> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let linear = |path: &str, inputs, outputs| {
            Linear::load(&scope.child(path), inputs, outputs, Bias::Present, numerics)
        };
        let norm = |path: &str| Norm::load_layer(&scope.child(path), hidden, config.layer_norm_eps, numerics);
        Ok(Self {
            query: linear("attention.self.query", hidden, hidden)?,
            key: linear("attention.self.key", hidden, hidden)?,
            value: linear("attention.self.value", hidden, hidden)?,
            attention_output: linear("attention.output.dense", hidden, hidden)?,
            attention_layer_norm: norm("attention.output.LayerNorm")?,
            intermediate: linear("intermediate.dense", hidden, intermediate)?,
            output: linear("output.dense", intermediate, hidden)?,
            output_layer_norm: norm("output.LayerNorm")?,
            hidden_act: config.hidden_act,
            heads: config.num_attention_heads,
            numerics,
        })
    }

    fn forward(&self, x: &Tensor, visibility: &Visibility) -> Result<Tensor> {
        let (batch, seq, hidden) = x.dims3()?;
        // (batch, seq, hidden) -> (batch, heads, seq, head_dim)
        let split = |x: Tensor| -> Result<Tensor> {
            Ok(x.reshape((batch, seq, self.heads, hidden / self.heads))?.transpose(1, 2)?.contiguous()?)
        };
        let q = split(self.query.forward(x)?)?;
        let k = split(self.key.forward(x)?)?;
        let v = split(self.value.forward(x)?)?;
        let attended = self.attention_output.forward(&attention(&q, &k, &v, visibility, self.numerics)?)?;
        let x = self.attention_layer_norm.forward(&(attended + x)?)?;
        let widened = self.hidden_act.forward(&self.intermediate.forward(&x)?, self.numerics)?;
        self.output_layer_norm.forward(&(self.output.forward(&widened)? + &x)?)
    }
}

/// Stock kernels: mean over the tokens, then division by the Euclidean norm.
fn native_mean_pool_l2(hidden: &Tensor, lengths: &[usize]) -> Result<Tensor> {
    let mut means = Vec::with_capacity(lengths.len());
    for (batch, &length) in lengths.iter().enumerate() {
        means.push(hidden.get(batch)?.narrow(0, 0, length)?.mean(0)?);
    }
    let means = Tensor::stack(&means, 0)?;
    let norms = means.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(1e-12)?;
    Ok(means.broadcast_div(&norms)?)
}
