use candle_core::{Device, Module, Tensor};

use super::Embedding;
use crate::exact::linear::PackedLinear;
use crate::weights::{Init, Scope};
use crate::{Numerics, Result};

/// Whether a layer has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// A tensor `bias` beside `weight`.
    Present,
    /// None.
    Absent,
}

/// `y = x w^T + b`: `(.., in_features)` to `(.., out_features)`.
#[derive(Clone, Debug)]
pub struct Linear(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Native(candle_nn::Linear),
    Exact(PackedLinear),
}

impl Linear {
    /// Loads `weight`: `(out_features, in_features)` and, if present, `bias`: `(out_features,)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scope: &Scope<'_>,
        in_features: usize,
        out_features: usize,
        bias: Bias,
        numerics: Numerics,
    ) -> Result<Self> {
        let weight = scope.tensor("weight", &[out_features, in_features], Init::Matrix)?;
        let bias = match bias {
            Bias::Present => Some(scope.tensor("bias", &[out_features], Init::Bias)?),
            Bias::Absent => None,
        };
        Ok(Self(match numerics {
            Numerics::Exact(isa) => {
                Kind::Exact(PackedLinear::new(&weight, bias, in_features, out_features, isa))
            }
            Numerics::Native => {
                let device = &Device::Cpu;
                let weight = Tensor::from_vec(weight, (out_features, in_features), device)?;
                let bias = bias.map(|bias| Tensor::from_vec(bias, out_features, device)).transpose()?;
                Kind::Native(candle_nn::Linear::new(weight, bias))
            }
        }))
    }

    /// The output layer that shares its weights with the embedding, without a second copy.
    #[must_use]
    pub fn tied(embedding: &Embedding) -> Self {
        Self(match embedding {
            Embedding::Native(weight) => Kind::Native(candle_nn::Linear::new(weight.clone(), None)),
            Embedding::Exact(packed) => Kind::Exact(packed.clone()),
        })
    }

    /// Multiplies the last axis of `x`, which is contiguous.
    ///
    /// # Errors
    /// When the last axis is not `in_features` long.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match &self.0 {
            Kind::Native(linear) => linear.forward(x)?,
            Kind::Exact(packed) => x.apply_op1_no_bwd(packed)?,
        })
    }
}
