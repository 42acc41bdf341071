//! The vectors of an independent implementation (`models/reference`) for `exact/q8`, bit for bit, on every instruction set of this
//! machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::encoder::{Embedder, EncoderInput, EncoderSpec};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::quantise::Q8Block;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Output, Precision};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/q8.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    file[name].take()
}

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn cases(value: &Value) -> &Vec<Value> {
    let cases = value.as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

fn float(value: &Value) -> f32 {
    match value.as_str().unwrap() {
        "nan" => f32::NAN,
        digits => f32::from_bits(u32::from_str_radix(digits, 16).unwrap()),
    }
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(float).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| size(id) as u32).collect()
}

fn weights(case: &Value) -> Weights {
    Weights::synthetic(case["seed"].as_u64().unwrap(), precision(case))
}

fn precision(case: &Value) -> Precision {
    let precision: Precision = case["precision"].as_str().unwrap().parse().unwrap();
    assert_eq!(precision, Precision::Q8);
    precision
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(actual.to_bits(), expected.to_bits(), "{what}, element {index}: {actual:e}, {expected:e}");
    }
}

#[track_caller]
fn assert_digests(output: &Output, weights: &Weights, case: &Value) {
    assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap());
    assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap());
}

#[test]
fn blocks_of_eight_bits_match() {
    for case in cases(&vectors("blocks")) {
        let block = Q8Block::of_part(&floats(&case["x"]));
        let expected: Vec<i64> = cases(&case["q"]).iter().map(|q| q.as_i64().unwrap()).collect();
        let (integers, padding) = block.integers.split_at(expected.len());
        assert_eq!(integers.iter().map(|q| i64::from(*q)).collect::<Vec<_>>(), expected, "{case}");
        assert!(padding.iter().all(|q| *q == 0), "{case}");
        let scale = float(&case["d"]);
        if scale.is_nan() {
            assert!(block.scale.is_nan(), "{case}");
        } else {
            assert_eq!(block.scale.to_bits(), scale.to_bits(), "{case}");
        }
    }
}

#[test]
fn look_ups_in_a_tied_table_of_eight_bits_match() {
    for case in cases(&vectors("look_up")) {
        let (k, expected) = (size(&case["k"]), floats(&case["rows"]));
        for isa in available() {
            let packed = PackedLinear::new(&floats(&case["w"]), None, k, Precision::Q8, isa);
            let mut rows = vec![0.0; expected.len()];
            rows.chunks_exact_mut(k).enumerate().for_each(|(output, row)| packed.copy_row(output, row));
            assert_same_bits(&rows, &expected, &format!("look-up of {k} on {isa}"));
        }
    }
}

#[test]
fn linear_in_eight_bits_matches() {
    for case in cases(&vectors("linear")) {
        let (k, precision) = (size(&case["k"]), precision(case));
        let bias = (!case["b"].is_null()).then(|| floats(&case["b"]));
        for isa in available() {
            let packed = PackedLinear::new(&floats(&case["w"]), bias.clone(), k, precision, isa);
            let mut y = Vec::new();
            packed.forward(&Blocks::of_rows(&floats(&case["x"]), k), &mut y);
            let what = format!("{} x {k} x {} on {isa}", case["rows"], case["n"]);
            assert_same_bits(&y, &floats(&case["y"]), &what);
        }
    }
}

#[test]
fn a_whole_decoder_in_eight_bits_matches() {
    for case in cases(&vectors("cases")) {
        for isa in available() {
            let config = DecoderSpec::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = weights(case);
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let model = Decoder::load(&config, &weights, prompt.len() + steps, Numerics::Exact(isa)).unwrap();
            let output = model.generate(&[prompt], steps, &mut |_| {}).unwrap().into_output();
            let Output::Generation { tokens, logits } = &output else { panic!("no generation") };
            assert_same_bits(logits, &floats(&case["logits"]), &format!("logits on {isa}"));
            assert_eq!(tokens[0], ids(&case["tokens"]));
            assert_digests(&output, &weights, case);
        }
    }
}

#[test]
fn a_whole_encoder_in_eight_bits_matches() {
    for case in cases(&vectors("embedding_cases")) {
        for isa in available() {
            let config = EncoderSpec::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = weights(case);
            let model = Embedder::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            let lengths = Arc::new(cases(&case["lengths"]).iter().map(size).collect());
            let input =
                EncoderInput { ids: ids(&case["ids"]), token_types: ids(&case["token_types"]), lengths };
            let output = model.embed(&input).unwrap();
            let Output::Embedding { values, .. } = &output else { panic!("no embedding") };
            assert_same_bits(values, &floats(&case["embedding"]), &format!("embedding on {isa}"));
            assert_digests(&output, &weights, case);
        }
    }
}
