use serde_json::{Map, Value};

use super::stack::Bias;

/// Bounds on each size and on the number of weights, far beyond any model.
pub(super) const MAX_SIZE: u64 = 1 << 20;
pub(super) const MAX_LAYERS: u64 = 1 << 12;
pub(super) const MAX_POSITIONS: u64 = 1 << 24;
pub(super) const MAX_PARAMETERS: u64 = 1 << 44;

/// What is wrong with a configuration, and in which field.
#[derive(Debug)]
pub(crate) struct ConfigFault {
    pub(crate) field: &'static str,
    pub(crate) fact: String,
}

/// The members of `config.json`, or of a part of it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn is_of(self, family: &str) -> bool {
        self.0.get("model_type").and_then(Value::as_str) == Some(family)
    }

    pub(super) fn part(self, field: &'static str) -> Result<Self, ConfigFault> {
        let part = self.0.get(field).and_then(Value::as_object);
        part.map(Fields).ok_or_else(|| fault(field, format!("config has no {field}")))
    }

    pub(super) fn size(self, field: &'static str, most: u64) -> Result<u64, ConfigFault> {
        self.optional_size(field, most)?.ok_or_else(|| fault(field, format!("config has no {field}")))
    }

    pub(super) fn optional_size(self, field: &'static str, most: u64) -> Result<Option<u64>, ConfigFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => bounded(field, value, most).map(Some),
        }
    }

    pub(super) fn sizes(self, field: &'static str, most: u64) -> Result<Vec<u64>, ConfigFault> {
        let values = self.list(field)?;
        let values = values.ok_or_else(|| fault(field, format!("config has no {field}")))?;
        values.iter().map(|value| bounded(field, value, most)).collect()
    }

    pub(super) fn list(self, field: &'static str) -> Result<Option<&'a [Value]>, ConfigFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(values)) if values.len() as u64 <= MAX_LAYERS => Ok(Some(values)),
            Some(_) => Err(fault(field, format!("{field} is no list of up to {MAX_LAYERS}"))),
        }
    }

    pub(super) fn flag(self, field: &'static str, absent: bool) -> Result<bool, ConfigFault> {
        match self.0.get(field) {
            None => Ok(absent),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => Err(fault(field, format!("{field} {value} is neither true nor false"))),
        }
    }

    pub(super) fn bias(self, field: &'static str) -> Result<Bias, ConfigFault> {
        Ok(if self.flag(field, false)? { Bias::Present } else { Bias::Absent })
    }

    /// Those of `id2label`, else `num_labels`, else two, as in transformers.
    pub(super) fn labels(self) -> Result<u64, ConfigFault> {
        match self.0.get("id2label") {
            Some(Value::Object(labels)) if !labels.is_empty() => Ok(labels.len() as u64),
            None | Some(Value::Null) => Ok(self.optional_size("num_labels", MAX_SIZE)?.unwrap_or(2)),
            Some(_) => Err(fault("id2label", "id2label is no list of labels by number".to_owned())),
        }
    }
}

fn bounded(field: &'static str, value: &Value, most: u64) -> Result<u64, ConfigFault> {
    match value.as_u64() {
        Some(size) if (1..=most).contains(&size) => Ok(size),
        _ => Err(fault(field, format!("{field} {value} is not a number from 1 to {most}"))),
    }
}

pub(super) fn require_divides(
    field: &'static str,
    divisor: u64,
    divided: &str,
    number: u64,
) -> Result<(), ConfigFault> {
    if number.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(fault(field, format!("{divided} {number} is no multiple of {field} {divisor}")))
}

pub(super) fn fault(field: &'static str, fact: String) -> ConfigFault {
    ConfigFault { field, fact }
}
