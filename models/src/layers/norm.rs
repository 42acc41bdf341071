use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::exact;
use crate::weights::{Init, Scope};
use crate::{Numerics, Result};

/// Root-mean-square or layer normalisation over the last axis.
#[derive(Clone, Debug)]
pub struct Norm(Kind);

#[derive(Clone, Debug)]
enum Kind {
    NativeRms { weight: Tensor, eps: f32 },
    NativeLayer { weight: Tensor, bias: Tensor, eps: f32 },
    Exact(exact::norm::Norm),
}

impl Norm {
    /// Loads a root-mean-square norm: `weight`: `(hidden,)`.
    ///
    /// # Errors
    /// When the tensor cannot be loaded.
    pub fn load_rms(scope: &Scope<'_>, hidden: usize, eps: f64, numerics: Numerics) -> Result<Self> {
        let weight = scope.tensor("weight", &[hidden], Init::Scale)?;
        let eps = eps as f32;
        Ok(Self(match numerics {
            Numerics::Native => {
                Kind::NativeRms { weight: Tensor::from_vec(weight, hidden, &Device::Cpu)?, eps }
            }
            Numerics::Exact(isa) => {
                let kind = exact::norm::NormKind::RootMeanSquare;
                Kind::Exact(exact::norm::Norm { weight: Arc::new(weight), kind, eps, isa })
            }
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
            Numerics::Native => Kind::NativeLayer {
                weight: Tensor::from_vec(weight, hidden, &Device::Cpu)?,
                bias: Tensor::from_vec(bias, hidden, &Device::Cpu)?,
                eps,
            },
            Numerics::Exact(isa) => {
                let kind = exact::norm::NormKind::Layer { bias: Arc::new(bias) };
                Kind::Exact(exact::norm::Norm { weight: Arc::new(weight), kind, eps, isa })
            }
        }))
    }

    /// Normalises `x`: `(.., hidden)`, contiguous.
    ///
    /// # Errors
    /// When the last axis is not `hidden` long.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match &self.0 {
            Kind::NativeRms { weight, eps } => candle_nn::ops::rms_norm(x, weight, *eps)?,
            Kind::NativeLayer { weight, bias, eps } => candle_nn::ops::layer_norm(x, weight, bias, *eps)?,
            Kind::Exact(norm) => x.apply_op1_no_bwd(norm)?,
        })
    }
}
