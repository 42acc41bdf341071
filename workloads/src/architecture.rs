//! What a model's configuration says of sizes, one file a kind of network.
//!
//! Field names and defaults are those of transformers' configuration classes.

mod convolution;
mod decoder;
mod encoder;
mod fields;
mod image_text;
mod residual;
mod speech;
mod stack;
mod vision;

use serde_json::{Map, Value};

pub(crate) use convolution::Convolution;
pub use decoder::{Decoder, Head};
pub use encoder::Encoder;
pub(crate) use fields::ConfigFault;
use fields::{Fields, MAX_PARAMETERS, fault};
pub use image_text::ImageText;
pub use residual::Residual;
pub use speech::Speech;
pub(crate) use stack::Linear;
pub use stack::{Bias, CrossAttention, FeedForward, Sliding, Sparse, Stack};
pub use vision::Vision;

/// The network that a `config.json` describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Causal, with a language-model head: `llama` and its relatives.
    Decoder(Decoder),
    /// Each token sees each other: `bert` and its relatives.
    Encoder(Encoder),
    /// An encoder of an image's patches: `vit`.
    Vision(Vision),
    /// Convolutions with residual sums: `resnet`.
    Residual(Residual),
    /// An encoder of images and one of texts: `clip`.
    ImageText(ImageText),
    /// An encoder of speech and a decoder that attends to it: `whisper`.
    Speech(Speech),
}

impl Architecture {
    /// Reads and checks the sizes in a configuration.
    pub(crate) fn of(config: &Map<String, Value>) -> Result<Self, ConfigFault> {
        let fields = Fields(config);
        let family = config.get("model_type").and_then(Value::as_str);
        let architecture = match family {
            Some("llama" | "qwen2" | "qwen3" | "qwen3_moe" | "mistral" | "gemma3_text") => {
                Self::Decoder(Decoder::of(fields)?)
            }
            Some("bert" | "distilbert" | "roberta" | "xlm-roberta") => Self::Encoder(Encoder::of(fields)?),
            Some("vit") => Self::Vision(Vision::of(fields)?),
            Some("resnet") => Self::Residual(Residual::of(fields)?),
            Some("clip") => Self::ImageText(ImageText::of(fields)?),
            Some("whisper") => Self::Speech(Speech::of(fields)?),
            Some(other) => {
                let families = "llama, qwen2, qwen3, qwen3_moe, mistral, gemma3_text, bert, distilbert, roberta, \
                                xlm-roberta, vit, resnet, clip, whisper";
                return Err(fault("model_type", format!("model_type `{other}` is none of {families}")));
            }
            None => return Err(fault("model_type", "config has no model_type".to_owned())),
        };
        let parameters = architecture.all_parameters();
        if parameters > u128::from(MAX_PARAMETERS) {
            let fact = format!("a model of {parameters} parameters, more than the limit of {MAX_PARAMETERS}");
            return Err(fault("num_hidden_layers", fact));
        }
        Ok(architecture)
    }

    /// The number of weights; an encoder's without a head, which depends on the task.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        // Bounded when it was read.
        u64::try_from(self.all_parameters()).unwrap_or(u64::MAX)
    }

    fn all_parameters(&self) -> u128 {
        match self {
            Self::Decoder(decoder) => decoder.parameters(),
            Self::Encoder(encoder) => encoder.parameters(),
            Self::Vision(vision) => vision.parameters(),
            Self::Residual(residual) => residual.parameters(),
            Self::ImageText(image_text) => image_text.parameters(),
            Self::Speech(speech) => speech.parameters(),
        }
    }

    /// Rows of the table of tokens, where there is one.
    #[must_use]
    pub fn vocab(&self) -> Option<u64> {
        match self {
            Self::Decoder(decoder) => Some(decoder.vocab),
            Self::Encoder(encoder) => Some(encoder.vocab),
            Self::ImageText(image_text) => Some(image_text.vocab),
            Self::Speech(speech) => Some(speech.vocab),
            Self::Vision(_) | Self::Residual(_) => None,
        }
    }

    /// The longest sequence of tokens, where there are some.
    #[must_use]
    pub fn positions(&self) -> Option<u64> {
        match self {
            Self::Decoder(decoder) => Some(decoder.positions),
            Self::Encoder(encoder) => Some(encoder.positions - encoder.first_position),
            Self::ImageText(image_text) => Some(image_text.positions),
            Self::Speech(speech) => Some(speech.target_positions),
            Self::Vision(_) | Self::Residual(_) => None,
        }
    }
}

impl Architecture {
    /// Pixels of a side of an image, where the model reads images of one size.
    #[must_use]
    pub fn image_size(&self) -> Option<u64> {
        match self {
            Self::Vision(vision) => Some(vision.patches.image_size),
            Self::ImageText(image_text) => Some(image_text.patches.image_size),
            _ => None,
        }
    }

