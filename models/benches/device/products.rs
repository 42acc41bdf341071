//! Products of the sizes that decoders of one and eight billion parameters have.

use candle_core::{DType, Tensor};
use proofmark_models::exact::device::{Device, Linear, Matrix};
use proofmark_models::weights::{Init, Synthetic};
use proofmark_models::{Precision, Result};

use crate::Native;
use crate::engine::{Engine, Extent, bytes, fitting};
use crate::peaks::Peaks;
use crate::table;

/// Rows, outputs, inputs: of decoders of 2048 and of 4096 channels.
const SHAPES: [(usize, usize, usize); 10] = [
    (1, 3072, 2048),
    (1, 16384, 2048),
    (1, 2048, 8192),
    (1, 6144, 4096),
    (1, 28672, 4096),
    (1, 4096, 14336),
    (8, 28672, 4096),
    (512, 16384, 2048),
    (512, 28672, 4096),
    (2048, 4096, 14336),
];
const SMALL_SHAPES: [(usize, usize, usize); 2] = [(1, 64, 96), (20, 64, 96)];
/// What copies of weights take up at least: several times any GPU's cache.
const ROTATED_BYTES: usize = 1 << 30;

pub(crate) fn run(gpu: &'static Device, native: Option<&Native>, peaks: Peaks, extent: Extent) {
    let shapes = match extent {
        Extent::Whole => &SHAPES[..],
        Extent::Small => &SMALL_SHAPES,
    };
    for (rows, outputs, inputs) in shapes {
        let product = Product {
            x: Synthetic::new(1).generate("x", rows * inputs, Init::Matrix),
            w: Synthetic::new(1).generate("w", outputs * inputs, Init::Matrix),
            shape: (*rows, *outputs, *inputs),
            extent,
        };
        let exact = Precision::ALL
            .into_iter()
            .filter_map(|precision| fitting("exact", precision, product.exact(gpu, precision)));
        let native = native.into_iter().flat_map(|native| {
            let types =
                [(Precision::F32, DType::F32), (Precision::Bf16, DType::BF16), (Precision::F16, DType::F16)];
            types
                .into_iter()
                .filter_map(|form| fitting("native", form.0, product.native(&native.tensors, form)))
        });
        let engines: Vec<Engine> = exact.chain(native).collect();
        table::print(&format!("{rows} x {inputs} by {inputs} x {outputs}"), &engines, peaks, extent);
        // Stock candle has another pool, and finds no memory where this one keeps it.
        drop(engines);
        gpu.release_free_memory();
    }
}

struct Product {
    x: Vec<f32>,
    w: Vec<f32>,
    shape: (usize, usize, usize),
    extent: Extent,
}

impl Product {
    fn exact(&self, gpu: &'static Device, precision: Precision) -> Result<Engine> {
        let (_, _, inputs) = self.shape;
        let made = (0..self.copies(precision)).map(|_| {
            let linear = Linear::new(gpu, &self.w, None, inputs, precision)?;
            Ok((linear, Matrix::upload(gpu, &self.x, inputs)?))
        });
        let made: Vec<(Linear, Matrix)> = made.collect::<Result<_>>()?;
        let call = move |call: usize| {
            let (linear, x) = &made[call % made.len()];
            linear.forward(x, None).unwrap();
        };
        Ok(self.engine("exact", precision, Box::new(call), Box::new(|| gpu.synchronize().unwrap())))
    }

    fn native(&self, device: &candle_core::Device, (precision, dtype): (Precision, DType)) -> Result<Engine> {
        let (rows, outputs, inputs) = self.shape;
        let tensor = |values: &[f32], shape: (usize, usize)| {
            Tensor::from_slice(values, shape, device)?.to_dtype(dtype)
        };
        let made = (0..self.copies(precision))
            .map(|_| Ok((tensor(&self.x, (rows, inputs))?, tensor(&self.w, (outputs, inputs))?.t()?)));
        let made: Vec<(Tensor, Tensor)> = made.collect::<Result<_>>()?;
        let call = move |call: usize| {
            let (x, w) = &made[call % made.len()];
            x.matmul(w).unwrap();
        };
        let device = device.clone();
        Ok(self.engine("native", precision, Box::new(call), Box::new(move || device.synchronize().unwrap())))
    }

    fn engine(
        &self,
        numerics: &str,
        precision: Precision,
        call: Box<dyn Fn(usize)>,
        wait: Box<dyn Fn()>,
    ) -> Engine {
        let (rows, ..) = self.shape;
        Engine {
            name: format!("{numerics} {precision}"),
            prepare: Box::new(|| {}),
            call,
            wait,
            fixed_calls: None,
            weight_bytes: bytes(self.w.len(), precision),
            flops: 2 * rows * self.w.len(),
        }
    }

    fn copies(&self, precision: Precision) -> usize {
        match self.extent {
            Extent::Whole => ROTATED_BYTES.div_ceil(bytes(self.w.len(), precision)),
            Extent::Small => 2,
        }
    }
}
