use candle_core::Tensor;

use super::{Hidden, Workspace};
use crate::exact::convolution::{Images, Window};
use crate::exact::device::{self, Matrix};
use crate::exact::pooling::{max_pool, mean_pixels};
use crate::{Error, NativeForm, Numerics, Result};

/// Images as a processor hands them to a model: `(batch, channels, height, width)`.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValues {
    /// One image after another, channel by channel, row by row.
    pub values: Vec<f32>,
    /// `[batch, channels, height, width]`
    pub dims: [usize; 4],
}

/// Images between layers.
#[derive(Debug)]
pub struct FeatureMap(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    /// `(batch, channels, height, width)`
    Native(Tensor),
    /// Channels last.
    Exact(Images),
    /// Channels last.
    OnDevice(device::Images),
}

impl PixelValues {
    /// Colours from 0 to 255, `[batch, channels, height, width]`, scaled as a model wants them: `(colour / 255 - mean) / std`, with a
    /// mean and a standard deviation a channel (`EXACT.md`, section 8).
    ///
    /// # Panics
    /// When the colours are no whole number of images, or a channel has no mean or no deviation.
    #[must_use]
    pub fn of_colours(colours: &[u8], dims: [usize; 4], mean: &[f64], std: &[f64]) -> Self {
        let [batch, channels, height, width] = dims;
        assert_eq!(colours.len(), batch * channels * height * width);
        let scaled =
            |channel: usize, colour: u8| ((f64::from(colour) / 255.0 - mean[channel]) / std[channel]) as f32;
        let tables: Vec<Vec<f32>> =
            (0..channels).map(|channel| (0..=255).map(|colour| scaled(channel, colour)).collect()).collect();
        let planes = colours.chunks_exact((height * width).max(1)).enumerate();
        let values = planes.flat_map(|(at, plane)| {
            plane.iter().map(|colour| tables[at % tables.len()][usize::from(*colour)]).collect::<Vec<_>>()
        });
        Self { values: values.collect(), dims }
    }

    /// # Errors
    /// When there is none, their number contradicts the shape, or one is not finite.
    fn check(&self) -> Result<()> {
        let count = self.dims.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim));
        if count != Some(self.values.len()) || self.values.is_empty() {
            let (numbers, dims) = (self.values.len(), self.dims);
            return Err(Error::InvalidInput(format!("{numbers} pixel values in images of {dims:?}")));
        }
        match self.values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(Error::InvalidInput(format!("pixel value {index} is not finite"))),
            None => Ok(()),
        }
    }
}

impl FeatureMap {
    /// For a first layer to read.
    ///
    /// # Errors
    /// When the pixel values contradict their shape, or one is not finite.
    pub fn of_pixels(pixels: &PixelValues, numerics: Numerics, native: &NativeForm) -> Result<Self> {
        pixels.check()?;
        Ok(Self(match numerics {
            Numerics::Native => Kind::Native(native.tensor(pixels.values.clone(), &pixels.dims)?),
            Numerics::Exact(_) => Kind::Exact(channels_last(pixels)),
            Numerics::ExactOn(device) => {
                let Images { values, dims } = channels_last(pixels);
                Kind::OnDevice(device::Images { pixels: Matrix::upload(device, &values, dims[3])?, dims })
            }
        }))
    }

    /// Sequences of `(batch, length, channels)` as images of one row.
    ///
    /// # Errors
    /// When the numbers do not divide into so many channels and sequences.
    pub fn of_sequences(
        values: Vec<f32>,
        batch: usize,
        channels: usize,
        numerics: Numerics,
        native: &NativeForm,
    ) -> Result<Self> {
        let length = values.len().checked_div(batch * channels).unwrap_or(0);
        if length == 0 || values.len() != batch * length * channels {
            let count = values.len();
            return Err(Error::InvalidInput(format!(
                "{count} numbers in {batch} sequences of {channels} channels"
            )));
        }
        Ok(Self(match numerics {
            Numerics::Native => {
                let rows = Tensor::from_vec(values, (batch, 1, length, channels), native.device())?;
                let rows = rows.permute((0, 3, 1, 2))?.contiguous()?;
                Kind::Native(rows.to_dtype(native.dtype())?)
            }
            Numerics::Exact(_) => Kind::Exact(Images { values, dims: [batch, 1, length, channels] }),
            Numerics::ExactOn(device) => {
                let (pixels, dims) =
                    (Matrix::upload(device, &values, channels)?, [batch, 1, length, channels]);
                Kind::OnDevice(device::Images { pixels, dims })
            }
        }))
    }

