//! A file of vectors, its cases and what they hold.

use std::path::Path;

use proofmark_models::config::ConfigMap;
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Output, Precision};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::devices::devices;

pub(crate) fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The instruction sets of this machine.
pub(crate) fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

/// The exact numerics on each of them, and on each device.
pub(crate) fn exact() -> impl Iterator<Item = Numerics> {
    available().map(Numerics::Exact).chain(devices().iter().map(|device| Numerics::ExactOn(device)))
}

pub(crate) fn cases(value: &Value) -> &Vec<Value> {
    let cases = value.as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

/// A number by the hexadecimal digits of its bits.
pub(crate) fn float(value: &Value) -> f32 {
    match value.as_str().unwrap() {
        "nan" => f32::NAN,
        digits => f32::from_bits(u32::from_str_radix(digits, 16).unwrap()),
    }
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(float).collect()
}

pub(crate) fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

pub(crate) fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(size).collect()
}

/// Four axes.
pub(crate) fn dims(case: &Value) -> [usize; 4] {
    std::array::from_fn(|axis| size(&case["dims"][axis]))
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    sizes(value).into_iter().map(|id| id as u32).collect()
}

pub(crate) fn config(case: &Value) -> &ConfigMap {
    case["config"].as_object().unwrap()
}

/// F32 where the case says nothing.
pub(crate) fn precision(case: &Value) -> Precision {
    case["precision"].as_str().map_or(Precision::F32, |name| name.parse().unwrap())
}

pub(crate) fn weights(case: &Value) -> Weights {
    Weights::synthetic(case["seed"].as_u64().unwrap(), precision(case))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(values: &[f32]) -> String {
    hex(&Sha256::digest(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()))
}

/// `(batch, channels, pixels)` as `(batch, pixels, channels)`.
pub(crate) fn channels_last(x: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let images = x.chunks_exact(channels * pixels);
    let rows = images.flat_map(|image| (0..pixels).flat_map(|at| image.iter().skip(at).step_by(pixels)));
    rows.copied().collect()
}

#[track_caller]
pub(crate) fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let (a, e) = (actual.to_bits(), expected.to_bits());
        assert_eq!(
            a, e,
            "{what}, element {index}: {actual:e} ({a:#010x}), expected {expected:e} ({e:#010x})"
        );
    }
}

/// Numbers and digests of a whole model; `numbers` names the case's.
#[track_caller]
pub(crate) fn assert_output(
    output: &Output,
    weights: &Weights,
    case: &Value,
    numbers: &str,
    numerics: Numerics,
) {
    let what =
        format!("{numbers} of {} in {} by {numerics:?}", case["config"]["model_type"], weights.precision());
    assert_same_bits(output.rows().unwrap().0, &floats(&case[numbers]), &what);
    assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap(), "{what}");
    assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap(), "{what}");
}
