//! Batch normalisation by running statistics (`EXACT.md`, section 6).

use super::isa::{Isa, Kernel};
use super::vector::Vector;

/// A normalisation of channels.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    mean: Vec<f32>,
    /// `1 / sqrt(variance + eps)`
    inverse: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl BatchNorm {
    /// `mean`, `variance`, `weight` and `bias` are `(channels,)`.
    ///
    /// # Panics
    /// When their lengths differ.
    #[must_use]
    pub fn new(mean: Vec<f32>, variance: &[f32], weight: Vec<f32>, bias: Vec<f32>, eps: f32) -> Self {
        assert!([variance.len(), weight.len(), bias.len()].iter().all(|length| *length == mean.len()));
        let inverse = variance.iter().map(|variance| 1.0 / (variance + eps).sqrt()).collect();
        Self { mean, inverse, weight, bias }
    }

    /// Means, inverse deviations, weights and biases, one after another: `(4, channels)`.
    pub(crate) fn channels(&self) -> Vec<f32> {
        [&self.mean[..], &self.inverse, &self.weight, &self.bias].concat()
    }

    /// Normalises rows of channels in place.
    ///
    /// # Panics
    /// When `x` is no whole number of rows.
    pub fn in_place(&self, x: &mut [f32], isa: Isa) {
        assert!(x.len().is_multiple_of(self.mean.len()));
        isa.run(Rows { norm: self, x });
    }

    /// Normalises neighbouring channels of one place, from `first` on.
    #[inline(always)]
    pub(crate) fn apply(&self, x: &mut [f32], first: usize) {
        let part = first..first + x.len();
        let moments = self.mean[part.clone()].iter().zip(&self.inverse[part.clone()]);
        let affine = self.weight[part.clone()].iter().zip(&self.bias[part]);
        for ((x, (mean, inverse)), (weight, bias)) in x.iter_mut().zip(moments).zip(affine) {
            *x = ((*x - mean) * inverse).mul_add(*weight, *bias);
        }
    }
}

struct Rows<'a> {
    norm: &'a BatchNorm,
    x: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for x in self.x.chunks_exact_mut(self.norm.mean.len()) {
            self.norm.apply(x, 0);
        }
    }
}
