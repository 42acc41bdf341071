//! Mistral: `MistralForCausalLM`. Llama whose queries see a window of keys.

use serde_json::Value;

use super::fields::DecoderFields;
use super::spec::DecoderSpec;
use crate::config::{ConfigMap, require, require_present};
use crate::{Error, Result};

/// What transformers takes where the field is absent; `null` is no window.
const DEFAULT_WINDOW: usize = 4096;

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_act", "silu", |value| value == "silu")?;
    require_present(map, "num_key_value_heads")?;
    let window = match map.get("sliding_window") {
        None => Some(DEFAULT_WINDOW),
        Some(Value::Null) => None,
        Some(value) => match value.as_u64() {
            Some(window) if window > 0 => Some(usize::try_from(window).unwrap_or(usize::MAX)),
            _ => return Err(Error::InvalidConfig(format!("sliding_window is {value}"))),
        },
    };
    let mut spec = DecoderFields::read(map)?.spec();
    spec.layers.iter_mut().for_each(|layer| layer.window = window);
    Ok(spec)
}
