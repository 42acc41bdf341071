//! Contrastive models of images and texts: how alike an image and a text are.
//!
//! Tensor names and arithmetic follow `CLIPModel` of transformers.

mod config;

use std::sync::Arc;

pub use config::{ClipConfig, ClipTextConfig, ClipVisionConfig};

use crate::exact::attention::Visibility;
use crate::exact::pooling::l2_normalise;
use crate::exact::similarity::similarities;
use crate::layers::{
    Bias, Embedding, Hidden, Linear, Norm, PatchEmbedding, PixelValues, PreNormEncoder, PreNormScopes,
    PreNormShape, ProjectionScopes, Use, Workspace,
};
use crate::weights::{Init, Scope, Weights};
use crate::{Error, Numerics, Output, Result};

/// Images, and the texts that they are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipInput {
    /// Of all requests, one after another.
    pub images: PixelValues,
    /// Token ids of the texts of all requests, of one length: `(texts, seq)`. What follows a text's end token is not looked at.
    pub texts: Vec<Vec<u32>>,
    /// How many requests images and texts divide into; an image is compared with the texts of its own.
    pub requests: usize,
}

/// A text encoder and an image encoder, whose outputs lie in one space.
#[derive(Debug)]
pub struct Clip {
    text: TextEncoder,
    vision: VisionEncoder,
    /// The logarithm of what cosines are multiplied by.
    logit_scale: f32,
    numerics: Numerics,
}

#[derive(Debug)]
struct TextEncoder {
    token_embedding: Embedding,
    position_embedding: Embedding,
    encoder: PreNormEncoder,
    final_layer_norm: Norm,
    projection: Linear,
    eos_token_id: u32,
}

#[derive(Debug)]
struct VisionEncoder {
    embeddings: PatchEmbedding,
    pre_layrnorm: Norm,
    encoder: PreNormEncoder,
    post_layernorm: Norm,
    projection: Linear,
}

impl Clip {
    /// Loads both encoders and their projections.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &ClipConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let root = weights.root();
        Ok(Self {
            text: TextEncoder::load(&root, config, numerics)?,
            vision: VisionEncoder::load(&root, config, numerics)?,
            logit_scale: root.tensor("logit_scale", &[], Init::LogitScale)?[0],
            numerics,
        })
    }

    /// How alike each image and each text of its request are, as logits: `(images, texts a request)`.
    ///
    /// # Errors
    /// When the input does not fit the model, or does not divide into its requests.
    pub fn compare(&self, input: &ClipInput) -> Result<Output> {
        let (images, texts, requests) = (input.images.dims[0], input.texts.len(), input.requests);
        if requests == 0 || [images, texts].iter().any(|count| *count == 0 || !count.is_multiple_of(requests))
        {
            let fact = format!("{images} images and {texts} texts in {requests} requests");
            return Err(Error::InvalidInput(fact));
        }
        let values = self.numerics.enter(|| {
            let image_embeds = self.vision.embed(&input.images, self.numerics)?;
            let text_embeds = self.text.embed(&input.texts, self.numerics)?;
            match self.numerics {
                Numerics::Native => {
                    native_similarities(&image_embeds, &text_embeds, self.logit_scale, requests)
                }
                Numerics::Exact(_) | Numerics::ExactOn(_) => {
                    let width = image_embeds.dims().2;
                    let (images, texts) = (image_embeds.into_values()?, text_embeds.into_values()?);
                    let groups =
                        images.chunks(images.len() / requests).zip(texts.chunks(texts.len() / requests));
                    let scale = self.logit_scale;
                    Ok(groups.flat_map(|(images, texts)| similarities(images, texts, width, scale)).collect())
                }
            }
        })?;
        Ok(Output::Similarity { images, values })
    }

    /// Each image as a unit vector: `(images, projection)`.
    ///
    /// # Errors
    /// When the images do not fit the model.
    pub fn embed_images(&self, images: &PixelValues) -> Result<Output> {
        let values = self.numerics.enter(|| self.vision.embed(images, self.numerics)?.into_values())?;
        Ok(Output::Embedding { batch: images.dims[0], values })
    }

    /// Each text as a unit vector: `(texts, projection)`.
    ///
    /// # Errors
    /// When the texts do not fit the model.
    pub fn embed_texts(&self, texts: &[Vec<u32>]) -> Result<Output> {
        let values = self.numerics.enter(|| self.text.embed(texts, self.numerics)?.into_values())?;
        Ok(Output::Embedding { batch: texts.len(), values })
    }
}

impl TextEncoder {
    fn load(root: &Scope<'_>, config: &ClipConfig, numerics: Numerics) -> Result<Self> {
        let (scope, text) = (root.child("text_model"), &config.text_config);
        let (hidden, eps) = (text.hidden_size, text.layer_norm_eps);
        let table = |name: &str, count| {
            Embedding::load(&scope.child("embeddings").child(name), count, hidden, Use::LookUp, numerics)
        };
        let shape = text.encoder();
        Ok(Self {
            token_embedding: table("token_embedding", text.vocab_size)?,
            position_embedding: table("position_embedding", text.max_position_embeddings)?,
            encoder: load_encoder(&scope, &shape, numerics)?,
            final_layer_norm: Norm::load_layer(&scope.child("final_layer_norm"), hidden, eps, numerics)?,
            projection: load_projection(&root.child("text_projection"), hidden, config, numerics)?,
            eos_token_id: text.eos_token_id,
        })
    }

