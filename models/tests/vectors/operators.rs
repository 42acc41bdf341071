//! The operators of exact/1.

use std::sync::Arc;

use proofmark_models::Precision;
use proofmark_models::exact::attention::{Attention, Visibility, score_scale};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::convolution::{Finish, Images, PackedConvolution, Window};
use proofmark_models::exact::function::{self, Function};
use proofmark_models::exact::kv_cache::{Columns, KvCache};
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::norm::{Norm, NormKind};
use proofmark_models::exact::pooling::mean_pool_l2;
use proofmark_models::exact::rotary::{RopeScaling, RotaryTable, inverse_frequencies, rotation};
use proofmark_models::exact::routing::{Choice, ExpertWeights, choose, softmax};
use proofmark_models::exact::sum::{sum, sum_of_squares};
use serde_json::Value;

use crate::read::{
    assert_same_bits, available, cases, channels_last, float, floats, sha256, size, sizes, vectors,
};

#[test]
fn elementary_functions_match() {
    let vectors = vectors("functions.json");
    for (name, function) in [
        ("exp", function::exp as fn(f32) -> f32),
        ("log", function::log),
        ("tanh", function::tanh),
        ("erf", function::erf),
        ("sigmoid", function::sigmoid),
        ("silu", function::silu),
        ("quick_gelu", function::quick_gelu),
        ("gelu", function::gelu),
        ("gelu_tanh", function::gelu_tanh),
    ] {
        for pair in cases(&vectors[name]) {
            let x = float(&pair[0]);
            let actual = function(x);
            if pair[1] == "nan" {
                assert!(actual.is_nan(), "{name}({x:e}) is {actual:e}, expected NaN");
            } else {
                assert_same_bits(&[actual], &[float(&pair[1])], &format!("{name}({x:e})"));
            }
        }
    }
}

#[test]
fn vectorised_functions_match() {
    let vectors = vectors("functions.json");
    for isa in available() {
        for (name, function) in [
            ("tanh", Function::Tanh),
            ("gelu", Function::Gelu),
            ("gelu_tanh", Function::GeluTanh),
            ("silu", Function::Silu),
            ("quick_gelu", Function::QuickGelu),
        ] {
            let pairs: Vec<_> = cases(&vectors[name]).iter().filter(|pair| pair[1] != "nan").collect();
            let mut x: Vec<f32> = pairs.iter().map(|pair| float(&pair[0])).collect();
            let expected: Vec<f32> = pairs.iter().map(|pair| float(&pair[1])).collect();
            function.map(&mut x, isa);
            assert_same_bits(&x, &expected, &format!("{name} on {isa}"));
        }
    }
}

#[test]
fn linear_matches() {
    for case in cases(&vectors("linear.json")["cases"]) {
        let (k, n) = (size(&case["k"]), size(&case["n"]));
        let bias = (!case["b"].is_null()).then(|| floats(&case["b"]));
        for isa in available() {
            let packed = PackedLinear::new(&floats(&case["w"]), bias.clone(), k, Precision::F32, isa);
            let mut y = Vec::new();
            packed.forward(&Blocks::of_rows(&floats(&case["x"]), k), &mut y);
            assert_same_bits(&y, &floats(&case["y"]), &format!("{} x {k} x {n} on {isa}", case["rows"]));
        }
    }
}

#[test]
fn convolutions_match() {
    for (index, case) in cases(&vectors("convolution.json")["cases"]).iter().enumerate() {
        let pair = |name: &str| {
            let pair = sizes(&case[name]);
            (pair[0], pair[1])
        };
        let dims = ["batch", "channels", "height", "width"].map(|name| size(&case[name]));
        let window = Window {
            kernel: pair("kernel"),
            stride: pair("stride"),
            padding: pair("padding"),
            dilation: pair("dilation"),
        };
        let bias = (!case["b"].is_null()).then(|| floats(&case["b"]));
        let [batch, channels, height, width] = dims;
        let values = channels_last(&floats(&case["x"]), channels, height * width);
        let x = Images { values, dims: [batch, height, width, channels] };
        for isa in available() {
            let w = floats(&case["w"]);
            let packed = PackedConvolution::new(&w, bias.clone(), channels, window, Precision::F32, isa);
            let y = packed.forward(&x, Finish::default(), Vec::new(), &mut Blocks::default()).unwrap();
            let [_, down, across, outputs] = y.dims;
            assert_eq!((y.dims[0], outputs), (batch, size(&case["outputs"])));
            let expected = channels_last(&floats(&case["y"]), outputs, down * across);
            assert_same_bits(&y.values, &expected, &format!("case {index} on {isa}"));
        }
    }
}

