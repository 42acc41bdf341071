use serde::Deserialize;
use serde_json::json;

use crate::Result;
use crate::config::{
    self, ConfigMap, require, require_divides, require_gelu, require_model_type, require_sizes,
};
use crate::layers::{Activation, AttentionDims, Bias, PreNormShape, ProjectionBiases};

/// Added to the variance by every normalisation.
const EPS: f64 = 1e-5;

/// The fields of `config.json` that decide the arithmetic of Whisper.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct WhisperConfig {
    /// Tokens.
    pub vocab_size: usize,
    /// Bands of the log-mel spectrogram.
    pub num_mel_bins: usize,
    /// Width of the residual streams.
    pub d_model: usize,
    /// Encoder layers.
    pub encoder_layers: usize,
    /// The encoder's heads.
    pub encoder_attention_heads: usize,
    /// Width of the encoder's feed-forward part.
    pub encoder_ffn_dim: usize,
    /// Decoder layers.
    pub decoder_layers: usize,
    /// The decoder's heads.
    pub decoder_attention_heads: usize,
    /// Width of the decoder's feed-forward part.
    pub decoder_ffn_dim: usize,
    /// Positions of the encoder, each of two frames of 10 ms.
    pub max_source_positions: usize,
    /// The longest text.
    pub max_target_positions: usize,
    /// Between the two halves of the feed-forward parts.
    pub activation_function: Activation,
}

impl WhisperConfig {
    /// Parses and checks `config.json`. `scale_embedding` is no matter: transformers computes that scale and never uses it.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for what is not supported.
    pub fn parse(map: &ConfigMap) -> Result<Self> {
        require_model_type(map, "whisper")?;
        require_gelu(map, "activation_function")?;
        require(map, "tie_word_embeddings", "true", |value| *value == json!(true))?;
        require(map, "quantization_config", "absent", |_| false)?;
        let parsed: Self = config::parse(map)?;
        require_sizes(&[
            ("vocab_size", parsed.vocab_size),
            ("num_mel_bins", parsed.num_mel_bins),
            ("d_model", parsed.d_model),
            ("encoder_layers", parsed.encoder_layers),
            ("encoder_ffn_dim", parsed.encoder_ffn_dim),
            ("decoder_layers", parsed.decoder_layers),
            ("decoder_ffn_dim", parsed.decoder_ffn_dim),
            ("max_source_positions", parsed.max_source_positions),
            ("max_target_positions", parsed.max_target_positions),
        ])?;
        require(map, "num_mel_bins", "512 at most", |bands| {
            bands.as_u64().is_some_and(|bands| bands <= 512)
        })?;
        let (encoder, decoder) = (parsed.encoder_attention_heads, parsed.decoder_attention_heads);
        require_divides("d_model by encoder_attention_heads", encoder, parsed.d_model)?;
        require_divides("d_model by decoder_attention_heads", decoder, parsed.d_model)?;
        Ok(parsed)
    }

    pub(super) fn encoder(&self) -> PreNormShape {
        PreNormShape {
            layers: self.encoder_layers,
            dims: AttentionDims::even(self.d_model, self.encoder_attention_heads),
            biases: self.biases(),
            intermediate: self.encoder_ffn_dim,
            activation: self.activation_function,
            eps: EPS,
        }
    }

    pub(super) fn decoder(&self) -> PreNormShape {
        PreNormShape {
            layers: self.decoder_layers,
            dims: AttentionDims::even(self.d_model, self.decoder_attention_heads),
            intermediate: self.decoder_ffn_dim,
            ..self.encoder()
        }
    }

    fn biases(&self) -> ProjectionBiases {
        ProjectionBiases { key: Bias::Absent, ..ProjectionBiases::all(Bias::Present) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        let json = json!({
            "model_type": "whisper", "vocab_size": 9, "num_mel_bins": 80, "d_model": 8, "encoder_layers": 1,
            "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_layers": 1, "decoder_attention_heads": 2,
            "decoder_ffn_dim": 8, "max_source_positions": 4, "max_target_positions": 4, "activation_function": "gelu",
            "scale_embedding": true,
        });
        assert!(WhisperConfig::parse(json.as_object().unwrap()).is_ok());
        for (field, value) in [
            ("model_type", json!("wav2vec2")),
            ("activation_function", json!("relu")),
            ("tie_word_embeddings", json!(false)),
            ("num_mel_bins", json!(513)),
            ("decoder_attention_heads", json!(3)),
            ("max_source_positions", json!(u64::MAX)),
            ("d_model", json!(0)),
        ] {
            let mut map = json.as_object().unwrap().clone();
            map.insert(field.to_owned(), value);
            let error = WhisperConfig::parse(&map).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
