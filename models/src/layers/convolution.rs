use candle_core::{Module, ModuleT, Tensor};
use candle_nn::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};

use super::feature_map::Kind as Map;
use super::{Activation, Bias, FeatureMap, Workspace};
use crate::exact::batch_norm::BatchNorm;
use crate::exact::convolution::{Finish, Images, PackedConvolution, Window};
use crate::exact::device;
use crate::weights::{Init, Scope};
use crate::{Numerics, Result};

/// A convolution, with or without batch normalisation behind it.
#[derive(Clone, Debug)]
pub struct Convolution(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Native {
        convolution: Native,
        norm: Option<candle_nn::BatchNorm>,
    },
    Exact {
        packed: PackedConvolution,
        norm: Option<BatchNorm>,
    },
    /// With its normalisation.
    OnDevice(device::Convolution),
}

#[derive(Clone, Debug)]
enum Native {
    Along(Conv1d),
    Across(Conv2d),
}

/// Sizes of a convolution, the same along each of its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Channels that it reads.
    pub channels: usize,
    /// Channels that it writes.
    pub outputs: usize,
    /// Elements of a window along an axis.
    pub kernel: usize,
    /// Steps from one window to the next.
    pub stride: usize,
    /// Zeros before and after.
    pub padding: usize,
    /// Over sequences or images.
    pub axes: Axes,
}

/// What a convolution's windows move over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Sequences: images of one row. Its weight is `(outputs, channels, kernel)`.
    One,
    /// Images. Its weight is `(outputs, channels, kernel, kernel)`.
    Two,
}

impl ConvolutionShape {
    fn window(&self) -> Window {
        let along = |first, second| if self.axes == Axes::One { (first, second) } else { (second, second) };
        Window {
            kernel: along(1, self.kernel),
            stride: along(1, self.stride),
            padding: along(0, self.padding),
            dilation: (1, 1),
        }
    }

    fn weight(&self) -> Vec<usize> {
        let axes = if self.axes == Axes::One { 1 } else { 2 };
        [[self.outputs, self.channels].to_vec(), vec![self.kernel; axes]].concat()
    }
}

