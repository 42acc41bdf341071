//! Root-mean-square and layer normalisation over the last axis (`EXACT.md`, section 6).

use std::ops::Range;

use rayon::prelude::*;

use super::BLOCK;
use super::blocks::{BlockRow, Blocks};
use super::isa::{Isa, Kernel};
use super::sum::{lane_sum, sum, sum_of_squares};
use super::vector::Vector;

/// Rows a task.
const ROWS: usize = 32;

/// A normalisation of rows: `(rows, hidden)` to the same shape.
#[derive(Clone, Debug)]
pub struct Norm {
    /// `(hidden,)`
    pub weight: Vec<f32>,
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
        bias: Vec<f32>,
    },
}

impl Norm {
    /// Normalises row-major `x` for the next product to read; the memory of `y` is used again.
    ///
    /// # Panics
    /// When `x` is no whole number of rows.
    #[must_use]
    pub fn forward(&self, x: &[f32], y: Blocks) -> Blocks {
        let hidden = self.weight.len();
        assert!(x.len().is_multiple_of(hidden));
        let mut y = y.resized(x.len() / hidden, hidden);
        y.fill(|row, y| self.isa.run(ToBlocks { norm: self, x: &x[row * hidden..][..hidden], y }));
        y
    }

    /// Normalises row-major `x` in place.
    ///
    /// # Panics
    /// When `x` is no whole number of rows.
    pub fn in_place(&self, x: &mut [f32]) {
        let hidden = self.weight.len();
        assert!(x.len().is_multiple_of(hidden));
        x.par_chunks_mut(hidden).with_min_len(ROWS).for_each(|x| self.isa.run(InPlace { norm: self, x }));
    }

    /// Normalises each head, `hidden` elements, in `columns` of the rows of `x`: `(rows, stride)`.
    ///
    /// # Panics
    /// When the columns are no whole number of heads, or lie beyond a row.
    pub fn columns_in_place(&self, x: &mut [f32], stride: usize, columns: Range<usize>) {
        assert!(columns.len().is_multiple_of(self.weight.len()) && columns.end <= stride);
        x.par_chunks_exact_mut(stride).with_min_len(ROWS).for_each(|row| {
            for x in row[columns.clone()].chunks_exact_mut(self.weight.len()) {
                self.isa.run(InPlace { norm: self, x });
            }
        });
    }

    /// What is subtracted from each element, and what the difference is multiplied by.
    #[inline(always)]
    fn moments(&self, x: &[f32]) -> (f32, f32) {
        let count = x.len() as f32;
        let (mean, mean_square) = match self.kind {
            NormKind::RootMeanSquare => (0.0, sum_of_squares(x) / count),
            NormKind::Layer { .. } => {
                let mean = sum(x, 0) / count;
                let square = |lane: f32, x: f32| {
                    let deviation = x - mean;
                    deviation.mul_add(deviation, lane)
                };
                (mean, lane_sum(x, 0, square) / count)
            }
        };
        (mean, 1.0 / (mean_square + self.eps).sqrt())
    }

    /// Normalises the elements of `y` in place, which stand at `first..` of their row.
    #[inline(always)]
    fn apply(&self, (mean, inverse): (f32, f32), y: &mut [f32], first: usize) {
        let weight = &self.weight[first..][..y.len()];
        match &self.kind {
            NormKind::RootMeanSquare => {
                for (y, weight) in y.iter_mut().zip(weight) {
                    *y = (*y * inverse) * weight;
                }
            }
            NormKind::Layer { bias } => {
                for ((y, weight), bias) in y.iter_mut().zip(weight).zip(&bias[first..]) {
                    *y = ((*y - mean) * inverse).mul_add(*weight, *bias);
                }
            }
        }
    }
}

struct ToBlocks<'a> {
    norm: &'a Norm,
    x: &'a [f32],
    y: BlockRow<'a>,
}

impl Kernel for ToBlocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let moments = self.norm.moments(self.x);
        for (block, x) in self.x.chunks(BLOCK).enumerate() {
            let y = self.y.block(block);
            y.copy_from_slice(x);
            self.norm.apply(moments, y, block * BLOCK);
        }
    }
}

struct InPlace<'a> {
    norm: &'a Norm,
    x: &'a mut [f32],
}

impl Kernel for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let moments = self.norm.moments(self.x);
        self.norm.apply(moments, self.x, 0);
    }
}
