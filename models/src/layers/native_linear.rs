use std::borrow::Cow;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Tensor};

use super::Bias;
use super::linear::tensors;
use crate::weights::Scope;
use crate::{Error, Precision, Result};

/// A linear layer of stock candle.
#[derive(Clone, Debug)]
pub(super) enum NativeLinear {
    /// In one of candle's floating-point formats.
    Dense(candle_nn::Linear),
    /// In blocks of GGUF's formats; candle quantises activations as it multiplies.
    Quantized {
        weight: NativeMatrix,
        /// binary32
        bias: Option<Tensor>,
    },
}

/// A quantised matrix: `(out_features, in_features)`.
#[derive(Clone, Debug)]
pub struct NativeMatrix {
    weight: QMatMul,
    dims: (usize, usize),
    device: Device,
}

impl NativeLinear {
    /// Loads `weight`: `(out_features, in_features)` and, if present, `bias`: `(out_features,)`.
    pub(super) fn load(
        scope: &Scope<'_>,
        in_features: usize,
        out_features: usize,
        bias: Bias,
    ) -> Result<Self> {
        let (weight, bias) = tensors(scope, in_features, out_features, bias)?;
        let precision = scope.precision();
        let bias = bias.map(|bias| scope.native_form().tensor(bias, &[out_features])).transpose()?;
        Ok(match precision {
            Precision::F32 | Precision::Bf16 | Precision::F16 => {
                let weight = scope.native_form().tensor(weight, &[out_features, in_features])?;
                Self::Dense(candle_nn::Linear::new(weight, bias))
            }
            Precision::Q8 => {
                let weight = NativeMatrix::new(scope, weight, (out_features, in_features))?;
                Self::Quantized { weight, bias }
            }
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(linear) => Ok(linear.forward(x)?),
            Self::Quantized { weight, bias } => {
                let y = weight.weight.forward(x)?;
                Ok(match bias {
                    Some(bias) => y.broadcast_add(bias)?,
                    None => y,
                })
            }
        }
    }
}

impl NativeMatrix {
    /// Takes the blocks of the tensor `weight` of `scope` as they are stored, or quantises its values, which are `weight`, to Q8_0.
    ///
    /// # Errors
    /// When rows are no whole number of blocks.
    pub(super) fn new(scope: &Scope<'_>, weight: Vec<f32>, dims: (usize, usize)) -> Result<Self> {
        let format = GgmlDType::Q8_0;
        if !dims.1.is_multiple_of(format.block_size()) {
            let (name, width) = (scope.name("weight"), dims.1);
            return Err(Error::InvalidInput(format!(
                "tensor `{name}` has rows of {width} elements, native q8 takes multiples of {}",
                format.block_size()
            )));
        }
        let native = scope.native_form();
        let weight = match scope.q8_0_blocks("weight", &[dims.0, dims.1])? {
            Some(blocks) => {
                QTensor::new(QStorage::from_data(Cow::Owned(blocks), native.device(), format)?, dims)?
            }
            None => QTensor::quantize(&native.tensor(weight, &[dims.0, dims.1])?, format)?,
        };
        Ok(Self { weight: QMatMul::from_arc(Arc::new(weight))?, dims, device: native.device().clone() })
    }

    /// Rows for `ids`: `(ids, in_features)`.
    pub(super) fn look_up(&self, ids: &[u32]) -> Result<Tensor> {
        Ok(self.weight.embedding(&Tensor::new(ids, &self.device)?)?)
    }

    pub(super) fn dims(&self) -> (usize, usize) {
        self.dims
    }
}
