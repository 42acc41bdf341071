//! Where stock candle computes, and what its tensors are.

use candle_core::{DType, Device, Tensor};

use crate::exact::device::DeviceError;
use crate::exact::precision::Precision;
use crate::{Error, Result};

/// A device of stock candle.
#[derive(Clone, Debug)]
pub struct NativeDevice(Device);

/// What the tensors of a model in stock candle are.
#[derive(Clone, Debug)]
pub struct NativeForm {
    precision: Precision,
    device: Device,
}

impl NativeDevice {
    /// The processor.
    pub const CPU: Self = Self(Device::Cpu);

    /// The GPU that CUDA's driver counts as `index`.
    ///
    /// # Errors
    /// When this build has no stock kernels for GPUs, or the GPU cannot be opened.
    pub fn cuda(index: usize) -> Result<Self> {
        if cfg!(feature = "cuda") {
            Ok(Self(Device::new_cuda(index)?))
        } else {
            Err(Error::Device(DeviceError::NativeNotBuilt { index }))
        }
    }

    pub(crate) fn form(&self, precision: Precision) -> NativeForm {
        NativeForm { precision, device: self.0.clone() }
    }
}

impl NativeForm {
    /// In eight bits one of those that stay binary32.
    pub(crate) fn tensor(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape, &self.device)?.to_dtype(self.dtype())?)
    }

    pub(crate) fn dtype(&self) -> DType {
        match self.precision {
            Precision::F32 | Precision::Q8 => DType::F32,
            Precision::Bf16 => DType::BF16,
            Precision::F16 => DType::F16,
        }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }
}
