//! Weights: made from a seed, rounded to a precision, and multiplied in it.

use std::collections::BTreeMap;

use proofmark_models::Precision;
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::weights::{Init, Synthetic};
use serde_json::Value;

use crate::read::{assert_same_bits, available, cases, float, floats, precision, size, vectors};

#[test]
fn synthetic_weights_match() {
    for case in cases(&vectors("synthetic.json")["cases"]) {
        let (start, expected) = (size(&case["start"]), floats(&case["values"]));
        let name = case["name"].as_str().unwrap();
        let generator = Synthetic::new(case["seed"].as_u64().unwrap());
        let values = generator.generate(name, start + expected.len(), init(case));
        assert_same_bits(&values[start..], &expected, name);
    }
}

#[test]
fn synthetic_weights_in_each_precision_match() {
    for case in cases(&vectors("precision.json")["synthetic"]) {
        let (start, expected) = (size(&case["start"]), floats(&case["values"]));
        let name = case["name"].as_str().unwrap();
        let generator = Synthetic::new(case["seed"].as_u64().unwrap());
        let values = generator.generate(name, start + expected.len(), init(case));
        assert_same_bits(&narrowed(values, precision(case))[start..], &expected, name);
    }
}

fn init(case: &Value) -> Init {
    match case["kind"].as_str().unwrap() {
        "matrix" => Init::Matrix,
        "bias" => Init::Bias,
        "scale" => Init::Scale,
        "scale_offset" => Init::ScaleOffset,
        other => panic!("{other}"),
    }
}

#[test]
fn weights_are_rounded_as_the_vectors_say() {
    let vectors = vectors("precision.json");
    for precision in [Precision::Bf16, Precision::F16] {
        let widened: BTreeMap<&str, &Value> = cases(&vectors["widen"][precision.to_string()])
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), &pair[1]))
            .collect();
        let mut seen = 0;
        for pair in cases(&vectors["narrow"][precision.to_string()]) {
            let mut value = [float(&pair[0])];
            let rounded = precision.round(&mut value);
            assert_eq!(rounded.is_err(), pair[1] == "refused", "{pair} in {precision}");
            if let (Ok(()), Some(wide)) = (rounded, widened.get(pair[1].as_str().unwrap())) {
                assert_eq!(value[0].to_bits(), float(wide).to_bits(), "{pair} in {precision}");
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen} numbers are both narrowed and widened");
        for (narrow, wide) in widened.into_iter().filter(|(_, wide)| *wide != "refused") {
            // What the format holds already stays, and a kernel widens it to the same number.
            let w = narrowed(vec![float(wide)], precision);
            assert_eq!(w[0].to_bits(), float(wide).to_bits(), "{narrow} in {precision}");
            for isa in available() {
                let packed = PackedLinear::new(&w.repeat(20), None, 1, precision, isa);
                let mut y = Vec::new();
                packed.forward(&Blocks::of_rows(&[1.0], 1), &mut y);
                // 1 * w + 0 is w, but for the sign of a zero
                assert!(y.iter().all(|y| *y == w[0]), "{narrow} in {precision} on {isa}: {y:?}");
            }
        }
    }
}

#[test]
fn linear_in_each_precision_matches() {
    for case in cases(&vectors("precision.json")["linear"]) {
        let (k, precision) = (size(&case["k"]), precision(case));
        let bias = (!case["b"].is_null()).then(|| narrowed(floats(&case["b"]), precision));
        let w = narrowed(floats(&case["w"]), precision);
        for isa in available() {
            let packed = PackedLinear::new(&w, bias.clone(), k, precision, isa);
            let mut y = Vec::new();
            packed.forward(&Blocks::of_rows(&floats(&case["x"]), k), &mut y);
            let what = format!("{precision} {} x {k} x {} on {isa}", case["rows"], case["n"]);
            assert_same_bits(&y, &floats(&case["y"]), &what);
        }
    }
}

fn narrowed(mut values: Vec<f32>, precision: Precision) -> Vec<f32> {
    precision.round(&mut values).unwrap();
    values
}
