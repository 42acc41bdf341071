use std::ops::Range;

use candle_core::Tensor;

use super::hidden::mixed;
use super::{Hidden, Operand, Workspace};
use crate::exact::device::{self, Matrix};
use crate::exact::isa::Isa;
use crate::exact::norm::{Norm as ExactNorm, NormKind};
use crate::weights::{Init, Scope};
use crate::{Numerics, Result};

/// Root-mean-square or layer normalisation over the last axis.
#[derive(Clone, Debug)]
pub struct Norm(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Native(NativeNorm),
    Exact(ExactNorm),
    OnDevice(device::Norm),
}

#[derive(Clone, Debug)]
enum NativeNorm {
    RootMeanSquare { weight: Tensor, eps: f32 },
    Layer { weight: Tensor, bias: Tensor, eps: f32 },
}

/// What a root-mean-square norm multiplies by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// `weight`.
    Weight,
    /// `1 + weight`.
    OnePlusWeight,
}

impl Norm {
    /// Loads a root-mean-square norm: `weight`: `(hidden,)`.
    ///
    /// # Errors
    /// When the tensor cannot be loaded.
    pub fn load_rms(
        scope: &Scope<'_>,
        hidden: usize,
        scale: Scale,
        eps: f64,
        numerics: Numerics,
    ) -> Result<Self> {
        let weight = match scale {
            Scale::Weight => scope.tensor("weight", &[hidden], Init::Scale)?,
            Scale::OnePlusWeight => {
                let offset = scope.tensor("weight", &[hidden], Init::ScaleOffset)?;
                offset.into_iter().map(|weight| 1.0 + weight).collect()
            }
        };
        let eps = eps as f32;
        Ok(Self(match numerics {
            Numerics::Native => {
                let weight = scope.native_form().tensor(weight, &[hidden])?;
                Kind::Native(NativeNorm::RootMeanSquare { weight, eps })
            }
            Numerics::Exact(isa) => {
                Kind::Exact(ExactNorm { weight, kind: NormKind::RootMeanSquare, eps, isa })
            }
            Numerics::ExactOn(device) => on_device(device, weight, NormKind::RootMeanSquare, eps)?,
        }))
    }

    /// Loads a layer norm: `weight` and `bias`: `(hidden,)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load_layer(scope: &Scope<'_>, hidden: usize, eps: f64, numerics: Numerics) -> Result<Self> {
        let weight = scope.tensor("weight", &[hidden], Init::Scale)?;
        let bias = scope.tensor("bias", &[hidden], Init::Bias)?;
        let eps = eps as f32;
        Ok(Self(match numerics {
            Numerics::Native => {
                let tensor = |values| scope.native_form().tensor(values, &[hidden]);
                Kind::Native(NativeNorm::Layer { weight: tensor(weight)?, bias: tensor(bias)?, eps })
            }
            Numerics::Exact(isa) => {
                Kind::Exact(ExactNorm { weight, kind: NormKind::Layer { bias }, eps, isa })
            }
            Numerics::ExactOn(device) => on_device(device, weight, NormKind::Layer { bias }, eps)?,
        }))
    }

    /// Normalises `x`: `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When the last axis is not `hidden` long.
    pub fn forward(&self, mut x: Hidden) -> Result<Hidden> {
        match &self.0 {
            Kind::Exact(norm) => {
                norm.in_place(x.values_mut()?);
                Ok(x)
            }
            Kind::OnDevice(norm) => {
                let (batch, ..) = x.dims();
                let mut x = x.into_matrix()?;
                norm.in_place(&mut x)?;
                Ok(Hidden::on_device(x, batch))
            }
            Kind::Native(norm) => Hidden::native(norm.forward(x.tensor()?)?),
        }
    }

    /// Normalises `x`: `(batch, seq, hidden)`, for a product to read.
    ///
    /// # Errors
    /// When the last axis is not `hidden` long.
    pub fn operand(&self, x: &Hidden, workspace: &mut Workspace) -> Result<Operand> {
        match &self.0 {
            Kind::Exact(norm) => {
                let (batch, ..) = x.dims();
                Ok(Operand::Exact(norm.forward(x.values()?, workspace.blocks()), batch))
            }
            Kind::OnDevice(norm) => Ok(Operand::on_device(norm.forward(x.matrix()?)?, x.dims().0)),
            Kind::Native(norm) => Ok(Operand::Native(norm.forward(x.tensor()?)?)),
        }
    }
}

impl Norm {
    /// Normalises the last axis of a tensor of stock candle, whatever the others.
    pub(super) fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            Kind::Native(norm) => norm.forward(x),
            Kind::Exact(_) | Kind::OnDevice(_) => Err(mixed()),
        }
    }

    /// Normalises the heads in `columns` of each row of `x`: `(rows, stride)`, each by itself.
    pub(super) fn heads_in_place(&self, x: &mut [f32], stride: usize, columns: Range<usize>) -> Result<()> {
        match &self.0 {
            Kind::Exact(norm) => {
                norm.columns_in_place(x, stride, columns);
                Ok(())
            }
            Kind::Native(_) | Kind::OnDevice(_) => Err(mixed()),
        }
    }

    /// As [`Self::heads_in_place`], of rows on a device.
    pub(super) fn heads_on_device(&self, x: &mut Matrix, columns: Range<usize>) -> Result<()> {
        match &self.0 {
            Kind::OnDevice(norm) => Ok(norm.columns_in_place(x, columns)?),
            Kind::Native(_) | Kind::Exact(_) => Err(mixed()),
        }
    }
}

fn on_device(device: &'static device::Device, weight: Vec<f32>, kind: NormKind, eps: f32) -> Result<Kind> {
    let norm = ExactNorm { weight, kind, eps, isa: Isa::Portable };
    Ok(Kind::OnDevice(device::Norm::new(device, &norm)?))
}

impl NativeNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::RootMeanSquare { weight, eps } => candle_nn::ops::rms_norm(x, weight, *eps)?,
            Self::Layer { weight, bias, eps } => candle_nn::ops::layer_norm(x, weight, bias, *eps)?,
        })
    }
}
