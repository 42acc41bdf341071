//! Convolution (`EXACT.md`, section 2) as products whose rows are gathered when they are needed: the matrix of all windows never
//! exists. Images lie with their channels last, as products read and write them.

use std::ops::Range;

use super::batch_norm::BatchNorm;
use super::blocks::{Blocks, CHUNK};
use super::function::Function;
use super::isa::Isa;
use super::linear::PackedLinear;
use super::precision::Precision;
use crate::{Error, Result};

/// Chunks of windows gathered at a time, at least.
const CHUNKS: usize = 4;
/// Elements gathered at a time, at most, where that leaves a chunk.
const MOST_ELEMENTS: usize = 1 << 23;

/// The geometry of a convolution; pairs are (vertical, horizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the kernel.
    pub kernel: (usize, usize),
    /// Steps from one window to the next, at least 1.
    pub stride: (usize, usize),
    /// Zeros before and after the image.
    pub padding: (usize, usize),
    /// Steps from one element of a window to the next, at least 1.
    pub dilation: (usize, usize),
}

/// A convolution layer, its weights packed once at load.
#[derive(Clone, Debug)]
pub struct PackedConvolution {
    linear: PackedLinear,
    channels: usize,
    window: Window,
}

/// Images: `(batch, height, width, channels)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// One after another.
    pub values: Vec<f32>,
    /// `[batch, height, width, channels]`
    pub dims: [usize; 4],
}

/// What becomes of a convolution's outputs, after the bias.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// The first step, if any.
    pub norm: Option<&'a BatchNorm>,
    /// The last step, if any, after the residual sum.
    pub function: Option<Function>,
}

impl Window {
    /// Windows down and across an image of `height` and `width`; `None` where none fits.
    #[must_use]
    pub fn count(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let along = |size: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
            let span = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
            let padded = padding.checked_mul(2)?.checked_add(size)?;
            padded.checked_sub(span)?.checked_div(stride)?.checked_add(1)
        };
        if height == 0 || width == 0 {
            return None;
        }
        let Self { kernel, stride, padding, dilation } = self;
        let down = along(height, kernel.0, stride.0, padding.0, dilation.0)?;
        Some((down, along(width, kernel.1, stride.1, padding.1, dilation.1)?))
    }

    /// `weight`: `(outputs, channels, kernel_height, kernel_width)` in the order of products: `(outputs, ky, kx, channel)`.
    ///
    /// # Panics
    /// When it is empty or no whole number of outputs.
    pub(crate) fn ordered(&self, weight: &[f32], channels: usize) -> Vec<f32> {
        let area = self.kernel.0 * self.kernel.1;
        assert!(area * channels > 0 && !weight.is_empty() && weight.len().is_multiple_of(area * channels));
        let mut ordered = Vec::with_capacity(weight.len());
        for output in weight.chunks_exact(channels * area) {
            ordered.extend((0..area).flat_map(|at| output.iter().skip(at).step_by(area)));
        }
        ordered
    }

    /// As [`Self::count`].
    ///
    /// # Errors
    /// When no window fits into an image.
    pub(crate) fn fit(&self, height: usize, width: usize) -> Result<(usize, usize)> {
        self.count(height, width)
            .ok_or_else(|| Error::InvalidInput(format!("no window fits into an image of {height} x {width}")))
    }
}

impl PackedConvolution {
    /// Packs `weight`: `(outputs, channels, kernel_height, kernel_width)`, with an optional `bias`: `(outputs,)`;
    /// in eight bits they stay binary32.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    #[must_use]
    pub fn new(
        weight: &[f32],
        bias: Option<Vec<f32>>,
        channels: usize,
        window: Window,
        precision: Precision,
        isa: Isa,
    ) -> Self {
        let (area, ordered) = (window.kernel.0 * window.kernel.1, window.ordered(weight, channels));
        let precision = precision.outside_products();
        let linear = PackedLinear::new(&ordered, bias, channels * area, precision, isa);
        Self { linear, channels, window }
    }

