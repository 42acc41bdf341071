use super::kernels::{self, ImageShape};
use super::{Device, Linear, Matrix, Result};
use crate::exact::batch_norm::BatchNorm;
use crate::exact::convolution::Window;
use crate::exact::function::Function;
use crate::exact::precision::Precision;

/// Elements of windows gathered at a time, at most, where that leaves one.
const MOST_ELEMENTS: usize = 1 << 26;

/// Images on a device: `(batch, height, width, channels)`.
#[derive(Debug)]
pub struct Images {
    /// `(batch * height * width, channels)`
    pub pixels: Matrix,
    /// `[batch, height, width, channels]`
    pub dims: [usize; 4],
}

/// A convolution layer, with its batch normalisation if it has one, as [`crate::exact::convolution::PackedConvolution`].
#[derive(Clone, Debug)]
pub struct Convolution {
    linear: Linear,
    window: Window,
    channels: usize,
}

impl Convolution {
    /// Packs `weight`: `(outputs, channels, kernel_height, kernel_width)`, with an optional `bias`: `(outputs,)`; in eight bits they
    /// stay binary32.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    pub fn new(
        device: &'static Device,
        weight: &[f32],
        bias: Option<&[f32]>,
        channels: usize,
        window: Window,
        precision: Precision,
    ) -> Result<Self> {
        let ordered = window.ordered(weight, channels);
        let (width, precision) = (channels * window.kernel.0 * window.kernel.1, precision.outside_products());
        let linear = Linear::new(device, &ordered, bias, width, precision)?;
        Ok(Self { linear, window, channels })
    }

    /// With a normalisation of its outputs.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When it has another number of channels.
    pub fn normalised(self, norm: &BatchNorm) -> Result<Self> {
        Ok(Self { linear: self.linear.normalised(norm)?, ..self })
    }

    /// `function(norm(convolution(x) + bias))`, or with `residual` added before the function.
    ///
    /// # Errors
    /// When no window fits into an image, the residual has another shape than the result, or the device has no memory left, or failed.
    ///
    /// # Panics
    /// When the channels differ.
    pub fn forward(
        &self,
        x: &Images,
        residual: Option<Images>,
        function: Option<Function>,
    ) -> crate::Result<Images> {
        let [batch, height, width, channels] = x.dims;
        assert_eq!(channels, self.channels);
        let (down, across) = self.window.fit(height, width)?;
        let (outputs, elements) = self.linear.dims();
        let dims = [batch, down, across, outputs];
        let shape = shape(x, self.window, (down, across));
        let windows = shape.all_windows();
        let at_a_time = (MOST_ELEMENTS / elements).clamp(1, windows);
        let device = self.linear.device();
        if let Some(Images { dims: shape, .. }) = &residual
            && *shape != dims
        {
            let fact = format!("a residual of {shape:?} beside images of {dims:?}");
            return Err(crate::Error::InvalidInput(fact));
        }
        if at_a_time == windows {
            let mut rows = Matrix::uninitialised(device, windows, elements)?;
            kernels::gather_windows(&mut rows.buffer, &x.pixels.buffer, 0, windows, &shape)?;
            let pixels = match residual {
                Some(Images { mut pixels, .. }) => {
                    self.linear.add_to(&rows, &mut pixels, function)?;
                    pixels
                }
                None => self.linear.forward(&rows, function)?,
            };
            return Ok(Images { pixels, dims });
        }
        // Band by band; each takes its part of the residual along.
        let mut pixels = Matrix::uninitialised(device, windows, outputs)?;
        for first in (0..windows).step_by(at_a_time) {
            let band: Vec<u32> =
                (first..windows.min(first + at_a_time)).map(|window| window as u32).collect();
            let mut rows = Matrix::uninitialised(device, band.len(), elements)?;
            kernels::gather_windows(&mut rows.buffer, &x.pixels.buffer, first, band.len(), &shape)?;
            let part = match &residual {
                Some(residual) => {
                    let mut part = residual.pixels.picked(&band)?;
                    self.linear.add_to(&rows, &mut part, function)?;
                    part
                }
                None => self.linear.forward(&rows, function)?,
            };
            pixels.put(&part, &band)?;
        }
        Ok(Images { pixels, dims })
    }
}

impl Images {
    /// The largest element of each window, channel by channel; padding takes no part.
    ///
    /// # Errors
    /// When no window fits into an image, or the device has no memory left, or failed.
    ///
    /// # Panics
    /// When a window lies in the padding alone, as with a padding as large as the kernel.
    pub fn max_pool(&self, window: Window) -> crate::Result<Self> {
        let [batch, height, width, channels] = self.dims;
        let (down, across) = window.fit(height, width)?;
        let (kernel, padding) = (window.kernel, window.padding);
        assert!(padding.0 < kernel.0 && padding.1 < kernel.1 && window.dilation == (1, 1));
        let mut pixels = Matrix::uninitialised(self.pixels.device(), batch * down * across, channels)?;
        let shape = shape(self, window, (down, across));
        kernels::max_pool(&mut pixels.buffer, &self.pixels.buffer, &shape)?;
        Ok(Self { pixels, dims: [batch, down, across, channels] })
    }

    /// The mean over each image's pixels, row by row: `(batch, channels)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn mean_pixels(&self) -> Result<Matrix> {
        let [batch, height, width, _] = self.dims;
        self.pixels.mean_pool(&vec![height * width; batch])
    }
}

fn shape(x: &Images, window: Window, windows: (usize, usize)) -> ImageShape {
    let [images, height, width, channels] = x.dims;
    let Window { kernel, stride, padding, dilation } = window;
    ImageShape { images, size: (height, width), channels, windows, kernel, stride, padding, dilation }
}
