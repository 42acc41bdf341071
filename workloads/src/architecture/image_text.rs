use super::fields::{ConfigFault, Fields, MAX_LAYERS, MAX_POSITIONS, MAX_SIZE, require_divides};
use super::stack::{Bias, Linear, Stack};
use super::vision::{Patches, vision_stack};

/// Sizes of an encoder of images and one of texts into one space: CLIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageText {
    /// Its images.
    pub patches: Patches,
    /// Layers for images.
    pub vision: Stack,
    /// Rows of the table of words.
    pub vocab: u64,
    /// The longest text.
    pub positions: u64,
    /// Layers for texts, which are causal.
    pub text: Stack,
    /// `projection_dim`: the width of the common space.
    pub projection: u64,
}

impl ImageText {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let (vision, text) = (fields.part("vision_config")?, fields.part("text_config")?);
        let hidden = text.size("hidden_size", MAX_SIZE)?;
        let heads = text.size("num_attention_heads", MAX_SIZE)?;
        require_divides("num_attention_heads", heads, "hidden_size", hidden)?;
        let layers = text.size("num_hidden_layers", MAX_LAYERS)?;
        Ok(Self {
            patches: Patches::of(vision, Bias::Absent)?,
            vision: vision_stack(vision)?,
            vocab: text.size("vocab_size", MAX_SIZE)?,
            positions: text.size("max_position_embeddings", MAX_POSITIONS)?,
            text: Stack::of_encoder(layers, hidden, heads, text.size("intermediate_size", MAX_SIZE)?),
            projection: fields.size("projection_dim", MAX_SIZE)?,
        })
    }

    pub(super) fn parameters(&self) -> u128 {
        let projections: u64 = self.projections().iter().map(Linear::weights).sum();
        // Two norms of the images' encoder, one of the texts', and the scale of similarities.
        let norms = 4 * self.vision.hidden + 2 * self.text.hidden + 1;
        self.patches.parameters(self.vision.hidden)
            + self.vision.parameters()
            + u128::from((self.vocab + self.positions) * self.text.hidden)
            + self.text.parameters()
            + u128::from(projections + norms)
    }

    /// Of images and of texts; each sees one token.
    pub(crate) fn projections(&self) -> [Linear; 2] {
        let projection = |inputs| Linear { outputs: self.projection, inputs, bias: Bias::Absent };
        [projection(self.vision.hidden), projection(self.text.hidden)]
    }
}
