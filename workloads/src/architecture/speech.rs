use super::convolution::Convolution;
use super::fields::{ConfigFault, Fields, MAX_LAYERS, MAX_POSITIONS, MAX_SIZE, require_divides};
use super::stack::{Bias, CrossAttention, Stack};

const MAX_MEL_BINS: u64 = 1 << 10;

/// Sizes of an encoder of speech with a decoder: Whisper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Speech {
    /// `num_mel_bins`
    pub mel_bins: u64,
    /// `max_source_positions`: tokens of the encoder, always all.
    pub source_positions: u64,
    /// Layers of the encoder.
    pub encoder: Stack,
    /// Rows of the table of tokens, which is also the head.
    pub vocab: u64,
    /// `max_target_positions`: the longest text.
    pub target_positions: u64,
    /// Layers of the decoder.
    pub decoder: Stack,
}

impl Speech {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let hidden = fields.size("d_model", MAX_SIZE)?;
        let stack = |layers, heads, intermediate| {
            let (number, width) = (fields.size(heads, MAX_SIZE)?, fields.size(intermediate, MAX_SIZE)?);
            require_divides(heads, number, "d_model", hidden)?;
            let stack = Stack::of_encoder(fields.size(layers, MAX_LAYERS)?, hidden, number, width);
            Ok(Stack { key_bias: Bias::Absent, ..stack })
        };
        let decoder = stack("decoder_layers", "decoder_attention_heads", "decoder_ffn_dim")?;
        Ok(Self {
            mel_bins: fields.optional_size("num_mel_bins", MAX_MEL_BINS)?.unwrap_or(80),
            source_positions: fields.size("max_source_positions", MAX_POSITIONS)?,
            encoder: stack("encoder_layers", "encoder_attention_heads", "encoder_ffn_dim")?,
            vocab: fields.size("vocab_size", MAX_SIZE)?,
            target_positions: fields.size("max_target_positions", MAX_POSITIONS)?,
            decoder: Stack { cross_attention: CrossAttention::Present, ..decoder },
        })
    }

    pub(super) fn parameters(&self) -> u128 {
        let hidden = self.encoder.hidden;
        let tables = self.vocab + self.source_positions + self.target_positions;
        // A norm behind each stack.
        u128::from((tables + 4) * hidden)
            + self.convolutions().iter().map(|(convolution, _)| convolution.parameters()).sum::<u128>()
            + self.encoder.parameters()
            + self.decoder.parameters()
    }

    /// The two before the encoder, each with the number of its windows.
    pub(crate) fn convolutions(&self) -> [(Convolution, u64); 2] {
        let convolution = |channels, stride| Convolution {
            outputs: self.encoder.hidden,
            channels,
            area: 3,
            stride,
            numbers_an_output: 1,
        };
        let windows = self.source_positions;
        [(convolution(self.mel_bins, 1), 2 * windows), (convolution(self.encoder.hidden, 2), windows)]
    }
}