impl Convolution {
    /// Loads `weight` and, if present, `bias`: `(outputs,)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(scope: &Scope<'_>, shape: &ConvolutionShape, bias: Bias, numerics: Numerics) -> Result<Self> {
        let weight = scope.tensor("weight", &shape.weight(), Init::Matrix)?;
        let bias = match bias {
            Bias::Present => Some(scope.tensor("bias", &[shape.outputs], Init::Bias)?),
            Bias::Absent => None,
        };
        let precision = scope.precision();
        Ok(Self(match numerics {
            Numerics::Exact(isa) => {
                let window = shape.window();
                let packed = PackedConvolution::new(&weight, bias, shape.channels, window, precision, isa);
                Kind::Exact { packed, norm: None }
            }
            Numerics::ExactOn(device) => {
                let (bias, window) = (bias.as_deref(), shape.window());
                let convolution =
                    device::Convolution::new(device, &weight, bias, shape.channels, window, precision)?;
                Kind::OnDevice(convolution)
            }
            Numerics::Native => {
                let native = scope.native_form();
                let weight = native.tensor(weight, &shape.weight())?;
                let bias = bias.map(|bias| native.tensor(bias, &[shape.outputs])).transpose()?;
                let ConvolutionShape { stride, padding, .. } = *shape;
                let convolution = match shape.axes {
                    Axes::One => {
                        let config = Conv1dConfig { stride, padding, ..Conv1dConfig::default() };
                        Native::Along(Conv1d::new(weight, bias, config))
                    }
                    Axes::Two => {
                        let config = Conv2dConfig { stride, padding, ..Conv2dConfig::default() };
                        Native::Across(Conv2d::new(weight, bias, config))
                    }
                };
                Kind::Native { convolution, norm: None }
            }
        }))
    }

    /// Loads a convolution without bias from `convolution`, and the normalisation behind it from `normalization`: `weight`, `bias`,
    /// `running_mean` and `running_var`, each `(outputs,)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load_normalised(
        scope: &Scope<'_>,
        shape: &ConvolutionShape,
        eps: f64,
        numerics: Numerics,
    ) -> Result<Self> {
        let loaded = Self::load(&scope.child("convolution"), shape, Bias::Absent, numerics)?;
        let scope = scope.child("normalization");
        let channels = |name: &str, init| scope.tensor(name, &[shape.outputs], init);
        let (weight, bias) = (channels("weight", Init::Scale)?, channels("bias", Init::Bias)?);
        let mean = channels("running_mean", Init::Bias)?;
        let variance = channels("running_var", Init::Scale)?;
        let exact = |mean, weight, bias| BatchNorm::new(mean, &variance, weight, bias, eps as f32);
        Ok(Self(match loaded.0 {
            Kind::Exact { packed, .. } => Kind::Exact { packed, norm: Some(exact(mean, weight, bias)) },
            Kind::OnDevice(convolution) => {
                Kind::OnDevice(convolution.normalised(&exact(mean, weight, bias))?)
            }
            Kind::Native { convolution, .. } => {
                let tensor = |values| scope.native_form().tensor(values, &[shape.outputs]);
                let (mean, variance) = (tensor(mean)?, tensor(variance.clone())?);
                let (weight, bias) = (tensor(weight)?, tensor(bias)?);
                let norm = candle_nn::BatchNorm::new(shape.outputs, mean, variance, weight, bias, eps)?;
                Kind::Native { convolution, norm: Some(norm) }
            }
        }))
    }

    /// `activation(norm(convolution(x)))`
    ///
    /// # Errors
    /// When no window fits into an image, or `x` is of the other numerics.
    pub fn forward(
        &self,
        x: &FeatureMap,
        activation: Option<Activation>,
        workspace: &mut Workspace,
    ) -> Result<FeatureMap> {
        Ok(FeatureMap(match (&self.0, &x.0) {
            (Kind::Native { convolution, norm }, Map::Native(x)) => {
                Map::Native(activated(native(convolution, norm.as_ref(), x)?, activation)?)
            }
            (Kind::Exact { packed, norm }, Map::Exact(x)) => {
                let y = workspace.rows();
                Map::Exact(in_blocks(workspace, |blocks| {
                    packed.forward(x, finish(norm.as_ref(), activation), y, blocks)
                })?)
            }
            (Kind::OnDevice(convolution), Map::OnDevice(x)) => {
                let function = activation.map(Activation::function);
                Map::OnDevice(convolution.forward(x, None, function)?)
            }
            _ => return Err(super::hidden::mixed()),
        }))
    }

    /// `activation(norm(convolution(x)) + residual)`
    ///
    /// # Errors
    /// When no window fits into an image, the residual has another shape than the result, or one is of the other numerics.
    pub fn add_to(
        &self,
        x: &FeatureMap,
        residual: FeatureMap,
        activation: Activation,
        workspace: &mut Workspace,
    ) -> Result<FeatureMap> {
        Ok(FeatureMap(match (&self.0, &x.0, residual.0) {
            (Kind::Native { convolution, norm }, Map::Native(x), Map::Native(residual)) => {
                let y = (native(convolution, norm.as_ref(), x)? + residual)?;
                Map::Native(activated(y, Some(activation))?)
            }
            (Kind::Exact { packed, norm }, Map::Exact(x), Map::Exact(residual)) => {
                Map::Exact(in_blocks(workspace, |blocks| {
                    packed.add_to(x, finish(norm.as_ref(), Some(activation)), residual, blocks)
                })?)
            }
            (Kind::OnDevice(convolution), Map::OnDevice(x), Map::OnDevice(residual)) => {
                Map::OnDevice(convolution.forward(x, Some(residual), Some(activation.function()))?)
            }
            _ => return Err(super::hidden::mixed()),
        }))
    }
}

fn finish(norm: Option<&BatchNorm>, activation: Option<Activation>) -> Finish<'_> {
    Finish { norm, function: activation.map(Activation::function) }
}

/// With blocks of the workspace, which it gets back.
fn in_blocks(
    workspace: &mut Workspace,
    convolve: impl FnOnce(&mut crate::exact::blocks::Blocks) -> Result<Images>,
) -> Result<Images> {
    let mut blocks = workspace.blocks();
    let images = convolve(&mut blocks);
    workspace.keep_blocks(blocks);
    images
}

/// Stock kernels, on images.
fn native(convolution: &Native, norm: Option<&candle_nn::BatchNorm>, x: &Tensor) -> Result<Tensor> {
    let y = match convolution {
        Native::Along(convolution) => convolution.forward(&x.squeeze(2)?)?.unsqueeze(2)?,
        Native::Across(convolution) => convolution.forward(x)?,
    };
    Ok(match norm {
        Some(norm) => norm.forward_t(&y, false)?,
        None => y,
    })
}

fn activated(x: Tensor, activation: Option<Activation>) -> Result<Tensor> {
    activation.map_or(Ok(x.clone()), |activation| activation.tensor(&x))
}