    /// Unit vectors: `(texts, 1, projection)`
    fn embed(&self, texts: &[Vec<u32>], numerics: Numerics) -> Result<Hidden> {
        let seq = texts.first().map_or(0, Vec::len);
        if seq == 0 || texts.iter().any(|text| text.len() != seq) {
            return Err(Error::InvalidInput("texts of unequal length in one batch, or empty".to_owned()));
        }
        let mut workspace = Workspace::default();
        // First, so that a text beyond the table is refused before its tokens are looked up.
        let positions: Vec<u32> = (0..seq as u32).collect();
        self.position_embedding.check(&positions)?;
        let x = self.token_embedding.forward(&texts.concat(), texts.len())?;
        let x = self.position_embedding.add_to(&positions, x)?;
        let x = self.encoder.forward(x, &Visibility::Causal { first: 0 }, &mut workspace)?;
        let ends: Vec<usize> = texts.iter().map(|text| self.end(text)).collect();
        let pooled = self.final_layer_norm.operand(&x.token_of_each(&ends)?, &mut workspace)?;
        normalised(self.projection.forward(&pooled)?, numerics)
    }

    /// Where a text ends. Checkpoints that say 2 never meant it: there the largest id ends a text. Where no end token is, the first
    /// token stands for the text, as in transformers.
    fn end(&self, text: &[u32]) -> usize {
        let end = if self.eos_token_id == 2 { text.iter().max() } else { Some(&self.eos_token_id) };
        text.iter().position(|id| Some(id) == end).unwrap_or(0)
    }
}

impl VisionEncoder {
    fn load(root: &Scope<'_>, config: &ClipConfig, numerics: Numerics) -> Result<Self> {
        let (scope, vision) = (root.child("vision_model"), &config.vision_config);
        let (hidden, patches) = (vision.hidden_size, vision.patches());
        let embeddings = scope.child("embeddings");
        let class = embeddings.tensor("class_embedding", &[hidden], Init::Matrix)?;
        let positions = embeddings.child("position_embedding");
        let positions = positions.tensor("weight", &[patches.tokens(), hidden], Init::Matrix)?;
        let norm = |name: &str| Norm::load_layer(&scope.child(name), hidden, vision.layer_norm_eps, numerics);
        let projection = embeddings.child("patch_embedding");
        Ok(Self {
            embeddings: PatchEmbedding::load(&projection, patches, class, positions, numerics)?,
            pre_layrnorm: norm("pre_layrnorm")?,
            encoder: load_encoder(&scope, &vision.encoder(), numerics)?,
            post_layernorm: norm("post_layernorm")?,
            projection: load_projection(&root.child("visual_projection"), hidden, config, numerics)?,
        })
    }

    /// Unit vectors: `(images, 1, projection)`
    fn embed(&self, images: &PixelValues, numerics: Numerics) -> Result<Hidden> {
        let mut workspace = Workspace::default();
        let x = self.pre_layrnorm.forward(self.embeddings.forward(images, &mut workspace)?)?;
        let (batch, tokens, _) = x.dims();
        let visibility = Visibility::Lengths(Arc::new(vec![tokens; batch]));
        let x = self.encoder.forward(x, &visibility, &mut workspace)?;
        let pooled = self.post_layernorm.operand(&x.first_token()?, &mut workspace)?;
        normalised(self.projection.forward(&pooled)?, numerics)
    }
}

fn load_encoder(scope: &Scope<'_>, shape: &PreNormShape, numerics: Numerics) -> Result<PreNormEncoder> {
    let scopes = |layer| {
        let layer = scope.child("encoder.layers").child(layer);
        let attention = layer.child("self_attn");
        PreNormScopes {
            attention_norm: layer.child("layer_norm1"),
            projections: ProjectionScopes {
                query: attention.child("q_proj"),
                key: attention.child("k_proj"),
                value: attention.child("v_proj"),
                output: attention.child("out_proj"),
            },
            mlp_norm: layer.child("layer_norm2"),
            up: layer.child("mlp.fc1"),
            down: layer.child("mlp.fc2"),
        }
    };
    PreNormEncoder::load(shape, scopes, numerics)
}

fn load_projection(
    scope: &Scope<'_>,
    hidden: usize,
    config: &ClipConfig,
    numerics: Numerics,
) -> Result<Linear> {
    Linear::load(scope, hidden, config.projection_dim, Bias::Absent, numerics)
}

/// Rows divided by their Euclidean norms.
fn normalised(mut x: Hidden, numerics: Numerics) -> Result<Hidden> {
    match numerics {
        Numerics::Exact(_) => {
            let width = x.dims().2;
            x.values_mut()?.chunks_exact_mut(width).for_each(l2_normalise);
            Ok(x)
        }
        Numerics::ExactOn(_) => {
            let (batch, ..) = x.dims();
            let mut x = x.into_matrix()?;
            x.l2_normalise()?;
            Ok(Hidden::on_device(x, batch))
        }
        Numerics::Native => {
            let x = x.tensor()?;
            Hidden::native(x.broadcast_div(&x.sqr()?.sum_keepdim(2)?.sqrt()?)?)
        }
    }
}

/// Stock kernels: `(images, 1, width)` times `(texts, 1, width)`, a request at a time.
fn native_similarities(
    images: &Hidden,
    texts: &Hidden,
    logit_scale: f32,
    requests: usize,
) -> Result<Vec<f32>> {
    let (images, texts) = (images.tensor()?.squeeze(1)?, texts.tensor()?.squeeze(1)?);
    let ((of_images, width), (of_texts, _)) = (images.dims2()?, texts.dims2()?);
    let images = images.reshape((requests, of_images / requests, width))?;
    let texts = texts.reshape((requests, of_texts / requests, width))?;
    let logits = (images.matmul(&texts.transpose(1, 2)?.contiguous()?)? * f64::from(logit_scale).exp())?;
    Hidden::native(logits)?.into_values()
}
