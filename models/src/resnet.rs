//! Residual networks that classify images: ResNet-18 to ResNet-152.
//!
//! Tensor names and arithmetic follow `ResNetForImageClassification` of transformers.

mod config;

pub use config::{LayerType, ResNetConfig};

use crate::layers::{
    Activation, Axes, Bias, Convolution, ConvolutionShape, FeatureMap, Linear, PixelValues, Workspace,
};
use crate::weights::{Scope, Weights};
use crate::{Error, NativeForm, Numerics, Output, Result};

/// Added to the variance by every batch normalisation.
const EPS: f64 = 1e-5;

/// A residual network with a classifier.
#[derive(Debug)]
pub struct ResNet {
    stem: Convolution,
    blocks: Vec<Block>,
    classifier: Linear,
    channels: usize,
    native: NativeForm,
    numerics: Numerics,
}

/// Some convolutions, and what leads past them.
#[derive(Debug)]
struct Block {
    first: Vec<Convolution>,
    last: Convolution,
    /// None where the input itself is added.
    shortcut: Option<Convolution>,
}

impl ResNet {
    /// Loads all stages and the classifier.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &ResNetConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let root = weights.root();
        let resnet = root.child("resnet");
        let stem = convolution(config.num_channels, config.embedding_size, 7, 2);
        let stem = Convolution::load_normalised(&resnet.child("embedder.embedder"), &stem, EPS, numerics)?;
        let mut blocks = Vec::new();
        let mut channels = config.embedding_size;
        for (stage, (&outputs, &depth)) in config.hidden_sizes.iter().zip(&config.depths).enumerate() {
            let layers = resnet.child("encoder.stages").child(stage).child("layers");
            for layer in 0..depth {
                let is_halved = layer == 0 && (stage > 0 || config.downsample_in_first_stage);
                let stride = if is_halved { 2 } else { 1 };
                blocks.push(Block::load(
                    &layers.child(layer),
                    config,
                    (channels, outputs),
                    stride,
                    numerics,
                )?);
                channels = outputs;
            }
        }
        let classes = config.num_labels();
        let classifier =
            Linear::load(&root.child("classifier.1"), channels, classes, Bias::Present, numerics)?;
        let (channels, native) = (config.num_channels, weights.native_form());
        Ok(Self { stem, blocks, classifier, channels, native, numerics })
    }

    /// The logits of each image, of any size that the first windows fit into: `(batch, classes)`.
    ///
    /// # Errors
    /// When the images do not fit the model.
    pub fn classify(&self, images: &PixelValues) -> Result<Output> {
        let [batch, channels, ..] = images.dims;
        if channels != self.channels {
            let expected = self.channels;
            return Err(Error::InvalidInput(format!(
                "images of {channels} channels, the model takes {expected}"
            )));
        }
        let logits = self.numerics.enter(|| {
            let mut workspace = Workspace::default();
            let pooled = self.features(images, &mut workspace)?.mean()?.operand(&mut workspace);
            self.classifier.forward(&pooled)?.into_values()
        })?;
        Ok(Output::Classification { batch, logits })
    }

    fn features(&self, images: &PixelValues, workspace: &mut Workspace) -> Result<FeatureMap> {
        let pixels = FeatureMap::of_pixels(images, self.numerics, &self.native)?;
        let x = self.stem.forward(&pixels, Some(Activation::Relu), workspace)?;
        let mut x = x.max_pool(3, 2, 1, self.numerics, workspace)?;
        for block in &self.blocks {
            x = block.forward(x, workspace)?;
        }
        Ok(x)
    }
}

impl Block {
    fn load(
        scope: &Scope<'_>,
        config: &ResNetConfig,
        (channels, outputs): (usize, usize),
        stride: usize,
        numerics: Numerics,
    ) -> Result<Self> {
        let load = |scope: &Scope<'_>, shape: &ConvolutionShape| {
            Convolution::load_normalised(scope, shape, EPS, numerics)
        };
        let shapes = match config.layer_type {
            LayerType::Basic => {
                vec![convolution(channels, outputs, 3, stride), convolution(outputs, outputs, 3, 1)]
            }
            LayerType::Bottleneck => {
                let reduced = outputs / 4;
                let (first, second) = if config.downsample_in_bottleneck { (stride, 1) } else { (1, stride) };
                vec![
                    convolution(channels, reduced, 1, first),
                    convolution(reduced, reduced, 3, second),
                    convolution(reduced, outputs, 1, 1),
                ]
            }
        };
        let mut first = shapes
            .iter()
            .enumerate()
            .map(|(index, shape)| load(&scope.child("layer").child(index), shape))
            .collect::<Result<Vec<_>>>()?;
        let Some(last) = first.pop() else { unreachable!("a block has two convolutions or more") };
        let shortcut = (channels != outputs || stride != 1)
            .then(|| load(&scope.child("shortcut"), &convolution(channels, outputs, 1, stride)))
            .transpose()?;
        Ok(Self { first, last, shortcut })
    }

    /// `relu(last(first(x)) + shortcut(x))`, with a ReLU behind each of the first convolutions
    fn forward(&self, x: FeatureMap, workspace: &mut Workspace) -> Result<FeatureMap> {
        let mut branch: Option<FeatureMap> = None;
        for convolution in &self.first {
            let y = convolution.forward(branch.as_ref().unwrap_or(&x), Some(Activation::Relu), workspace)?;
            if let Some(read) = branch.replace(y) {
                read.recycle(workspace);
            }
        }
        let residual = match &self.shortcut {
            Some(shortcut) => {
                let residual = shortcut.forward(&x, None, workspace)?;
                x.recycle(workspace);
                residual
            }
            None => x,
        };
        let Some(branch) = branch else { unreachable!("a block has two convolutions or more") };
        let y = self.last.add_to(&branch, residual, Activation::Relu, workspace)?;
        branch.recycle(workspace);
        Ok(y)
    }
}

/// Padded so that a stride of one keeps the size.
fn convolution(channels: usize, outputs: usize, kernel: usize, stride: usize) -> ConvolutionShape {
    ConvolutionShape { channels, outputs, kernel, stride, padding: kernel / 2, axes: Axes::Two }
}
