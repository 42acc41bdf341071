//! The shape of SmolLM2-135M, in one file for all engines, and prompts for it.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// The same as `smollm2-135m-shape` of `workloads/suites/smoke.toml`.
const CONFIG: &str = include_str!("../smollm2-135m.json");

/// Fewer than the vocabulary has.
const IDS: usize = 32_000;

pub(crate) fn config() -> Result<Map<String, Value>> {
    serde_json::from_str(CONFIG).context("smollm2-135m.json")
}

/// Ids that differ from their neighbours.
pub(crate) fn prompt(tokens: usize) -> Vec<u32> {
    (0..tokens).map(|position| ((position * 7919 + 11) % IDS) as u32).collect()
}
