//! The shapes that benchmarks share.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use proofmark_models::decoder::DecoderSpec;

/// The sizes of a decoder of the Llama family with tied embeddings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Llama {
    pub(crate) vocab: usize,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
}

/// Those of SmolLM2-135M.
pub(crate) const SMOLLM2_135M: Llama =
    Llama { vocab: 49_152, hidden: 576, intermediate: 1536, layers: 30, heads: 9, kv_heads: 3 };

/// Those of Llama 3.2 1B.
pub(crate) const LLAMA_1B: Llama =
    Llama { vocab: 128_256, hidden: 2048, intermediate: 8192, layers: 16, heads: 32, kv_heads: 8 };

impl Llama {
    pub(crate) fn spec(self) -> DecoderSpec {
        let Self { vocab, hidden, intermediate, layers, heads, kv_heads } = self;
        let json = serde_json::json!({
            "model_type": "llama", "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": intermediate,
            "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "hidden_act": "silu",
            "tie_word_embeddings": true,
        });
        json.as_object().map_or_else(|| panic!("no object"), |map| DecoderSpec::parse(map).unwrap())
    }
}
