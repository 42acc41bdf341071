//! A linear layer of candle.

use std::hint::black_box;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::{Linear, Module};

use crate::pseudo_random;
use crate::request::Precision;

/// One call is one product.
pub(crate) fn linear(
    m: usize,
    n: usize,
    k: usize,
    precision: Precision,
) -> Result<impl FnMut() -> Result<()>> {
    let dtype = dtype(precision);
    let layer = Linear::new(tensor(1, (n, k), 0.02)?.to_dtype(dtype)?, None);
    let x = tensor(2, (m, k), 1.0)?.to_dtype(dtype)?;
    Ok(move || {
        black_box(layer.forward(black_box(&x))?);
        Ok(())
    })
}

pub(crate) fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    }
}

fn tensor(seed: u64, (rows, columns): (usize, usize), bound: f32) -> Result<Tensor> {
    let values = pseudo_random::uniform(seed, rows * columns, bound);
    Ok(Tensor::from_vec(values, (rows, columns), &Device::Cpu)?)
}
