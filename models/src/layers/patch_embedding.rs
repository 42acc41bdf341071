use std::sync::Arc;

use candle_core::Tensor;

use super::convolution::{Axes, Convolution, ConvolutionShape};
use super::{Bias, FeatureMap, Hidden, PixelValues, Workspace};
use crate::exact::device::Matrix;
use crate::weights::Scope;
use crate::{Error, NativeForm, Numerics, Result};

/// An image as tokens: a class token, then its patches row by row, each with its position added.
#[derive(Clone, Debug)]
pub struct PatchEmbedding {
    projection: Convolution,
    tables: Tables,
    shape: PatchShape,
    native: NativeForm,
    numerics: Numerics,
}

#[derive(Clone, Debug)]
enum Tables {
    Native {
        /// `(1, 1, hidden)`
        class: Tensor,
        /// `(1, tokens, hidden)`
        positions: Tensor,
    },
    Exact {
        /// The class token with its position: `(hidden,)`
        class: Vec<f32>,
        /// Of the patches: `(tokens - 1, hidden)`
        positions: Vec<f32>,
    },
    /// The class token with its position, then the positions of the patches: `(tokens, hidden)`
    OnDevice(Arc<Matrix>),
}

/// Sizes of images and patches; both are square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchShape {
    /// Rows and columns of an image.
    pub image_size: usize,
    /// Rows and columns of a patch; what is left over of an image is not looked at.
    pub patch_size: usize,
    /// Of an image.
    pub channels: usize,
    /// Width of a token.
    pub hidden: usize,
    /// Of the projection from patches to tokens.
    pub projection_bias: Bias,
}

/// The most numbers of an image or of the projection.
const MOST_NUMBERS: usize = 1 << 31;

impl PatchShape {
    /// Checks that there is a patch, and that images and weights have a size that a machine can hold.
    ///
    /// # Errors
    /// When the sizes contradict each other or are too large.
    pub fn check(&self) -> Result<()> {
        let Self { image_size, patch_size, channels, hidden, .. } = *self;
        if patch_size == 0 || patch_size > image_size {
            return Err(Error::InvalidConfig(format!("patch_size {patch_size} of image_size {image_size}")));
        }
        let product = |factors: [usize; 4]| {
            let product = factors.iter().try_fold(1_usize, |product, factor| product.checked_mul(*factor));
            product.is_some_and(|product| product <= MOST_NUMBERS)
        };
        let patches = image_size / patch_size;
        let fits = product([image_size, image_size, channels, 1])
            && product([patch_size, patch_size, channels, hidden])
            && product([patches, patches, hidden, 1]);
        if !fits {
            let fact = format!("image_size {image_size}, patch_size {patch_size}, {channels} channels");
            return Err(Error::InvalidConfig(fact + ": too large"));
        }
        Ok(())
    }

    /// Tokens of an image: its patches and the class token.
    #[must_use]
    pub fn tokens(&self) -> usize {
        1 + (self.image_size / self.patch_size).pow(2)
    }
}

impl PatchEmbedding {
    /// Loads the projection; `class`: `(hidden,)` and `positions`: `(tokens, hidden)` were loaded under their own names.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        projection: &Scope<'_>,
        shape: PatchShape,
        class: Vec<f32>,
        positions: Vec<f32>,
        numerics: Numerics,
    ) -> Result<Self> {
        let convolution = ConvolutionShape {
            channels: shape.channels,
            outputs: shape.hidden,
            kernel: shape.patch_size,
            stride: shape.patch_size,
            padding: 0,
            axes: Axes::Two,
        };
        let (hidden, native) = (shape.hidden, projection.native_form());
        let tables = match numerics {
            Numerics::Native => Tables::Native {
                class: native.tensor(class, &[1, 1, hidden])?,
                positions: native.tensor(positions, &[1, shape.tokens(), hidden])?,
            },
            Numerics::Exact(_) => {
                let (class, positions) = with_position(&class, &positions);
                Tables::Exact { class, positions }
            }
            Numerics::ExactOn(device) => {
                let (class, positions) = with_position(&class, &positions);
                Tables::OnDevice(Arc::new(Matrix::upload(device, &[class, positions].concat(), hidden)?))
            }
        };
        let projection = Convolution::load(projection, &convolution, shape.projection_bias, numerics)?;
        Ok(Self { projection, tables, shape, native, numerics })
    }

    /// `(batch, tokens, hidden)`
    ///
    /// # Errors
    /// When the images have another size than the model's.
    pub fn forward(&self, images: &PixelValues, workspace: &mut Workspace) -> Result<Hidden> {
        let [batch, channels, height, width] = images.dims;
        let PatchShape { image_size, hidden, .. } = self.shape;
        if [channels, height, width] != [self.shape.channels, image_size, image_size] {
            let expected = [self.shape.channels, image_size, image_size];
            let fact = format!("images of {:?}, the model takes {expected:?}", &images.dims[1..]);
            return Err(Error::InvalidInput(fact));
        }
        let pixels = FeatureMap::of_pixels(images, self.numerics, &self.native)?;
        let patches = self.projection.forward(&pixels, None, workspace)?.into_tokens()?;
        match &self.tables {
            Tables::Native { class, positions } => {
                let class = class.expand((batch, 1, hidden))?;
                let tokens = Tensor::cat(&[&class, patches.tensor()?], 1)?;
                Hidden::native(tokens.broadcast_add(positions)?)
            }
            Tables::Exact { class, positions } => {
                let mut tokens = Vec::with_capacity(batch * self.shape.tokens() * hidden);
                for patches in patches.values()?.chunks_exact(positions.len()) {
                    tokens.extend_from_slice(class);
                    tokens.extend(patches.iter().zip(positions).map(|(patch, position)| patch + position));
                }
                Ok(Hidden::exact(tokens, batch, self.shape.tokens()))
            }
            Tables::OnDevice(table) => {
                let patches = patches.matrix()?;
                Ok(Hidden::on_device(table.with_first_row(patches, batch)?, batch))
            }
        }
    }
}

/// The class token with its position: `(hidden,)`, and the positions of the patches: `(tokens - 1, hidden)`.
fn with_position(class: &[f32], positions: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (first, others) = positions.split_at(class.len());
    (class.iter().zip(first).map(|(class, position)| class + position).collect(), others.to_vec())
}
