use candle_core::Tensor;
use serde::Deserialize;

use crate::exact::elementwise::{Elementwise, Function, SiluMul};
use crate::{Numerics, Result};

/// An activation of an encoder, by its name in `config.json`.
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
}

impl Activation {
    /// Applies it to each element of `x`, contiguous.
    ///
    /// # Errors
    /// When `x` is not f32.
    pub fn forward(self, x: &Tensor, numerics: Numerics) -> Result<Tensor> {
        let function = match self {
            Self::Gelu => Function::Gelu,
            Self::GeluPytorchTanh => Function::GeluTanh,
            Self::Tanh => Function::Tanh,
        };
        Ok(match (numerics, self) {
            (Numerics::Exact(isa), _) => x.apply_op1_no_bwd(&Elementwise { function, isa })?,
            (Numerics::Native, Self::Gelu) => x.gelu_erf()?,
            (Numerics::Native, Self::GeluPytorchTanh) => x.gelu()?,
            (Numerics::Native, Self::Tanh) => x.tanh()?,
        })
    }
}

/// `silu(gate) * up`, contiguous, equal shapes.
///
/// # Errors
/// When the shapes differ.
pub fn silu_mul(gate: &Tensor, up: &Tensor, numerics: Numerics) -> Result<Tensor> {
    Ok(match numerics {
        Numerics::Exact(isa) => gate.apply_op2_no_bwd(up, &SiluMul { isa })?,
        Numerics::Native => (gate.silu()? * up)?,
    })
}
