//! Encoders: BERT and its relatives, one file a family. Mean-pooled embeddings (sentence-transformers), cross-encoder reranking,
//! classification.
//!
//! Tensor names and arithmetic follow the `Model` and `ForSequenceClassification` classes of transformers. A family's file turns its
//! `config.json` into an [`EncoderSpec`]; everything behind is the same for all.

mod bert;
mod distilbert;
mod roberta;
mod spec;

use std::sync::Arc;

pub use spec::{EncoderSpec, HeadLayer, Names};

use crate::exact::attention::Visibility;
use crate::exact::pooling::mean_pool_l2;
use crate::layers::{
    Activation, AttentionDims, Bias, Embedding, Hidden, LayerCache, Linear, Norm, ProjectionBiases,
    ProjectionScopes, SelfAttention, Use, Workspace,
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
struct Encoder {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Option<Embedding>,
    layer_norm: Norm,
    layers: Vec<EncoderLayer>,
    dims: AttentionDims,
    first_position: usize,
    numerics: Numerics,
}

/// An encoder whose output is a unit vector a sequence.
#[derive(Debug)]
pub struct Embedder(Encoder);

/// An encoder whose output is one score a pair of query and document.
#[derive(Debug)]
pub struct Reranker(Headed);

/// An encoder whose output is a logit a label.
#[derive(Debug)]
pub struct Classifier(Headed);

/// An encoder with two linear layers on each sequence's first token.
#[derive(Debug)]
struct Headed {
    encoder: Encoder,
    head: [Linear; 2],
    activation: Activation,
}

impl Embedder {
    /// Loads the encoder; tensor names may begin with the family's prefix.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(spec: &EncoderSpec, weights: &Weights, numerics: Numerics) -> Result<Self> {
        Ok(Self(Encoder::load(&weights.root(), spec, numerics)?))
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
                Numerics::ExactOn(_) => {
                    let mut pooled = hidden.matrix()?.mean_pool(lengths)?;
                    pooled.l2_normalise()?;
                    Ok(pooled.download()?)
                }
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

impl Reranker {
    /// Loads encoder and head, which has one label.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(spec: &EncoderSpec, weights: &Weights, numerics: Numerics) -> Result<Self> {
        Ok(Self(Headed::load(spec, 1, weights, numerics)?))
    }

    /// The relevance of each pair, as a logit: `(batch,)`.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn score(&self, input: &EncoderInput) -> Result<Output> {
        Ok(Output::Scores(self.0.logits(input)?))
    }
}

impl Classifier {
    /// Loads encoder and head.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(spec: &EncoderSpec, weights: &Weights, numerics: Numerics) -> Result<Self> {
        Ok(Self(Headed::load(spec, spec.labels, weights, numerics)?))
    }

    /// A logit for each text and label: `(batch, labels)`.
    ///
    /// # Errors
    /// When the input does not fit the model.
    pub fn classify(&self, input: &EncoderInput) -> Result<Output> {
        Ok(Output::Classification { batch: input.lengths.len(), logits: self.0.logits(input)? })
    }
}

impl Headed {
    fn load(spec: &EncoderSpec, labels: usize, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let (root, hidden, names) = (weights.root(), spec.hidden_size, spec.names);
        let encoder = Encoder::load(&root, spec, numerics)?;
        let linear = |layer: &HeadLayer, outputs| {
            let scope = match layer {
                HeadLayer::OfModel(path) => root.child(path),
                HeadLayer::OfEncoder(path) => {
                    root.optional_child(names.prefix, &format!("{path}.weight")).child(path)
                }
            };
            Linear::load(&scope, hidden, outputs, Bias::Present, numerics)
        };
        let [first, last] = &names.head;
        let head = [linear(first, hidden)?, linear(last, labels)?];
        Ok(Self { encoder, head, activation: names.head_activation })
    }

    /// `(batch, labels)`
    fn logits(&self, input: &EncoderInput) -> Result<Vec<f32>> {
        self.encoder.numerics.enter(|| {
            let mut workspace = Workspace::default();
            // the first token stands for the sequence
            let first = self.encoder.forward(input)?.first_token()?.operand(&mut workspace);
            let [dense, classifier] = &self.head;
            let pooled = dense.activated(&first, self.activation, &mut workspace)?;
            classifier.forward(&pooled)?.into_values()
        })
    }
}

impl Encoder {
    fn load(root: &Scope<'_>, spec: &EncoderSpec, numerics: Numerics) -> Result<Self> {
        let root = root.optional_child(spec.names.prefix, "embeddings.word_embeddings.weight");
        let scope = root.child("embeddings");
        let hidden = spec.hidden_size;
        let table = |name: &str, count: usize| {
            Embedding::load(&scope.child(name), count, hidden, Use::LookUp, numerics)
        };
        let dims = AttentionDims::even(hidden, spec.num_attention_heads);
        let layers = root.child(spec.names.layers);
        Ok(Self {
            word_embeddings: table("word_embeddings", spec.vocab_size)?,
            position_embeddings: table("position_embeddings", spec.max_position_embeddings)?,
            token_type_embeddings: spec
                .type_vocab_size
                .map(|count| table("token_type_embeddings", count))
                .transpose()?,
            layer_norm: Norm::load_layer(&scope.child("LayerNorm"), hidden, spec.layer_norm_eps, numerics)?,
            layers: (0..spec.num_hidden_layers)
                .map(|layer| EncoderLayer::load(&layers.child(layer), spec, dims, numerics))
                .collect::<Result<_>>()?,
            dims,
            first_position: spec.first_position,
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
        let positions: Vec<u32> =
            (self.first_position..self.first_position + seq).map(|row| row as u32).collect();
        let x = self.word_embeddings.forward(&input.ids, batch)?;
        let x = match &self.token_type_embeddings {
            Some(table) => table.add_to(&input.token_types, x)?,
            None => x,
        };
        let mut x = self.layer_norm.forward(self.position_embeddings.add_to(&positions, x)?)?;
        let visibility = Visibility::Lengths(input.lengths.clone());
        let mut cache = LayerCache::of_one_call(self.dims, batch, seq, self.numerics)?;
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
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    activation: Activation,
}

impl EncoderLayer {
    fn load(scope: &Scope<'_>, spec: &EncoderSpec, dims: AttentionDims, numerics: Numerics) -> Result<Self> {
        let (hidden, intermediate, names) = (spec.hidden_size, spec.intermediate_size, spec.names);
        let linear = |path: &str, inputs, outputs| {
            Linear::load(&scope.child(path), inputs, outputs, Bias::Present, numerics)
        };
        let norm = |path: &str| Norm::load_layer(&scope.child(path), hidden, spec.layer_norm_eps, numerics);
        let [query, key, value, output] = names.attention.map(|path| scope.child(path));
        let scopes = ProjectionScopes { query, key, value, output };
        let [widening, narrowing] = names.feed_forward;
        Ok(Self {
            attention: SelfAttention::load(&scopes, dims, ProjectionBiases::all(Bias::Present), numerics)?,
            attention_norm: norm(names.attention_norm)?,
            intermediate: linear(widening, hidden, intermediate)?,
            output: linear(narrowing, intermediate, hidden)?,
            output_norm: norm(names.output_norm)?,
            activation: spec.activation,
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
        let y = self.attention_norm.forward(y)?;
        let operand = y.operand(workspace);
        let widened = self.intermediate.activated(&operand, self.activation, workspace)?;
        let y = self.output.add_to(&widened, y)?;
        workspace.keep(operand);
        workspace.keep(widened);
        self.output_norm.forward(y)
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
