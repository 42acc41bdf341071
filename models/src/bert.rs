//! Encoders of the BERT family: mean-pooled embeddings (sentence-transformers) and cross-encoder reranking.
//!
//! Tensor names and arithmetic follow `BertModel` and `BertForSequenceClassification` of transformers.

mod config;

use std::sync::Arc;

pub use config::BertConfig;

use crate::exact::attention::Visibility;
use crate::exact::pooling::mean_pool_l2;
use crate::layers::{
    Activation, AttentionDims, Bias, Embedding, Hidden, LayerCache, Linear, Norm, ProjectionScopes,
    SelfAttention, Use, Workspace,
};
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
    dims: AttentionDims,
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
        let lengths = &input.lengths;
        let values = self.0.numerics.enter(|| {
            let hidden = self.0.forward(input)?;
            match self.0.numerics {
                Numerics::Exact(_) => Ok(mean_pool_l2(hidden.values()?, lengths, self.0.dims.hidden)),
                Numerics::Native => native_mean_pool_l2(&hidden, lengths)?.into_values(),
            }
        })?;
        Ok(Output::Embedding { batch: lengths.len(), values })
    }

    /// The hidden states: `(batch, seq, hidden)`, row by row.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn hidden_states(&self, input: &EncoderInput) -> Result<Vec<f32>> {
        self.0.numerics.enter(|| self.0.forward(input)?.into_values())
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
        let scores = self.bert.numerics.enter(|| {
            let mut workspace = Workspace::default();
            // the first token stands for the sequence
            let first = self.bert.forward(input)?.first_token()?.operand(&mut workspace);
            let pooled = self.pooler.activated(&first, Activation::Tanh, &mut workspace)?;
            self.classifier.forward(&pooled)?.into_values()
        })?;
        Ok(Output::Scores(scores))
    }
}

impl Bert {
    fn load(root: &Scope<'_>, config: &BertConfig, numerics: Numerics) -> Result<Self> {
        let root = root.optional_child("bert", "embeddings.word_embeddings.weight");
        let scope = root.child("embeddings");
        let hidden = config.hidden_size;
        let table = |name: &str, count: usize| {
            Embedding::load(&scope.child(name), count, hidden, Use::LookUp, numerics)
        };
        let heads = config.num_attention_heads;
        let dims = AttentionDims { hidden, heads, kv_heads: heads, head_dim: hidden / heads };
        Ok(Self {
            word_embeddings: table("word_embeddings", config.vocab_size)?,
            position_embeddings: table("position_embeddings", config.max_position_embeddings)?,
            token_type_embeddings: table("token_type_embeddings", config.type_vocab_size)?,
            layer_norm: Norm::load_layer(&scope.child("LayerNorm"), hidden, config.layer_norm_eps, numerics)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| {
                    EncoderLayer::load(&root.child("encoder.layer").child(layer), config, dims, numerics)
                })
                .collect::<Result<_>>()?,
            dims,
            numerics,
        })
    }

    fn forward(&self, input: &EncoderInput) -> Result<Hidden> {
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
        if input.lengths.iter().any(|length| !(1..=seq).contains(length)) {
            let lengths = &input.lengths;
            return Err(Error::InvalidInput(format!("lengths {lengths:?} of sequences of {seq} tokens")));
        }
        let positions: Vec<u32> = (0..seq as u32).collect();
        let x = self.word_embeddings.forward(&input.ids, batch)?;
        let x = self.token_type_embeddings.add_to(&input.token_types, x)?;
        let mut x = self.layer_norm.forward(self.position_embeddings.add_to(&positions, x)?)?;
        let visibility = Visibility::Lengths(input.lengths.clone());
        let mut cache = LayerCache::of_one_call(self.dims, batch, seq, self.numerics);
        let mut workspace = Workspace::default();
        for layer in &self.layers {
            cache.clear();
            x = layer.forward(x, &visibility, &mut cache, &mut workspace)?;
        }
        Ok(x)
    }
}

#[derive(Debug)]
struct EncoderLayer {
    attention: SelfAttention,
    attention_layer_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_layer_norm: Norm,
    hidden_act: Activation,
}

impl EncoderLayer {
    fn load(scope: &Scope<'_>, config: &BertConfig, dims: AttentionDims, numerics: Numerics) -> Result<Self> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let linear = |path: &str, inputs, outputs| {
            Linear::load(&scope.child(path), inputs, outputs, Bias::Present, numerics)
        };
        let norm = |path: &str| Norm::load_layer(&scope.child(path), hidden, config.layer_norm_eps, numerics);
        let scopes = ProjectionScopes {
            query: scope.child("attention.self.query"),
            key: scope.child("attention.self.key"),
            value: scope.child("attention.self.value"),
            output: scope.child("attention.output.dense"),
        };
        Ok(Self {
            attention: SelfAttention::load(&scopes, dims, Bias::Present, Bias::Present, numerics)?,
            attention_layer_norm: norm("attention.output.LayerNorm")?,
            intermediate: linear("intermediate.dense", hidden, intermediate)?,
            output: linear("output.dense", intermediate, hidden)?,
            output_layer_norm: norm("output.LayerNorm")?,
            hidden_act: config.hidden_act,
        })
    }

    /// `norm(mlp(y) + y)` with `y = norm(attention(x) + x)`
    fn forward(
        &self,
        x: Hidden,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let operand = x.operand(workspace);
        let y = self.attention.add_to(operand, x, None, visibility, cache, workspace)?;
        let y = self.attention_layer_norm.forward(y)?;
        let operand = y.operand(workspace);
        let widened = self.intermediate.activated(&operand, self.hidden_act, workspace)?;
        let y = self.output.add_to(&widened, y)?;
        workspace.keep(operand);
        workspace.keep(widened);
        self.output_layer_norm.forward(y)
    }
}

/// Stock kernels: mean over the tokens, then division by the Euclidean norm.
fn native_mean_pool_l2(hidden: &Hidden, lengths: &[usize]) -> Result<Hidden> {
    let hidden = hidden.tensor()?;
    let mut means = Vec::with_capacity(lengths.len());
    for (batch, &length) in lengths.iter().enumerate() {
        means.push(hidden.get(batch)?.narrow(0, 0, length)?.mean(0)?);
    }
    let means = candle_core::Tensor::stack(&means, 0)?;
    let norms = means.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(1e-12)?;
    Hidden::native(means.broadcast_div(&norms)?.unsqueeze(1)?)
}