    /// Colours of an image; 0 where the model reads none.
    #[must_use]
    pub fn colours(&self) -> u64 {
        match self {
            Self::Vision(vision) => vision.patches.channels,
            Self::ImageText(image_text) => image_text.patches.channels,
            Self::Residual(residual) => residual.channels,
            Self::Decoder(_) | Self::Encoder(_) | Self::Speech(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fields::{MAX_LAYERS, MAX_POSITIONS, MAX_SIZE};
    use super::*;

    fn parse(config: Value) -> Architecture {
        Architecture::of(config.as_object().unwrap()).unwrap()
    }

    /// Parameters as the models' authors count them: with the pooler of published BERT checkpoints.
    #[test]
    fn well_known_models_have_their_number_of_parameters() {
        let llama = |vocab, hidden, intermediate, layers, heads, kv_heads, tied| {
            parse(json!({
                "model_type": "llama", "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": intermediate,
                "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "max_position_embeddings": 8192, "tie_word_embeddings": tied,
            }))
        };
        assert_eq!(llama(49_152, 576, 1536, 30, 9, 3, true).parameters(), 134_515_008); // SmolLM2-135M
        assert_eq!(llama(32_000, 4096, 11_008, 32, 32, 32, false).parameters(), 6_738_415_616); // Llama 2 7B
        assert_eq!(llama(128_256, 8192, 28_672, 80, 64, 8, false).parameters(), 70_553_706_496); // Llama 3 70B

        let bert = |hidden: u64, intermediate, layers, heads| {
            let model = parse(json!({
                "model_type": "bert", "vocab_size": 30_522, "hidden_size": hidden, "intermediate_size": intermediate,
                "num_hidden_layers": layers, "num_attention_heads": heads, "max_position_embeddings": 512,
            }));
            model.parameters() + hidden * hidden + hidden
        };
        assert_eq!(bert(384, 1536, 6, 12), 22_713_216); // all-MiniLM-L6-v2
        assert_eq!(bert(384, 1536, 12, 12), 33_360_000); // bge-small-en-v1.5
        assert_eq!(bert(768, 3072, 12, 12), 109_482_240); // bert-base-uncased
    }

    /// As published; classifiers with their thousand labels.
    #[test]
    fn well_known_models_of_other_families_have_their_number_of_parameters() {
        let qwen = |model_type, vocab, hidden, intermediate, layers, heads, kv_heads, head_dim, tied| {
            json!({
                "model_type": model_type, "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": intermediate,
                "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "head_dim": head_dim, "max_position_embeddings": 32768, "tie_word_embeddings": tied,
            })
        };
        let qwen2 = parse(qwen("qwen2", 151_936, 896, 4864, 24, 14, 2, 64, true));
        assert_eq!(qwen2.parameters(), 494_032_768); // Qwen2.5-0.5B
        let qwen3 = parse(qwen("qwen3", 151_936, 1024, 3072, 28, 16, 8, 128, true));
        assert_eq!(qwen3.parameters(), 596_049_920); // Qwen3-0.6B
        let mut config = qwen("qwen3_moe", 151_936, 2048, 6144, 48, 32, 4, 128, false);
        let experts = json!({"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768});
        config.as_object_mut().unwrap().extend(experts.as_object().unwrap().clone());
        assert_eq!(parse(config).parameters(), 30_532_122_624); // Qwen3-30B-A3B
        let mistral = parse(qwen("mistral", 32_000, 4096, 14_336, 32, 32, 8, 128, false));
        assert_eq!(mistral.parameters(), 7_241_732_096); // Mistral-7B-v0.1
        let gemma = parse(qwen("gemma3_text", 262_144, 1152, 6912, 26, 4, 1, 256, true));
        assert_eq!(gemma.parameters(), 999_885_952); // Gemma 3 1B
        let vit = parse(json!({
            "model_type": "vit", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
            "num_attention_heads": 12, "image_size": 224, "patch_size": 16, "num_channels": 3, "num_labels": 1000,
        }));
        assert_eq!(vit.parameters(), 86_567_656);
        let resnet = parse(json!({
            "model_type": "resnet", "num_channels": 3, "embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048],
            "depths": [3, 4, 6, 3], "layer_type": "bottleneck", "num_labels": 1000,
        }));
        // With running means and variances, which authors leave out: 25 557 032 without them.
        assert_eq!(resnet.parameters(), 25_557_032 + 2 * 26_560);
        let clip = parse(json!({
            "model_type": "clip", "projection_dim": 512,
            "text_config": {
                "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
                "num_attention_heads": 8, "max_position_embeddings": 77,
            },
            "vision_config": {
                "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                "image_size": 224, "patch_size": 32, "num_channels": 3,
            },
        }));
        assert_eq!(clip.parameters(), 151_277_313); // ViT-B/32
        let whisper = parse(json!({
            "model_type": "whisper", "vocab_size": 51864, "d_model": 384, "encoder_layers": 4, "decoder_layers": 4,
            "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536,
            "decoder_ffn_dim": 1536, "max_source_positions": 1500, "max_target_positions": 448, "num_mel_bins": 80,
        }));
        assert_eq!(whisper.parameters(), 37_760_256); // tiny.en
    }

    #[test]
    fn biases_and_a_wide_head_are_counted() {
        let config = |bias: bool| {
            parse(json!({
                "model_type": "llama", "vocab_size": 10, "hidden_size": 4, "intermediate_size": 6,
                "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
                "max_position_embeddings": 16, "attention_bias": bias, "mlp_bias": bias,
            }))
        };
        let matrices = 32 * 4 + 2 * 16 * 4 + 4 * 32 + 3 * 6 * 4;
        let biases = 32 + 2 * 16 + 4 + 2 * 6 + 4;
        assert_eq!(config(false).parameters(), 2 * 10 * 4 + 4 + 2 * (matrices + 8));
        assert_eq!(config(true).parameters() - config(false).parameters(), 2 * biases);
    }

    #[test]
    fn the_largest_sizes_overflow_nothing() {
        let config = json!({
            "model_type": "llama", "vocab_size": MAX_SIZE, "hidden_size": MAX_SIZE, "intermediate_size": MAX_SIZE,
            "num_hidden_layers": MAX_LAYERS, "num_attention_heads": MAX_SIZE / 2, "head_dim": 2,
            "max_position_embeddings": MAX_POSITIONS, "attention_bias": true, "mlp_bias": true,
        });
        let refusal = Architecture::of(config.as_object().unwrap()).unwrap_err();
        assert_eq!(refusal.field, "num_hidden_layers");
        assert!(refusal.fact.contains("more than the limit"), "{}", refusal.fact);
    }
}
