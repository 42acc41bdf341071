//! The shapes that benchmarks share.

use proofmark_models::decoder::DecoderSpec;

/// The configuration of SmolLM2-135M.
pub(crate) fn smollm2_135m() -> DecoderSpec {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "hidden_act": "silu",
        "tie_word_embeddings": true,
    });
    json.as_object().map_or_else(|| panic!("no object"), |map| DecoderSpec::parse(map).unwrap())
}
