//! Root-mean-square and layer normalisation over the last axis (`EXACT.md`, section 6).

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::isa::{Isa, Kernel};
use super::operand::contiguous;
use super::sum::{lane_sum, sum, sum_of_squares};

/// A normalisation of rows: `(.., hidden)` to `(.., hidden)`.
#[derive(Clone, Debug)]
pub struct Norm {
    /// `(hidden,)`
    pub weight: Arc<Vec<f32>>,
    /// Root mean square or mean and variance.
    pub kind: NormKind,
    /// Added to the mean square before the root.
    pub eps: f32,
    /// Where it runs.
    pub isa: Isa,
}

/// The two normalisations.
#[derive(Clone, Debug)]
pub enum NormKind {
    /// `(x * (1 / sqrt(mean(x^2) + eps))) * weight`
    RootMeanSquare,
    /// `fma(d * (1 / sqrt(mean(d^2) + eps)), weight, bias)` with `d = x - mean(x)`
    Layer {
        /// `(hidden,)`
        bias: Arc<Vec<f32>>,
    },
}

impl Norm {
    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let hidden = self.weight.len();
        let mut y = vec![0.0; x.len()];
        let rows = y.par_chunks_mut(hidden).zip(x.par_chunks(hidden));
        rows.with_min_len(16).for_each(|(y, x)| match &self.kind {
            NormKind::RootMeanSquare => self.isa.run(RmsRow { x, weight: &self.weight, eps: self.eps, y }),
            NormKind::Layer { bias } => {
                self.isa.run(LayerRow { x, weight: &self.weight, bias, eps: self.eps, y })
            }
        });
        y
    }
}

impl CustomOp1 for Norm {
    fn name(&self) -> &'static str {
        "exact-norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), storage, layout)?;
        if layout.dims().last() != Some(&self.weight.len()) || self.weight.is_empty() {
            bail!("{} takes a last axis of {}, got {:?}", self.name(), self.weight.len(), layout.dims());
        }
        Ok((CpuStorage::F32(self.forward(x)), layout.shape().clone()))
    }
}

struct RmsRow<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
}

impl Kernel for RmsRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        let mean_square = sum_of_squares(self.x) / self.x.len() as f32;
        let inverse = 1.0 / (mean_square + self.eps).sqrt();
        for ((y, x), weight) in self.y.iter_mut().zip(self.x).zip(self.weight) {
            *y = (x * inverse) * weight;
        }
    }
}

struct LayerRow<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
}

impl Kernel for LayerRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        let count = self.x.len() as f32;
        let mean = sum(self.x, 0) / count;
        let square = |lane: f32, x: f32| {
            let deviation = x - mean;
            deviation.mul_add(deviation, lane)
        };
        let variance = lane_sum(self.x, 0, square) / count;
        let inverse = 1.0 / (variance + self.eps).sqrt();
        for (((y, x), weight), bias) in self.y.iter_mut().zip(self.x).zip(self.weight).zip(self.bias) {
            *y = ((x - mean) * inverse).mul_add(*weight, *bias);
        }
    }
}