#[test]
fn row_sums_match() {
    let vectors = vectors("sums.json");
    for case in cases(&vectors["sum"]) {
        let actual = sum(&floats(&case["values"]), size(&case["first"]));
        assert_eq!(actual.to_bits(), float(&case["value"]).to_bits());
    }
    for case in cases(&vectors["sum_of_squares"]) {
        assert_eq!(sum_of_squares(&floats(&case["values"])).to_bits(), float(&case["value"]).to_bits());
    }
}

#[test]
fn attention_matches() {
    for (index, case) in cases(&vectors("attention.json")["cases"]).iter().enumerate() {
        let dim = |name: &str| size(&case["dims"][name]);
        let head_dim = dim("head_dim");
        let (batch, heads, q_len) = (dim("batch"), dim("heads"), dim("q_len"));
        let (kv_heads, k_len) = (dim("kv_heads"), dim("k_len"));
        let visible = &case["visibility"];
        let visibility = match (visible.get("lengths"), visible.get("window")) {
            (Some(lengths), _) => Visibility::Lengths(Arc::new(sizes(lengths))),
            (None, None) => Visibility::Causal { first: size(&visible["causal_first"]) },
            (None, Some(window)) => {
                Visibility::Sliding { first: size(&visible["causal_first"]), window: size(window) }
            }
        };
        let scale_width = case.get("score_scale_width").map_or(head_dim, size);
        // (batch, heads, len, head_dim) -> (batch, len, heads * head_dim)
        let rows = |values: Vec<f32>, heads: usize, len: usize| -> Vec<f32> {
            let at = |b: usize, t: usize, h: usize| ((b * heads + h) * len + t) * head_dim;
            let tokens = (0..batch).flat_map(|b| (0..len).map(move |t| (b, t)));
            let heads = tokens.flat_map(|(b, t)| (0..heads).map(move |h| at(b, t, h)));
            heads.flat_map(|start| values[start..start + head_dim].to_vec()).collect()
        };
        let width = kv_heads * head_dim;
        let (k, v) = (rows(floats(&case["k"]), kv_heads, k_len), rows(floats(&case["v"]), kv_heads, k_len));
        let pairs = k.chunks(width).zip(v.chunks(width));
        let rows_of_both: Vec<f32> = pairs.flat_map(|(k, v)| [k, v].concat()).collect();
        let mut cache = KvCache::new(batch, kv_heads, head_dim, k_len);
        cache.append(&rows_of_both, Columns { stride: 2 * width, keys: 0, values: width });
        let queries = rows(floats(&case["q"]), heads, q_len);
        for isa in available() {
            let mut output = Vec::new();
            let attention = Attention {
                cache: &cache,
                visibility: &visibility,
                heads,
                scale: score_scale(scale_width as f32),
                isa,
            };
            attention.forward(&queries, heads * head_dim, &mut output);
            let expected = rows(floats(&case["output"]), heads, q_len);
            assert_same_bits(&output, &expected, &format!("case {index} on {isa}"));
        }
    }
}

#[test]
fn norms_match() {
    let vectors = vectors("norms.json");
    for name in ["rms", "rms_one_plus", "layer"] {
        for case in cases(&vectors[name]) {
            let x = floats(&case["x"]);
            for isa in available() {
                let kind = match name {
                    "layer" => NormKind::Layer { bias: floats(&case["bias"]) },
                    _ => NormKind::RootMeanSquare,
                };
                let mut weight = floats(&case["weight"]);
                if name == "rms_one_plus" {
                    weight.iter_mut().for_each(|weight| *weight += 1.0);
                }
                let norm = Norm { weight, kind, eps: case["eps"].as_f64().unwrap() as f32, isa };
                let (what, mut in_place) = (format!("{name} of {} on {isa}", x.len()), x.clone());
                norm.in_place(&mut in_place);
                assert_same_bits(&in_place, &floats(&case["y"]), &what);
                let blocks = norm.forward(&x, Blocks::default());
                assert_same_bits(&blocks.row(0), &floats(&case["y"]), &what);
            }
        }
    }
}

