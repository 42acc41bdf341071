//! Qwen3: `Qwen3ForCausalLM`. Llama with queries and keys normalised head by head.

use super::fields::{DecoderFields, require_full_attention};
use super::spec::{DecoderSpec, HeadNorming};
use crate::Result;
use crate::config::{ConfigMap, require, require_present};

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_act", "silu", |value| value == "silu")?;
    require_full_attention(map)?;
    require_present(map, "num_key_value_heads")?;
    require_present(map, "head_dim")?;
    let fields = DecoderFields::read(map)?;
    Ok(DecoderSpec { biases: fields.attention_biases(), head_norms: HeadNorming::Present, ..fields.spec() })
}
