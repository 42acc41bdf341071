//! Qwen2 and Qwen2.5: `Qwen2ForCausalLM`. Llama with biases on queries, keys and values.

use super::fields::{DecoderFields, require_full_attention};
use super::spec::DecoderSpec;
use crate::Result;
use crate::config::{ConfigMap, require, require_present};
use crate::layers::{Bias, ProjectionBiases};

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_act", "silu", |value| value == "silu")?;
    require_full_attention(map)?;
    require_present(map, "num_key_value_heads")?;
    let biases = ProjectionBiases { output: Bias::Absent, ..ProjectionBiases::all(Bias::Present) };
    Ok(DecoderSpec { biases, ..DecoderFields::read(map)?.spec() })
}