#[test]
fn rotary_tables_are_correctly_rounded_and_rotation_matches() {
    let vectors = vectors("rotary.json");
    for case in cases(&vectors["frequencies"]) {
        assert_same_bits(&frequencies(case), &floats(&case["inverse"]), &case["scaling"].to_string());
    }
    for case in cases(&vectors["tables"]) {
        let table = RotaryTable::new(&frequencies(case), size(&case["positions"]));
        for sample in cases(&case["samples"]) {
            let index = size(&sample[0]) * table.half + size(&sample[1]);
            assert_same_bits(&[table.cos[index]], &[float(&sample[2])], "cosine");
            assert_same_bits(&[table.sin[index]], &[float(&sample[3])], "sine");
        }
        for (name, values) in [("sha256_cos", &table.cos), ("sha256_sin", &table.sin)] {
            assert_eq!(sha256(values), case[name].as_str().unwrap());
        }
    }
    for point in cases(&vectors["points"]) {
        let frequency = frequencies(point)[size(&point["i"])];
        let (cos, sin) = rotation(frequency, size(&point["position"]));
        assert_same_bits(&[cos], &[float(&point["cos"])], "cosine");
        assert_same_bits(&[sin], &[float(&point["sin"])], "sine");
    }
    for case in cases(&vectors["rotate"]) {
        let (position, x) = (size(&case["first"]), floats(&case["x"]));
        // A table of that position alone: one up to it would take long for far ones.
        let (cos, sin): (Vec<f32>, Vec<f32>) =
            frequencies(case).iter().map(|frequency| rotation(*frequency, position)).unzip();
        let table = RotaryTable { half: cos.len(), cos: Arc::new(cos), sin: Arc::new(sin) };
        for isa in available() {
            let mut y = x.clone();
            table.rotate(&mut y, x.len(), 0..x.len(), 1, 0, isa);
            assert_same_bits(&y, &floats(&case["y"]), "rotation");
        }
    }
}

fn scaling(value: &Value) -> Option<RopeScaling> {
    let number = |name: &str| value[name].as_f64().unwrap();
    match value.get("rope_type")?.as_str().unwrap() {
        "linear" => Some(RopeScaling::Linear { factor: number("factor") }),
        _ => Some(RopeScaling::Llama3 {
            factor: number("factor"),
            low_freq_factor: number("low_freq_factor"),
            high_freq_factor: number("high_freq_factor"),
            original_max_position_embeddings: number("original_max_position_embeddings"),
        }),
    }
}

fn frequencies(case: &Value) -> Vec<f32> {
    let scaling = case.get("scaling").and_then(scaling);
    inverse_frequencies(case["theta"].as_f64().unwrap(), size(&case["head_dim"]), scaling.as_ref())
}

#[test]
fn pooling_matches() {
    for case in cases(&vectors("pooling.json")["mean_pool_l2"]) {
        let pooled = mean_pool_l2(&floats(&case["x"]), &sizes(&case["lengths"]), size(&case["hidden"]));
        assert_same_bits(&pooled, &floats(&case["y"]), "pooling");
    }
}

#[test]
fn routing_matches() {
    let vectors = vectors("routing.json");
    for case in cases(&vectors["cases"]) {
        let (weights, count) = match case["normalised"].as_bool().unwrap() {
            true => (ExpertWeights::Normalised, size(&case["count"])),
            false => (ExpertWeights::AsRouted, size(&case["count"])),
        };
        let mut shares = floats(&case["logits"]);
        softmax(&mut shares);
        assert_same_bits(&shares, &floats(&case["shares"]), "shares");
        let choices = choose(&shares, count, weights).unwrap();
        let (experts, weights): (Vec<_>, Vec<_>) =
            choices.into_iter().map(|Choice { expert, weight }| (expert, weight)).unzip();
        assert_eq!(experts, sizes(&case["experts"]), "{case}");
        assert_same_bits(&weights, &floats(&case["weights"]), "weights");
    }
    for case in cases(&vectors["refused"]) {
        let mut shares = floats(&case["logits"]);
        softmax(&mut shares);
        assert_eq!(choose(&shares, size(&case["count"]), ExpertWeights::AsRouted), None, "{case}");
    }
}
