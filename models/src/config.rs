//! Reading `config.json`: known fields only, and a refusal that names the field where a value is not supported.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// The members of a Hugging Face `config.json`.
pub type ConfigMap = Map<String, Value>;

/// A `config.json` with the names of a thousand classes has 70 kB.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// Reads a `config.json`.
///
/// # Errors
/// When it cannot be read, is too long or is no JSON object.
pub fn read(path: &Path) -> Result<ConfigMap> {
    let text = read_bounded(path, MAX_CONFIG_BYTES)?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// The bytes of a file that has no more than `most`.
pub(crate) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| Error::Unreadable { path: path.to_owned(), error })?;
    if bytes.len() as u64 > most {
        return Err(Error::Damaged { path: path.to_owned(), reason: format!("more than {most} bytes") });
    }
    Ok(bytes)
}

/// Parses the fields that an architecture knows; others, such as `transformers_version`, say nothing of arithmetic.
///
/// # Errors
/// [`Error::InvalidConfig`] naming the field that is missing or of a wrong type.
pub fn parse<T: DeserializeOwned>(config: &ConfigMap) -> Result<T> {
    serde_json::from_value(Value::Object(config.clone()))
        .map_err(|error| Error::InvalidConfig(error.to_string()))
}

/// Refuses a field that is present with another value than those supported; `null` counts as absent.
///
/// # Errors
/// [`Error::UnsupportedConfig`] naming field and value.
pub(crate) fn require(
    config: &ConfigMap,
    field: &'static str,
    supported: &'static str,
    accepts: impl Fn(&Value) -> bool,
) -> Result<()> {
    match config.get(field) {
        None | Some(Value::Null) => Ok(()),
        Some(value) if accepts(value) => Ok(()),
        Some(value) => Err(Error::UnsupportedConfig { field, value: value.to_string(), supported }),
    }
}

/// Refuses another activation than those of the Gaussian error.
pub(crate) fn require_gelu(config: &ConfigMap, field: &'static str) -> Result<()> {
    require(config, field, "gelu, gelu_new or gelu_pytorch_tanh", |value| {
        ["gelu", "gelu_new", "gelu_pytorch_tanh"].iter().any(|name| value == name)
    })
}

/// Refuses a `config.json` of another architecture, or of none.
pub(crate) fn require_model_type(config: &ConfigMap, model_type: &'static str) -> Result<()> {
    if !config.contains_key("model_type") {
        return Err(Error::InvalidConfig("missing field `model_type`".to_owned()));
    }
    require(config, "model_type", model_type, |value| value == model_type)
}

/// Refuses a `config.json` without a field whose absence would mean a size that is easily taken for another.
pub(crate) fn require_present(config: &ConfigMap, field: &str) -> Result<()> {
    if config.contains_key(field) {
        return Ok(());
    }
    Err(Error::InvalidConfig(format!("missing field `{field}`")))
}

/// How many labels a classifier has: those of `id2label`, else `num_labels`, else two, as in transformers.
pub(crate) fn labels(config: &ConfigMap) -> Result<usize> {
    let labels = match (config.get("id2label"), config.get("num_labels")) {
        (Some(Value::Object(labels)), _) => Some(labels.len()),
        (None | Some(Value::Null), None) => Some(2),
        (None | Some(Value::Null), Some(number)) => {
            number.as_u64().and_then(|number| usize::try_from(number).ok())
        }
        (Some(_), _) => None,
    };
    match labels {
        Some(labels) if (1..=MOST).contains(&labels) => Ok(labels),
        _ => Err(Error::InvalidConfig(format!("id2label or num_labels is no number of labels up to {MOST}"))),
    }
}

/// The largest size of a model: wider, deeper or with more classes than any, and small enough that products of three do not overflow.
const MOST: usize = 1 << 20;

/// Refuses a size that is zero or larger than any model's.
pub(crate) fn require_sizes(sizes: &[(&'static str, usize)]) -> Result<()> {
    match sizes.iter().find(|(_, size)| !(1..=MOST).contains(size)) {
        Some((field, size)) => Err(Error::InvalidConfig(format!("{field} is {size}, not in 1..={MOST}"))),
        None => Ok(()),
    }
}

/// Refuses a quotient that does not come out even or a size of zero.
pub(crate) fn require_divides(what: &str, divisor: usize, number: usize) -> Result<()> {
    if divisor == 0 || number == 0 || !number.is_multiple_of(divisor) {
        return Err(Error::InvalidConfig(format!(
            "{what}: {number} is not a positive multiple of {divisor}"
        )));
    }
    Ok(())
}
