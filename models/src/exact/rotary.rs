//! Rotary position embedding (`EXACT.md`, section 7): tables correctly rounded to f32, and their application.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::double_double::DoubleDouble;
use super::isa::{Isa, Kernel};
use super::vector::Vector;

/// Rows a task.
const ROWS: usize = 64;
/// 2 pi, nearest f64.
const TWO_PI: u64 = 0x4019_21fb_5444_2d18;

/// A change of the inverse frequencies for contexts longer than the model was first trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Every frequency divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3.1: long waves divided by `factor`, short ones kept, a linear blend between.
    Llama3 {
        /// The divisor of long waves.
        factor: f64,
        /// Waves longer than `original_max_position_embeddings / low_freq_factor` are long.
        low_freq_factor: f64,
        /// Waves shorter than `original_max_position_embeddings / high_freq_factor` are short.
        high_freq_factor: f64,
        /// Positions of the first training.
        original_max_position_embeddings: f64,
    },
}

/// Inverse frequencies: `(head_dim / 2,)`, `theta^(-2i / head_dim)` correctly rounded to f32, then scaled.
#[must_use]
pub fn inverse_frequencies(theta: f64, head_dim: usize, scaling: Option<&RopeScaling>) -> Vec<f32> {
    let log_theta = DoubleDouble::log(theta);
    (0..head_dim / 2)
        .map(|i| {
            let exponent = (log_theta * DoubleDouble::from((2 * i) as f64)).divided_by(head_dim as f64);
            scaled((-exponent).exp().to_f32(), scaling)
        })
        .collect()
}

/// One frequency scaled in f64, each operation rounded, and rounded to f32 at the end.
fn scaled(frequency: f32, scaling: Option<&RopeScaling>) -> f32 {
    let f = f64::from(frequency);
    let scaled = match scaling {
        None => f,
        Some(RopeScaling::Linear { factor }) => f / factor,
        Some(RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        }) => {
            let wavelength = f64::from_bits(TWO_PI) / f;
            if wavelength < original_max_position_embeddings / high_freq_factor {
                f
            } else if wavelength > original_max_position_embeddings / low_freq_factor {
                f / factor
            } else {
                let ratio = original_max_position_embeddings / wavelength;
                let blend = (ratio - low_freq_factor) / (high_freq_factor - low_freq_factor);
                (1.0 - blend) * (f / factor) + blend * f
            }
        }
    };
    scaled as f32
}

/// The cosine and sine of `position * frequency`, correctly rounded to f32; the product is exact below 2^29.
#[must_use]
pub fn rotation(frequency: f32, position: usize) -> (f32, f32) {
    let (sin, cos) = DoubleDouble::sin_cos(position as f64 * f64::from(frequency));
    (cos.to_f32(), sin.to_f32())
}

/// Cosines and sines: `(positions, head_dim / 2)` each, of the exact product position * frequency.
#[derive(Clone, Debug)]
pub struct RotaryTable {
    /// `(positions, head_dim / 2)`
    pub cos: Arc<Vec<f32>>,
    /// `(positions, head_dim / 2)`
    pub sin: Arc<Vec<f32>>,
    /// `head_dim / 2`
    pub half: usize,
}

impl RotaryTable {
    /// The table for positions `0..positions`.
    ///
    /// # Panics
    /// At 2^29 positions, where the product would no longer be exact in f64.
    #[must_use]
    pub fn new(frequencies: &[f32], positions: usize) -> Self {
        assert!(positions < 1 << 29);
        let entry =
            |index: usize| rotation(frequencies[index % frequencies.len()], index / frequencies.len());
        let (cos, sin) = (0..positions * frequencies.len()).into_par_iter().map(entry).unzip();
        Self { cos: Arc::new(cos), sin: Arc::new(sin), half: frequencies.len() }
    }

    /// Positions in the table.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half
    }

    /// Rotates the heads in `columns` of each row of `x`: `(sequences, tokens, stride)`, whose first token stands at `first`. In a head
    /// of `2 * half` elements element `i` pairs with `i + half`.
    ///
    /// # Panics
    /// When a position lies beyond the table, or the columns are no whole number of heads.
    pub fn rotate(
        &self,
        x: &mut [f32],
        stride: usize,
        columns: Range<usize>,
        tokens: usize,
        first: usize,
        isa: Isa,
    ) {
        assert!(first + tokens <= self.positions() && columns.len().is_multiple_of(2 * self.half));
        x.par_chunks_mut(stride).enumerate().with_min_len(ROWS).for_each(|(row, x)| {
            let position = first + row % tokens;
            let cos = &self.cos[position * self.half..][..self.half];
            let sin = &self.sin[position * self.half..][..self.half];
            isa.run(RotateRow { heads: &mut x[columns.clone()], cos, sin });
        });
    }
}

struct RotateRow<'a> {
    heads: &'a mut [f32],
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Kernel for RotateRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for head in self.heads.chunks_exact_mut(2 * self.cos.len()) {
            let (first, second) = head.split_at_mut(self.cos.len());
            for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(self.cos).zip(self.sin) {
                let (x, y) = (*a, *b);
                *a = x.mul_add(*cos, -(y * sin));
                *b = y.mul_add(*cos, x * sin);
            }
        }
    }
}
