use std::sync::Arc;

use super::WhisperConfig;
use crate::exact::attention::Visibility;
use crate::layers::{
    Activation, Axes, Bias, Convolution, ConvolutionShape, Embedding, FeatureMap, Hidden, Norm,
    PreNormEncoder, PreNormScopes, Use, Workspace,
};
use crate::weights::Scope;
use crate::{Error, NativeForm, Numerics, Result};

/// From log-mel spectrograms to states, half as many as frames.
#[derive(Debug)]
pub(super) struct Encoder {
    conv1: Convolution,
    conv2: Convolution,
    embed_positions: Embedding,
    layers: PreNormEncoder,
    layer_norm: Norm,
    bands: usize,
    positions: usize,
    native: NativeForm,
    numerics: Numerics,
}

impl Encoder {
    pub(super) fn load(scope: &Scope<'_>, config: &WhisperConfig, numerics: Numerics) -> Result<Self> {
        let (bands, hidden, positions) = (config.num_mel_bins, config.d_model, config.max_source_positions);
        let shape = config.encoder();
        let convolution = |name: &str, channels, stride| {
            let shape = ConvolutionShape {
                channels,
                outputs: hidden,
                kernel: 3,
                stride,
                padding: 1,
                axes: Axes::One,
            };
            Convolution::load(&scope.child(name), &shape, Bias::Present, numerics)
        };
        let scopes = |layer| {
            let layer = scope.child("layers").child(layer);
            PreNormScopes {
                attention_norm: layer.child("self_attn_layer_norm"),
                projections: super::decoder::projections(&layer.child("self_attn")),
                mlp_norm: layer.child("final_layer_norm"),
                up: layer.child("fc1"),
                down: layer.child("fc2"),
            }
        };
        let table = scope.child("embed_positions");
        Ok(Self {
            conv1: convolution("conv1", bands, 1)?,
            conv2: convolution("conv2", hidden, 2)?,
            embed_positions: Embedding::load(&table, positions, hidden, Use::LookUp, numerics)?,
            layers: PreNormEncoder::load(&shape, scopes, numerics)?,
            layer_norm: Norm::load_layer(&scope.child("layer_norm"), hidden, shape.eps, numerics)?,
            bands,
            positions,
            native: scope.native_form(),
            numerics,
        })
    }

    /// `(batch, frames, bands)` to `(batch, positions, d_model)`
    pub(super) fn forward(
        &self,
        spectrograms: Vec<f32>,
        batch: usize,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let (count, frames) = (spectrograms.len(), 2 * self.positions);
        if batch == 0 || count.checked_div(batch) != Some(frames * self.bands) || count % batch != 0 {
            let bands = self.bands;
            let fact = format!("{count} numbers in {batch} spectrograms of {frames} frames of {bands} bands");
            return Err(Error::InvalidInput(fact));
        }
        let x = FeatureMap::of_sequences(spectrograms, batch, self.bands, self.numerics, &self.native)?;
        // gelu with the error function here, whatever the layers have
        let y = self.conv1.forward(&x, Some(Activation::Gelu), workspace)?;
        let x = self.conv2.forward(&y, Some(Activation::Gelu), workspace)?.into_tokens()?;
        y.recycle(workspace);
        let positions: Vec<u32> = (0..self.positions as u32).collect();
        let x = self.embed_positions.add_to(&positions, x)?;
        let visibility = Visibility::Lengths(Arc::new(vec![self.positions; batch]));
        self.layer_norm.forward(self.layers.forward(x, &visibility, workspace)?)
    }
}
