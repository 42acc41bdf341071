//! The vectors of an independent implementation (`models/reference`), bit for bit, on every instruction set of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::encoder::{Classifier, Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::exact::attention::{Attention, Visibility, score_scale};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::convolution::{Finish, Images, PackedConvolution, Window};
use proofmark_models::exact::function::{self, Function};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::kv_cache::{Columns, KvCache};
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::norm::{Norm, NormKind};
use proofmark_models::exact::pooling::mean_pool_l2;
use proofmark_models::exact::rotary::{RopeScaling, RotaryTable, inverse_frequencies, rotation};
use proofmark_models::exact::routing::{Choice, ExpertWeights, choose, softmax};
use proofmark_models::exact::sum::{sum, sum_of_squares};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::{Numerics, Output, Precision};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn bits(value: &Value) -> u32 {
    u32::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|value| f32::from_bits(bits(value))).collect()
}

fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as usize).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    sizes(value).into_iter().map(|id| id as u32).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn cases(value: &Value) -> &Vec<Value> {
    let cases = value.as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

#[track_caller]
fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let (a, e) = (actual.to_bits(), expected.to_bits());
        assert_eq!(
            a, e,
            "{what}, element {index}: {actual:e} ({a:#010x}), expected {expected:e} ({e:#010x})"
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
            let x = f32::from_bits(bits(&pair[0]));
            let actual = function(x);
            if pair[1] == "nan" {
                assert!(actual.is_nan(), "{name}({x:e}) is {actual:e}, expected NaN");
            } else {
                assert_same_bits(&[actual], &[f32::from_bits(bits(&pair[1]))], &format!("{name}({x:e})"));
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
            let mut x: Vec<f32> = pairs.iter().map(|pair| f32::from_bits(bits(&pair[0]))).collect();
            let expected: Vec<f32> = pairs.iter().map(|pair| f32::from_bits(bits(&pair[1]))).collect();
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

fn precision(case: &Value) -> Precision {
    case["precision"].as_str().unwrap().parse().unwrap()
}

fn narrowed(mut values: Vec<f32>, precision: Precision) -> Vec<f32> {
    precision.round(&mut values).unwrap();
    values
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
            let mut value = [f32::from_bits(bits(&pair[0]))];
            let rounded = precision.round(&mut value);
            assert_eq!(rounded.is_err(), pair[1] == "refused", "{pair} in {precision}");
            if let (Ok(()), Some(wide)) = (rounded, widened.get(pair[1].as_str().unwrap())) {
                assert_eq!(value[0].to_bits(), bits(wide), "{pair} in {precision}");
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen} numbers are both narrowed and widened");
        for (narrow, wide) in widened.into_iter().filter(|(_, wide)| *wide != "refused") {
            // What the format holds already stays, and a kernel widens it to the same number.
            let w = narrowed(vec![f32::from_bits(bits(wide))], precision);
            assert_eq!(w[0].to_bits(), bits(wide), "{narrow} in {precision}");
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

/// `(batch, channels, pixels)` as `(batch, pixels, channels)`.
fn channels_last(x: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let images = x.chunks_exact(channels * pixels);
    let rows = images.flat_map(|image| (0..pixels).flat_map(|at| image.iter().skip(at).step_by(pixels)));
    rows.copied().collect()
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
        assert_eq!(actual.to_bits(), bits(&case["value"]));
    }
    for case in cases(&vectors["sum_of_squares"]) {
        assert_eq!(sum_of_squares(&floats(&case["values"])).to_bits(), bits(&case["value"]));
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
fn rotary_tables_are_correctly_rounded_and_rotation_matches() {
    let vectors = vectors("rotary.json");
    for case in cases(&vectors["frequencies"]) {
        assert_same_bits(&frequencies(case), &floats(&case["inverse"]), &case["scaling"].to_string());
    }
    for case in cases(&vectors["tables"]) {
        let table = RotaryTable::new(&frequencies(case), size(&case["positions"]));
        for sample in cases(&case["samples"]) {
            let index = size(&sample[0]) * table.half + size(&sample[1]);
            assert_same_bits(&[table.cos[index]], &[f32::from_bits(bits(&sample[2]))], "cosine");
            assert_same_bits(&[table.sin[index]], &[f32::from_bits(bits(&sample[3]))], "sine");
        }
        for (name, values) in [("sha256_cos", &table.cos), ("sha256_sin", &table.sin)] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(hex(&Sha256::digest(bytes)), case[name].as_str().unwrap());
        }
    }
    for point in cases(&vectors["points"]) {
        let frequency = frequencies(point)[size(&point["i"])];
        let (cos, sin) = rotation(frequency, size(&point["position"]));
        assert_same_bits(&[cos], &[f32::from_bits(bits(&point["cos"]))], "cosine");
        assert_same_bits(&[sin], &[f32::from_bits(bits(&point["sin"]))], "sine");
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

#[test]
fn output_digests_match() {
    for case in cases(&vectors("synthetic.json")["digests"]["output"]) {
        let tokens = || ids(&case["tokens"]).chunks(size(&case["steps"])).map(<[u32]>::to_vec).collect();
        let (logits, values) = (|| floats(&case["logits"]), || floats(&case["values"]));
        let output = match case["task"].as_str().unwrap() {
            "generation" => Output::Generation { tokens: tokens(), logits: logits() },
            "transcription" => Output::Transcription { tokens: tokens(), logits: logits() },
            "embedding" => Output::Embedding { batch: size(&case["batch"]), values: values() },
            "classification" => Output::Classification { batch: size(&case["batch"]), logits: values() },
            "similarity" => Output::Similarity { images: size(&case["images"]), values: values() },
            "reranking" => Output::Scores(values()),
            other => panic!("{other}"),
        };
        assert_eq!(hex(&output.digest().unwrap()), case["digest"].as_str().unwrap());
    }
}

/// The precision of a whole model's case; those of the first file have none, and are f32.
fn whole_models(name: &str) -> Vec<(Value, Precision)> {
    let mut all = Vec::new();
    for (file, has_precision) in [("generation.json", false), ("generation_precision.json", true)] {
        for case in cases(&vectors(file)[name]) {
            let precision = if has_precision { precision(case) } else { Precision::F32 };
            all.push((case.clone(), precision));
        }
    }
    all
}

#[test]
fn a_whole_decoder_matches() {
    for (case, precision) in whole_models("cases") {
        for isa in available() {
            let what = format!("{} in {precision} on {isa}", case["config"]["model_type"]);
            let config = DecoderSpec::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = Weights::synthetic(case["seed"].as_u64().unwrap(), precision);
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let model = Decoder::load(&config, &weights, prompt.len() + steps, Numerics::Exact(isa)).unwrap();
            let output = model.generate(&[prompt], steps, &mut |_| {}).unwrap().into_output();
            let Output::Generation { tokens, logits } = &output else { panic!("no generation") };
            assert_same_bits(logits, &floats(&case["logits"]), &what);
            assert_eq!(tokens[0], ids(&case["tokens"]), "{what}");
            assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap());
            assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap());
        }
    }
}

#[test]
fn a_whole_encoder_matches() {
    for (case, precision) in whole_models("embedding_cases") {
        for isa in available() {
            let config = EncoderSpec::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = Weights::synthetic(case["seed"].as_u64().unwrap(), precision);
            let model = Embedder::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            let lengths = Arc::new(sizes(&case["lengths"]));
            let input =
                EncoderInput { ids: ids(&case["ids"]), token_types: ids(&case["token_types"]), lengths };
            let output = model.embed(&input).unwrap();
            let Output::Embedding { values, .. } = &output else { panic!("no embedding") };
            assert_same_bits(values, &floats(&case["embedding"]), "embedding");
            assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap());
            assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap());
        }
    }
}

#[test]
fn encoders_of_every_family_match_in_every_task() {
    for case in cases(&vectors("encoders.json")["cases"]) {
        for isa in available() {
            let spec = EncoderSpec::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = Weights::synthetic(case["seed"].as_u64().unwrap(), precision(case));
            let (numerics, lengths) = (Numerics::Exact(isa), Arc::new(sizes(&case["lengths"])));
            let input =
                EncoderInput { ids: ids(&case["ids"]), token_types: ids(&case["token_types"]), lengths };
            let output = match case["task"].as_str().unwrap() {
                "embedding" => Embedder::load(&spec, &weights, numerics).unwrap().embed(&input),
                "reranking" => Reranker::load(&spec, &weights, numerics).unwrap().score(&input),
                "classification" => Classifier::load(&spec, &weights, numerics).unwrap().classify(&input),
                other => panic!("{other}"),
            }
            .unwrap();
            let what = format!("{} of {} on {isa}", case["task"], case["config"]["model_type"]);
            assert_same_bits(output.rows().unwrap().0, &floats(&case["output"]), &what);
            assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap(), "{what}");
            assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap(), "{what}");
        }
    }
}
