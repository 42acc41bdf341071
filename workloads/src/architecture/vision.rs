use super::convolution::Convolution;
use super::fields::{ConfigFault, Fields, MAX_LAYERS, MAX_SIZE, require_divides};
use super::stack::{Bias, Linear, Stack};

/// Sizes of an image, far beyond what models take.
pub(super) const MAX_IMAGE: u64 = 1 << 12;
const MAX_CHANNELS: u64 = 16;

/// Sizes of an image classifier of patches: ViT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vision {
    /// Its input.
    pub patches: Patches,
    /// Its layers.
    pub stack: Stack,
    /// Outputs of the classifier.
    pub labels: u64,
}

/// An image cut into patches, each of which becomes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patches {
    /// Pixels of a side of the image.
    pub image_size: u64,
    /// Pixels of a side of a patch.
    pub patch_size: u64,
    /// Colours.
    pub channels: u64,
    bias: Bias,
}

impl Vision {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let (patches, stack) = (Patches::of(fields, Bias::Present)?, vision_stack(fields)?);
        Ok(Self { patches, stack, labels: fields.labels()? })
    }

    pub(super) fn parameters(&self) -> u128 {
        // A final norm, and the classifier.
        let head = u128::from(self.head().weights());
        self.patches.parameters(self.stack.hidden)
            + self.stack.parameters()
            + u128::from(2 * self.stack.hidden)
            + head
    }

    /// The classifier; it sees one token an image.
    pub(crate) fn head(&self) -> Linear {
        Linear { outputs: self.labels, inputs: self.stack.hidden, bias: Bias::Present }
    }
}

/// The layers of an encoder of patches.
pub(super) fn vision_stack(fields: Fields<'_>) -> Result<Stack, ConfigFault> {
    let hidden = fields.size("hidden_size", MAX_SIZE)?;
    let heads = fields.size("num_attention_heads", MAX_SIZE)?;
    require_divides("num_attention_heads", heads, "hidden_size", hidden)?;
    let layers = fields.size("num_hidden_layers", MAX_LAYERS)?;
    let stack = Stack::of_encoder(layers, hidden, heads, fields.size("intermediate_size", MAX_SIZE)?);
    let bias = if fields.flag("qkv_bias", true)? { Bias::Present } else { Bias::Absent };
    Ok(Stack { projection_bias: bias, key_bias: bias, ..stack })
}

impl Patches {
    pub(super) fn of(fields: Fields<'_>, bias: Bias) -> Result<Self, ConfigFault> {
        let image_size = fields.size("image_size", MAX_IMAGE)?;
        let patch_size = fields.size("patch_size", image_size)?;
        let channels = fields.optional_size("num_channels", MAX_CHANNELS)?.unwrap_or(3);
        Ok(Self { image_size, patch_size, channels, bias })
    }

    /// Tokens of an image: its patches, and one for the whole.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.count() + 1
    }

    /// Patches of an image.
    pub(crate) fn count(&self) -> u64 {
        (self.image_size / self.patch_size).pow(2)
    }

    pub(crate) fn convolution(&self, hidden: u64) -> Convolution {
        Convolution {
            outputs: hidden,
            channels: self.channels,
            area: self.patch_size.pow(2),
            stride: self.patch_size,
            numbers_an_output: if self.bias == Bias::Present { 1 } else { 0 },
        }
    }

    /// The convolution, the token for the whole, and the table of positions.
    pub(super) fn parameters(&self, hidden: u64) -> u128 {
        self.convolution(hidden).parameters() + u128::from((1 + self.tokens()) * hidden)
    }
}