    /// Convolves `x`, giving `(batch, windows down, windows across, outputs)` in the memory of `y`; that of `blocks` is used too.
    ///
    /// # Errors
    /// When no window fits into an image.
    ///
    /// # Panics
    /// When the channels differ.
    pub fn forward(
        &self,
        x: &Images,
        finish: Finish<'_>,
        mut y: Vec<f32>,
        blocks: &mut Blocks,
    ) -> Result<Images> {
        let dims = self.output_dims(x)?;
        y.resize(dims.iter().product(), 0.0);
        let outputs = dims[3];
        self.in_bands(x, dims, blocks, |band, blocks| {
            self.linear.finished(blocks, &mut y[band.start * outputs..band.end * outputs], finish);
        });
        Ok(Images { values: y, dims })
    }

    /// Convolves `x` and adds `residual`, which has the result's shape: `function(norm(convolution(x)) + residual)`.
    ///
    /// # Errors
    /// When no window fits into an image, or the residual has another shape.
    ///
    /// # Panics
    /// When the channels differ.
    pub fn add_to(
        &self,
        x: &Images,
        finish: Finish<'_>,
        mut residual: Images,
        blocks: &mut Blocks,
    ) -> Result<Images> {
        let dims = self.output_dims(x)?;
        if residual.dims != dims {
            let shape = residual.dims;
            return Err(Error::InvalidInput(format!("a residual of {shape:?} beside images of {dims:?}")));
        }
        let outputs = dims[3];
        self.in_bands(x, dims, blocks, |band, blocks| {
            let part = &mut residual.values[band.start * outputs..band.end * outputs];
            self.linear.finished_onto(blocks, part, finish);
        });
        Ok(residual)
    }

    fn output_dims(&self, x: &Images) -> Result<[usize; 4]> {
        let [batch, height, width, channels] = x.dims;
        assert_eq!(channels, self.channels);
        assert_eq!(x.values.len(), batch * height * width * channels);
        let (down, across) = self.window.fit(height, width)?;
        Ok([batch, down, across, self.linear.dims().0])
    }

    /// Gathers all windows, some at a time, for `multiply`.
    fn in_bands(
        &self,
        x: &Images,
        [batch, down, across, _]: [usize; 4],
        blocks: &mut Blocks,
        mut multiply: impl FnMut(Range<usize>, &Blocks),
    ) {
        let windows = batch * down * across;
        let chunks = CHUNKS.max(rayon::current_num_threads());
        let most = MOST_ELEMENTS / (CHUNK * self.linear.dims().1);
        let band = CHUNK * chunks.min(most).max(1);
        for first in (0..windows).step_by(band) {
            let part = first..windows.min(first + band);
            self.gather(x, (down, across), part.clone(), blocks);
            multiply(part, blocks);
        }
    }

    /// Some windows, counted through all images, as rows in the order (ky, kx, channel), zeros outside of the image.
    fn gather(&self, x: &Images, (down, across): (usize, usize), windows: Range<usize>, blocks: &mut Blocks) {
        let [_, height, width, channels] = x.dims;
        let Window { kernel, stride, padding, dilation } = self.window;
        *blocks = std::mem::take(blocks).resized(windows.len(), kernel.0 * kernel.1 * channels);
        // Elements side by side in the image are copied as one.
        let run = if dilation.1 == 1 { kernel.1 } else { 1 };
        blocks.fill(|row, mut blocks| {
            let window = windows.start + row;
            let (image, place) = (window / (down * across), window % (down * across));
            let image = &x.values[image * height * width * channels..][..height * width * channels];
            let corner = (place / across * stride.0, place % across * stride.1);
            for at in (0..kernel.0 * kernel.1).step_by(run) {
                let y = (corner.0 + at / kernel.1 * dilation.0).wrapping_sub(padding.0);
                // In padded columns; those of the image are padding.1..padding.1 + width.
                let start = corner.1 + at % kernel.1 * dilation.1;
                let inside = start.clamp(padding.1, padding.1 + width)
                    ..(start + run).clamp(padding.1, padding.1 + width);
                let element = at * channels;
                if y >= height || inside.is_empty() {
                    blocks.put_zeros(element..element + run * channels);
                    continue;
                }
                let (before, after) = (inside.start - start, inside.end - start);
                let pixels = (y * width + inside.start - padding.1) * channels;
                blocks.put_zeros(element..element + before * channels);
                blocks.put(element + before * channels, &image[pixels..][..inside.len() * channels]);
                blocks.put_zeros(element + after * channels..element + run * channels);
            }
        });
    }
}
