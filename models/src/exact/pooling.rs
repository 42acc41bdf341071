//! Pooling over tokens and pixels, and L2 normalisation (`EXACT.md`, section 8).

use rayon::prelude::*;

use super::LANES;
use super::convolution::{Images, Window};
use super::function::maximum;
use super::isa::{Isa, Kernel};
use super::sum::{sum, sum_of_squares};
use super::vector::Vector;
use crate::Result;

/// The smallest norm that is divided by.
const MIN_NORM: f32 = f32::from_bits(0x2b8c_bccc); // 1e-12

/// The mean of the first `lengths[b]` rows of each sequence of `x`: `(sequences, tokens, hidden)`, divided by its Euclidean norm:
/// `(sequences, hidden)`.
///
/// # Panics
/// When a length is zero or above the number of tokens, or the shapes do not fit.
#[must_use]
pub fn mean_pool_l2(x: &[f32], lengths: &[usize], hidden: usize) -> Vec<f32> {
    let mut pooled = Vec::with_capacity(lengths.len() * hidden);
    let sequence_len = x.len().checked_div(lengths.len()).unwrap_or(0);
    assert!(x.len() == lengths.len() * sequence_len && sequence_len.is_multiple_of(hidden));
    for (x, &length) in x.chunks_exact(sequence_len.max(1)).zip(lengths) {
        assert!(length > 0);
        let mut means = mean_of_rows(&x[..length * hidden], hidden);
        l2_normalise(&mut means);
        pooled.extend(means);
    }
    pooled
}

/// Divides a row by its Euclidean norm.
pub fn l2_normalise(x: &mut [f32]) {
    let norm = sum_of_squares(x).sqrt();
    let norm = if norm < MIN_NORM { MIN_NORM } else { norm };
    x.iter_mut().for_each(|x| *x /= norm);
}

/// The mean over each image's pixels, row by row: `(batch, channels)`.
#[must_use]
pub fn mean_pixels(x: &Images) -> Vec<f32> {
    let [_, height, width, channels] = x.dims;
    let images = x.values.chunks_exact((height * width * channels).max(1));
    images.flat_map(|image| mean_of_rows(image, channels)).collect()
}

/// The largest element of each window, channel by channel; padding takes no part. The memory of `y` is used.
///
/// # Errors
/// When no window fits into an image.
///
/// # Panics
/// When a window lies in the padding alone, as with a padding as large as the kernel.
pub fn max_pool(x: &Images, window: Window, mut y: Vec<f32>, isa: Isa) -> Result<Images> {
    let [batch, height, width, channels] = x.dims;
    let (down, across) = window.fit(height, width)?;
    let (kernel, padding) = (window.kernel, window.padding);
    assert!(padding.0 < kernel.0 && padding.1 < kernel.1 && window.dilation == (1, 1));
    y.resize(batch * down * across * channels, 0.0);
    y.par_chunks_mut((across * channels).max(1)).enumerate().for_each(|(row, y)| {
        let image = &x.values[row / down * height * width * channels..][..height * width * channels];
        isa.run(MaxPoolRow { image, size: (height, width), window, row: row % down, y, channels });
    });
    Ok(Images { values: y, dims: [batch, down, across, channels] })
}

/// One row of windows.
struct MaxPoolRow<'a> {
    image: &'a [f32],
    size: (usize, usize),
    window: Window,
    row: usize,
    y: &'a mut [f32],
    channels: usize,
}

impl Kernel for MaxPoolRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { image, size, window: Window { kernel, stride, padding, .. }, row, y, channels } = self;
        let inside = |at: usize, stride: usize, padding: usize, kernel: usize, size: usize| {
            let corner = at * stride;
            corner.saturating_sub(padding)..(corner + kernel).saturating_sub(padding).min(size)
        };
        let lines = inside(row, stride.0, padding.0, kernel.0, size.0);
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            let columns = inside(column, stride.1, padding.1, kernel.1, size.1);
            let mut is_first = true;
            for line in lines.clone() {
                for column in columns.clone() {
                    let pixel = &image[(line * size.1 + column) * channels..][..channels];
                    if is_first {
                        y.copy_from_slice(pixel);
                    } else {
                        for (y, x) in y.iter_mut().zip(pixel) {
                            *y = maximum(*y, *x);
                        }
                    }
                    is_first = false;
                }
            }
        }
    }
}

/// For each column the row sum of section 3 over the tokens, divided by their number.
fn mean_of_rows(rows: &[f32], hidden: usize) -> Vec<f32> {
    let mut lanes = vec![0.0; LANES * hidden];
    for (token, row) in rows.chunks_exact(hidden).enumerate() {
        let lane = &mut lanes[token % LANES * hidden..][..hidden];
        for (lane, x) in lane.iter_mut().zip(row) {
            *lane += x;
        }
    }
    let count = (rows.len() / hidden) as f32;
    // A column of the lanes has 16 elements, one a lane: its own row sum folds them.
    let column = |dim: usize| -> [f32; LANES] { std::array::from_fn(|lane| lanes[lane * hidden + dim]) };
    (0..hidden).map(|dim| sum(&column(dim), 0) / count).collect()
}
