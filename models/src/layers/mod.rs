//! Layers with one interface and two numerics. Their fields and tensor names are those of the checkpoints.
//!
//! [`Hidden`] is what flows between layers, [`Operand`] what a product reads: tensors of stock candle in the one numerics, slices
//! of [`crate::exact`] in the other.

mod activation;
mod convolution;
mod cross_attention;
mod embedding;
mod experts;
mod feature_map;
mod gated_mlp;
mod hidden;
mod linear;
mod mlp;
mod native_linear;
mod norm;
mod patch_embedding;
mod pre_norm_encoder;
mod rotary;
mod self_attention;
mod workspace;

pub use activation::Activation;
pub use convolution::{Axes, Convolution, ConvolutionShape};
pub use cross_attention::{CrossAttention, Memory};
pub use embedding::{Embedding, Use};
pub use experts::{ExpertDims, Experts};
pub use feature_map::{FeatureMap, PixelValues};
pub use gated_mlp::GatedMlp;
pub use hidden::{Hidden, Operand};
pub use linear::{Bias, Linear};
pub use mlp::Mlp;
pub use native_linear::NativeMatrix;
pub use norm::{Norm, Scale};
pub use patch_embedding::{PatchEmbedding, PatchShape};
pub use pre_norm_encoder::{PreNormEncoder, PreNormScopes, PreNormShape};
pub use rotary::RotaryEmbedding;
pub use self_attention::{
    AttentionDims, HeadNorms, LayerCache, ProjectionBiases, ProjectionScopes, SelfAttention,
};
pub use workspace::{Observer, Part, Workspace};
