use serde_json::Value;

use super::convolution::Convolution;
use super::fields::{ConfigFault, Fields, MAX_SIZE, fault};
use super::stack::{Bias, Linear};

/// Stages, and layers of a stage, far beyond any model.
const MAX_STAGES: usize = 64;
const MAX_DEPTH: u64 = 1 << 10;
/// Scale, shift, running mean and running variance.
const NORM: u64 = 4;

/// Sizes of an image classifier of convolutions: ResNet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Residual {
    /// Colours.
    pub channels: u64,
    /// The first convolution, before the pool.
    pub(crate) stem: Convolution,
    /// Those of each layer behind it.
    pub(crate) layers: Vec<ResidualLayer>,
    /// Outputs of the classifier.
    pub labels: u64,
}

/// Convolutions one after another, and one around them where sizes change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResidualLayer {
    pub(crate) convolutions: Vec<Convolution>,
    pub(crate) shortcut: Option<Convolution>,
}

impl Residual {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let channels = fields.optional_size("num_channels", 16)?.unwrap_or(3);
        let embedding = fields.size("embedding_size", MAX_SIZE)?;
        let widths = fields.sizes("hidden_sizes", MAX_SIZE)?;
        let depths = fields.sizes("depths", MAX_DEPTH)?;
        if widths.is_empty() || widths.len() > MAX_STAGES || widths.len() != depths.len() {
            let fact = format!("{} depths for {} hidden_sizes", depths.len(), widths.len());
            return Err(fault("depths", fact));
        }
        let kind = fields.0.get("layer_type").and_then(Value::as_str).unwrap_or("bottleneck");
        if !["bottleneck", "basic"].contains(&kind) {
            return Err(fault("layer_type", format!("layer_type `{kind}` is neither bottleneck nor basic")));
        }
        let downsamples_first = fields.flag("downsample_in_first_stage", false)?;
        let in_bottleneck = fields.flag("downsample_in_bottleneck", false)?;
        let mut layers = Vec::new();
        let mut inputs = embedding;
        for (stage, (width, depth)) in widths.iter().zip(depths).enumerate() {
            for layer in 0..depth {
                let halves = layer == 0 && (stage > 0 || downsamples_first);
                let stride = if halves { 2 } else { 1 };
                let convolutions = match (kind, in_bottleneck) {
                    ("basic", _) => {
                        vec![convolution(*width, inputs, 3, stride), convolution(*width, *width, 3, 1)]
                    }
                    (_, true) => bottleneck(*width, inputs, [stride, 1]),
                    (_, false) => bottleneck(*width, inputs, [1, stride]),
                };
                let changes = inputs != *width || stride != 1;
                let shortcut = changes.then(|| convolution(*width, inputs, 1, stride));
                layers.push(ResidualLayer { convolutions, shortcut });
                inputs = *width;
            }
        }
        let stem = convolution(embedding, channels, 7, 2);
        Ok(Self { channels, stem, layers, labels: fields.labels()? })
    }

    pub(super) fn parameters(&self) -> u128 {
        let layers = self.layers.iter().flat_map(|layer| layer.convolutions.iter().chain(&layer.shortcut));
        let convolutions = std::iter::once(&self.stem).chain(layers);
        convolutions.map(Convolution::parameters).sum::<u128>() + u128::from(self.head().weights())
    }

    /// The classifier; it sees one row an image.
    pub(crate) fn head(&self) -> Linear {
        let last = self.layers.last().and_then(|layer| layer.convolutions.last());
        let inputs = last.map_or(self.stem.outputs, |convolution| convolution.outputs);
        Linear { outputs: self.labels, inputs, bias: Bias::Present }
    }

    /// Each convolution with the number of its windows in an image of `image_size` pixels a side, in order.
    pub(crate) fn windows(&self, image_size: u64) -> Vec<(Convolution, u64)> {
        let mut all = vec![(self.stem, image_size.div_ceil(2).pow(2))];
        // The pool halves once more.
        let mut side = image_size.div_ceil(2).div_ceil(2);
        for layer in &self.layers {
            let before = side;
            for convolution in &layer.convolutions {
                side = side.div_ceil(convolution.stride);
                all.push((*convolution, side.pow(2)));
            }
            if let Some(shortcut) = &layer.shortcut {
                all.push((*shortcut, before.div_ceil(shortcut.stride).pow(2)));
            }
        }
        all
    }
}

fn bottleneck(width: u64, inputs: u64, [first, second]: [u64; 2]) -> Vec<Convolution> {
    let inner = (width / 4).max(1);
    vec![
        convolution(inner, inputs, 1, first),
        convolution(inner, inner, 3, second),
        convolution(width, inner, 1, 1),
    ]
}

/// With padding of half the kernel, and a normalisation.
fn convolution(outputs: u64, channels: u64, kernel: u64, stride: u64) -> Convolution {
    Convolution { outputs, channels, area: kernel * kernel, stride, numbers_an_output: NORM }
}
