//! Llama 2 and 3, TinyLlama, SmolLM2: `LlamaForCausalLM`.

use serde_json::json;

use super::fields::DecoderFields;
use super::spec::{DecoderSpec, LayerSpec};
use crate::Result;
use crate::config::{ConfigMap, require};

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_act", "silu", |value| value == "silu")?;
    require(map, "pretraining_tp", "1", |value| *value == json!(1))?;
    let fields = DecoderFields::read(map)?;
    let layer = LayerSpec { window: None, rope: 0, feed_forward: fields.gated(fields.mlp_bias()) };
    Ok(DecoderSpec {
        biases: fields.attention_biases(),
        layers: vec![layer; fields.num_hidden_layers],
        ..fields.spec()
    })
}

#[cfg(test)]
mod tests {
    use super::super::spec::Head;
    use super::*;
    use crate::layers::{Bias, ProjectionBiases};

    fn config(change: impl Fn(&mut ConfigMap)) -> Result<DecoderSpec> {
        let json = json!({
            "model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu",
        });
        let mut map = json.as_object().unwrap().clone();
        change(&mut map);
        DecoderSpec::parse(&map)
    }

    fn refusal(field: &str, value: serde_json::Value) -> String {
        config(|map| drop(map.insert(field.to_owned(), value.clone()))).unwrap_err().to_string()
    }

    #[test]
    fn defaults_follow_transformers() {
        let spec = config(|_| {}).unwrap();
        assert_eq!((spec.attention.head_dim, spec.attention.kv_heads), (4, 2));
        assert_eq!((spec.biases, spec.head), (ProjectionBiases::all(Bias::Absent), Head::Own));
        assert!((spec.ropes[0].theta - 1e4).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_field() {
        assert!(refusal("hidden_act", json!("gelu")).contains("`hidden_act` is \"gelu\""));
        assert!(
            refusal("rope_scaling", json!({"rope_type": "yarn", "factor": 2.0})).contains("`rope_scaling`")
        );
        assert!(refusal("model_type", json!("mamba")).contains("`model_type`"));
        assert!(refusal("num_key_value_heads", json!(3)).contains("num_key_value_heads"));
        assert!(refusal("head_dim", json!(5)).contains("head_dim"));
        assert!(refusal("vocab_size", json!(0)).contains("vocab_size is 0"));
        assert!(
            refusal("num_hidden_layers", json!(1_u64 << 40)).contains("num_hidden_layers is 1099511627776")
        );
        assert!(refusal("rope_parameters", json!({"rope_theta": 5e5})).contains("`rope_parameters`"));
        assert!(config(|map| drop(map.remove("model_type"))).unwrap_err().to_string().contains("model_type"));
        assert!(refusal("rope_theta", json!(0.0)).contains("rope_theta"));
        assert!(refusal("rms_norm_eps", json!("small")).contains("invalid type"));
    }
}
