use candle_core::Tensor;
use serde::Deserialize;

use crate::Result;
use crate::exact::function::Function;

/// An activation by its name in `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// With the error function.
    Gelu,
    /// With the hyperbolic tangent.
    #[serde(alias = "gelu_new")]
    GeluPytorchTanh,
    /// The hyperbolic tangent.
    Tanh,
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// The larger of 0 and `x`.
    Relu,
}

impl Activation {
    /// The exact function.
    pub(super) fn function(self) -> Function {
        match self {
            Self::Gelu => Function::Gelu,
            Self::GeluPytorchTanh => Function::GeluTanh,
            Self::Tanh => Function::Tanh,
            Self::Silu => Function::Silu,
            Self::QuickGelu => Function::QuickGelu,
            Self::Relu => Function::Relu,
        }
    }

    /// Stock candle's.
    pub(super) fn tensor(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => x.gelu_erf()?,
            Self::GeluPytorchTanh => x.gelu()?,
            Self::Tanh => x.tanh()?,
            Self::Silu => x.silu()?,
            Self::QuickGelu => (candle_nn::ops::sigmoid(&(x * 1.702)?)? * x)?,
            Self::Relu => x.relu()?,
        })
    }
}
