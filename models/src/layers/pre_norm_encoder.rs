use super::{
    Activation, AttentionDims, Hidden, LayerCache, Mlp, Norm, Part, ProjectionBiases, ProjectionScopes,
    SelfAttention, Workspace,
};
use crate::exact::attention::Visibility;
use crate::weights::Scope;
use crate::{Numerics, Result};

/// Layers that normalise what goes into their parts, as vision transformers and Whisper have them.
#[derive(Clone, Debug)]
pub struct PreNormEncoder {
    layers: Vec<PreNormLayer>,
    dims: AttentionDims,
    numerics: Numerics,
}

/// Sizes and functions of all layers.
#[derive(Clone, Copy, Debug)]
pub struct PreNormShape {
    /// How many layers.
    pub layers: usize,
    /// Of the attention.
    pub dims: AttentionDims,
    /// Of its projections.
    pub biases: ProjectionBiases,
    /// Width of the feed-forward part.
    pub intermediate: usize,
    /// Between its two products.
    pub activation: Activation,
    /// Added to the variance.
    pub eps: f64,
}

/// Where a layer's tensors lie in a checkpoint.
pub struct PreNormScopes<'a> {
    /// Before the attention.
    pub attention_norm: Scope<'a>,
    /// Of the attention.
    pub projections: ProjectionScopes<'a>,
    /// Before the feed-forward part.
    pub mlp_norm: Scope<'a>,
    /// Its first product.
    pub up: Scope<'a>,
    /// Its second product.
    pub down: Scope<'a>,
}

#[derive(Clone, Debug)]
struct PreNormLayer {
    attention_norm: Norm,
    attention: SelfAttention,
    mlp_norm: Norm,
    mlp: Mlp,
}

impl PreNormEncoder {
    /// Loads the layers, whose tensors lie where `scopes` says.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load<'a>(
        shape: &PreNormShape,
        scopes: impl Fn(usize) -> PreNormScopes<'a>,
        numerics: Numerics,
    ) -> Result<Self> {
        let layers = (0..shape.layers).map(|layer| PreNormLayer::load(shape, &scopes(layer), numerics));
        Ok(Self { layers: layers.collect::<Result<_>>()?, dims: shape.dims, numerics })
    }

    /// Runs `x`: `(batch, seq, hidden)`, through all layers.
    ///
    /// # Errors
    /// When `x` is of the other numerics, or does not fit `visibility`.
    pub fn forward(
        &self,
        mut x: Hidden,
        visibility: &Visibility,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let (batch, seq, _) = x.dims();
        let mut cache = LayerCache::of_one_call(self.dims, batch, seq, self.numerics)?;
        for layer in &self.layers {
            cache.clear();
            x = layer.forward(x, visibility, &mut cache, workspace)?;
        }
        Ok(x)
    }
}

impl PreNormLayer {
    fn load(shape: &PreNormShape, scopes: &PreNormScopes<'_>, numerics: Numerics) -> Result<Self> {
        let hidden = shape.dims.hidden;
        let norm = |scope: &Scope<'_>| Norm::load_layer(scope, hidden, shape.eps, numerics);
        let (up_and_down, intermediate) = ((&scopes.up, &scopes.down), shape.intermediate);
        Ok(Self {
            attention_norm: norm(&scopes.attention_norm)?,
            attention: SelfAttention::load(&scopes.projections, shape.dims, shape.biases, numerics)?,
            mlp_norm: norm(&scopes.mlp_norm)?,
            mlp: Mlp::load(up_and_down, hidden, intermediate, shape.activation, numerics)?,
        })
    }

    /// `y + mlp(norm(y))` with `y = x + attention(norm(x))`
    fn forward(
        &self,
        x: Hidden,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let normed = self.attention_norm.operand(&x, workspace)?;
        workspace.ended(Part::Norm);
        let y = self.attention.add_to(normed, x, None, visibility, cache, workspace)?;
        let normed = self.mlp_norm.operand(&y, workspace)?;
        workspace.ended(Part::Norm);
        self.mlp.add_to(normed, y, workspace)
    }
}
