//! Vision transformers that classify images.
//!
//! Tensor names and arithmetic follow `ViTForImageClassification` of transformers.

mod config;

use std::sync::Arc;

pub use config::VitConfig;

use crate::exact::attention::Visibility;
use crate::layers::{
    Bias, Hidden, Linear, Norm, PatchEmbedding, PixelValues, PreNormEncoder, PreNormScopes, PreNormShape,
    ProjectionBiases, ProjectionScopes, Workspace,
};
use crate::weights::{Init, Weights};
use crate::{Numerics, Output, Result};

/// A vision transformer with a classifier.
#[derive(Debug)]
pub struct Vit {
    embeddings: PatchEmbedding,
    encoder: PreNormEncoder,
    layernorm: Norm,
    classifier: Linear,
    numerics: Numerics,
}

impl Vit {
    /// Loads encoder and classifier.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &VitConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let root = weights.root();
        let vit = root.child("vit");
        let (hidden, eps) = (config.hidden_size, config.layer_norm_eps);
        let embeddings = vit.child("embeddings");
        let class = embeddings.tensor("cls_token", &[1, 1, hidden], Init::Matrix)?;
        let patches = config.patches();
        let tokens = patches.tokens();
        let positions = embeddings.tensor("position_embeddings", &[1, tokens, hidden], Init::Matrix)?;
        let projection = embeddings.child("patch_embeddings.projection");
        let shape = PreNormShape {
            layers: config.num_hidden_layers,
            dims: config.attention(),
            biases: ProjectionBiases { output: Bias::Present, ..ProjectionBiases::all(config.qkv_bias()) },
            intermediate: config.intermediate_size,
            activation: config.hidden_act,
            eps,
        };
        let scopes = |layer| {
            let layer = vit.child("encoder.layer").child(layer);
            let attention = layer.child("attention");
            PreNormScopes {
                attention_norm: layer.child("layernorm_before"),
                projections: ProjectionScopes {
                    query: attention.child("attention.query"),
                    key: attention.child("attention.key"),
                    value: attention.child("attention.value"),
                    output: attention.child("output.dense"),
                },
                mlp_norm: layer.child("layernorm_after"),
                up: layer.child("intermediate.dense"),
                down: layer.child("output.dense"),
            }
        };
        let classes = config.num_labels();
        Ok(Self {
            embeddings: PatchEmbedding::load(&projection, patches, class, positions, numerics)?,
            encoder: PreNormEncoder::load(&shape, scopes, numerics)?,
            layernorm: Norm::load_layer(&vit.child("layernorm"), hidden, eps, numerics)?,
            classifier: Linear::load(&root.child("classifier"), hidden, classes, Bias::Present, numerics)?,
            numerics,
        })
    }

    /// The logits of each image: `(batch, classes)`.
    ///
    /// # Errors
    /// When the images do not fit the model.
    pub fn classify(&self, images: &PixelValues) -> Result<Output> {
        let logits = self.numerics.enter(|| {
            let mut workspace = Workspace::default();
            // The class token stands for the image; what is normalised token by token, the others need not be.
            let class = self.layernorm.forward(self.encode(images, &mut workspace)?.first_token()?)?;
            let class = class.operand(&mut workspace);
            self.classifier.forward(&class)?.into_values()
        })?;
        Ok(Output::Classification { batch: images.dims[0], logits })
    }

    /// The normalised hidden states: `(batch, 1 + patches, hidden)`, row by row.
    ///
    /// # Errors
    /// When the images do not fit the model.
    pub fn hidden_states(&self, images: &PixelValues) -> Result<Vec<f32>> {
        self.numerics.enter(|| {
            let hidden = self.encode(images, &mut Workspace::default())?;
            self.layernorm.forward(hidden)?.into_values()
        })
    }

    fn encode(&self, images: &PixelValues, workspace: &mut Workspace) -> Result<Hidden> {
        let x = self.embeddings.forward(images, workspace)?;
        let (batch, tokens, _) = x.dims();
        let visibility = Visibility::Lengths(Arc::new(vec![tokens; batch]));
        self.encoder.forward(x, &visibility, workspace)
    }
}
