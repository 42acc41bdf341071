//! What exact/q8 adds.

use proofmark_models::Precision;
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::quantise::Q8Block;

use crate::read::{assert_same_bits, available, cases, float, floats, precision, size, vectors};

#[test]
fn blocks_of_eight_bits_match() {
    for case in cases(&vectors("q8.json")["blocks"]) {
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
    for case in cases(&vectors("q8.json")["look_up"]) {
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
    for case in cases(&vectors("q8.json")["linear"]) {
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
