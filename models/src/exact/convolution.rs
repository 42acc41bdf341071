//! Two-dimensional convolution (`EXACT.md`, section 2) as products whose rows are gathered when they are needed: the matrix of
//! all windows never exists.

use super::blocks::{Blocks, CHUNK};
use super::isa::Isa;
use super::linear::PackedLinear;
use super::precision::Precision;
use crate::{Error, Result};

/// Windows gathered at a time.
const BAND: usize = 4 * CHUNK;

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

/// Images: `(batch, channels, height, width)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// One after another.
    pub values: Vec<f32>,
    /// `[batch, channels, height, width]`
    pub dims: [usize; 4],
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
        let Self { kernel, stride, padding, dilation } = self;
        let down = along(height, kernel.0, stride.0, padding.0, dilation.0)?;
        Some((down, along(width, kernel.1, stride.1, padding.1, dilation.1)?))
    }
}

impl PackedConvolution {
    /// Packs `weight`: `(outputs, channels, kernel_height, kernel_width)`, with an optional `bias`: `(outputs,)`.
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
        let area = window.kernel.0 * window.kernel.1;
        assert!(area * channels > 0 && !weight.is_empty() && weight.len().is_multiple_of(area * channels));
        // (output, channel, ky, kx) -> (output, ky, kx, channel)
        let mut ordered = Vec::with_capacity(weight.len());
        for output in weight.chunks_exact(channels * area) {
            ordered.extend((0..area).flat_map(|at| output.iter().skip(at).step_by(area)));
        }
        let linear = PackedLinear::new(&ordered, bias, channels * area, precision, isa);
        Self { linear, channels, window }
    }

    /// Convolves `x`: `(batch, channels, height, width)`, giving `(batch, outputs, windows down, windows across)`.
    ///
    /// # Errors
    /// When no window fits into an image.
    ///
    /// # Panics
    /// When the channels differ.
    pub fn forward(&self, x: &Images) -> Result<Images> {
        let [batch, channels, height, width] = x.dims;
        assert_eq!(channels, self.channels);
        assert_eq!(x.values.len(), batch * channels * height * width);
        let fits = self.window.count(height, width).filter(|_| height > 0 && width > 0);
        let (down, across) = fits.ok_or_else(|| {
            Error::InvalidInput(format!("no window fits into an image of {height} x {width}"))
        })?;
        let (outputs, _) = self.linear.dims();
        let (windows, pixels) = (down * across, height * width);
        let mut y = vec![0.0; batch * outputs * windows];
        let (mut blocks, mut band_outputs) = (Blocks::default(), Vec::new());
        for (x, y) in x.values.chunks_exact(channels * pixels).zip(y.chunks_exact_mut(outputs * windows)) {
            // (channel, y, x) -> (y, x, channel), so that a window's channels lie together
            let image: Vec<f32> =
                (0..pixels).flat_map(|at| x.iter().skip(at).step_by(pixels)).copied().collect();
            for first in (0..windows).step_by(BAND) {
                let count = BAND.min(windows - first);
                blocks = self.gather(&image, (height, width), across, first..first + count, blocks);
                self.linear.forward(&blocks, &mut band_outputs);
                // (window, output) -> (output, window)
                for (window, row) in band_outputs.chunks_exact(outputs).enumerate() {
                    for (output, value) in row.iter().enumerate() {
                        y[output * windows + first + window] = *value;
                    }
                }
            }
        }
        Ok(Images { values: y, dims: [batch, outputs, down, across] })
    }

    /// Some windows of an image `(height, width, channels)` as rows in the order (ky, kx, channel), zeros outside of the image.
    fn gather(
        &self,
        image: &[f32],
        (height, width): (usize, usize),
        across: usize,
        windows: std::ops::Range<usize>,
        blocks: Blocks,
    ) -> Blocks {
        let Window { kernel, stride, padding, dilation } = self.window;
        let channels = self.channels;
        let mut blocks = blocks.resized(windows.len(), kernel.0 * kernel.1 * channels);
        blocks.fill(|row, mut blocks| {
            let window = windows.start + row;
            let corner = (window / across * stride.0, window % across * stride.1);
            let mut elements = vec![0.0; kernel.0 * kernel.1 * channels];
            for (at, element) in elements.chunks_exact_mut(channels).enumerate() {
                let y = (corner.0 + at / kernel.1 * dilation.0).checked_sub(padding.0);
                let x = (corner.1 + at % kernel.1 * dilation.1).checked_sub(padding.1);
                if let (Some(y), Some(x)) = (y.filter(|y| *y < height), x.filter(|x| *x < width)) {
                    element.copy_from_slice(&image[(y * width + x) * channels..][..channels]);
                }
            }
            blocks.copy_from(&elements);
        });
        blocks
    }
}
