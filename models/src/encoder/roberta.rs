//! RoBERTa and XLM-RoBERTa, the BGE rerankers: `RobertaForSequenceClassification` and `XLMRobertaForSequenceClassification`. BERT whose
//! positions begin behind the id of padding, and whose head has no pooler.

use serde_json::Value;

use super::bert::{self, BertFields};
use super::spec::{EncoderSpec, HeadLayer, Names};
use crate::config::ConfigMap;
use crate::layers::Activation;
use crate::{Error, Result};

const NAMES: Names = Names {
    prefix: "roberta",
    head: [HeadLayer::OfModel("classifier.dense"), HeadLayer::OfModel("classifier.out_proj")],
    head_activation: Activation::Tanh,
    ..bert::NAMES
};

/// Where the field is absent.
const DEFAULT_PADDING: u64 = 1;

pub(super) fn spec(map: &ConfigMap) -> Result<EncoderSpec> {
    let padding = match map.get("pad_token_id") {
        None => Some(DEFAULT_PADDING),
        Some(value) => Value::as_u64(value),
    };
    let first = padding.and_then(|id| usize::try_from(id).ok()).and_then(|id| id.checked_add(1));
    let first = first.ok_or_else(|| Error::InvalidConfig("pad_token_id is no token".to_owned()))?;
    Ok(EncoderSpec { first_position: first, names: &NAMES, ..BertFields::read(map)?.spec(map)? })
}