    /// `[batch, channels, height, width]`
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn dims(&self) -> Result<[usize; 4]> {
        Ok(match &self.0 {
            Kind::Native(x) => {
                let (batch, channels, height, width) = x.dims4()?;
                [batch, channels, height, width]
            }
            Kind::Exact(Images { dims: [batch, height, width, channels], .. })
            | Kind::OnDevice(device::Images { dims: [batch, height, width, channels], .. }) => {
                [*batch, *channels, *height, *width]
            }
        })
    }

    /// Each pixel a token, row by row: `(batch, height * width, channels)`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn into_tokens(self) -> Result<Hidden> {
        match self.0 {
            Kind::Native(x) => Hidden::native(x.flatten_from(2)?.transpose(1, 2)?.contiguous()?),
            Kind::Exact(Images { values, dims: [batch, height, width, _] }) => {
                Ok(Hidden::exact(values, batch, height * width))
            }
            Kind::OnDevice(images) => Ok(Hidden::on_device(images.pixels, images.dims[0])),
        }
    }

    /// The mean over each image's pixels: `(batch, 1, channels)`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn mean(&self) -> Result<Hidden> {
        match &self.0 {
            Kind::Native(x) => Hidden::native(x.flatten_from(2)?.mean(2)?.unsqueeze(1)?),
            Kind::Exact(images) => Ok(Hidden::exact(mean_pixels(images), images.dims[0], 1)),
            Kind::OnDevice(images) => Ok(Hidden::on_device(images.mean_pixels()?, images.dims[0])),
        }
    }

    /// The largest element of each window, channel by channel; the window is square, not dilated, its padding less than its kernel.
    ///
    /// # Errors
    /// When no window fits into an image, or this is of the other numerics.
    pub fn max_pool(
        self,
        kernel: usize,
        stride: usize,
        padding: usize,
        numerics: Numerics,
        workspace: &mut Workspace,
    ) -> Result<Self> {
        let window = Window {
            kernel: (kernel, kernel),
            stride: (stride, stride),
            padding: (padding, padding),
            dilation: (1, 1),
        };
        match (self.0, numerics) {
            (Kind::Native(x), Numerics::Native) => {
                // The edge's own pixels lie in each window that reaches over the edge, so a copy of them alters no maximum.
                let x = x.pad_with_same(2, padding, padding)?.pad_with_same(3, padding, padding)?;
                Ok(Self(Kind::Native(x.max_pool2d_with_stride(kernel, stride)?)))
            }
            (Kind::Exact(x), Numerics::Exact(isa)) => {
                let y = max_pool(&x, window, workspace.rows(), isa)?;
                workspace.keep_rows(x.values);
                Ok(Self(Kind::Exact(y)))
            }
            (Kind::OnDevice(x), Numerics::ExactOn(_)) => Ok(Self(Kind::OnDevice(x.max_pool(window)?))),
            _ => Err(super::hidden::mixed()),
        }
    }

    /// Gives the memory back.
    pub fn recycle(self, workspace: &mut Workspace) {
        if let Kind::Exact(images) = self.0 {
            workspace.keep_rows(images.values);
        }
    }
}

/// Images as exact layers read them.
fn channels_last(pixels: &PixelValues) -> Images {
    let [batch, channels, height, width] = pixels.dims;
    let area = height * width;
    let images = pixels.values.chunks_exact(channels * area);
    let values = images.flat_map(|image| (0..area).flat_map(|at| image.iter().skip(at).step_by(area)));
    Images { values: values.copied().collect(), dims: [batch, height, width, channels] }
}
