//! The vectors of an independent implementation (`models/reference`), bit for bit, on every instruction set of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use candle_core::{CustomOp1, Device, Tensor};
use proofmark_models::bert::{BertConfig, BertEmbedder, EncoderInput};
use proofmark_models::exact::attention::{Attention, Visibility};
use proofmark_models::exact::elementwise::{Elementwise, Function, SiluMul};
use proofmark_models::exact::function;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::norm::{Norm, NormKind};
use proofmark_models::exact::pooling::MeanPoolL2;
use proofmark_models::exact::rotary::{RopeScaling, Rotary, RotaryTable, inverse_frequencies};
use proofmark_models::exact::sum::{sum, sum_of_squares};
use proofmark_models::llama::{Llama, LlamaConfig};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::{Numerics, Output};
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

fn apply(op: &impl CustomOp1, x: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    let x = Tensor::from_vec(x, shape, &Device::Cpu).unwrap();
    x.apply_op1_no_bwd(op).unwrap().flatten_all().unwrap().to_vec1().unwrap()
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
        let check = |name: &str, run: &dyn Fn(Vec<f32>) -> Vec<f32>| {
            let pairs: Vec<_> = cases(&vectors[name]).iter().filter(|pair| pair[1] != "nan").collect();
            let inputs = pairs.iter().map(|pair| f32::from_bits(bits(&pair[0]))).collect();
            let expected: Vec<f32> = pairs.iter().map(|pair| f32::from_bits(bits(&pair[1]))).collect();
            assert_same_bits(&run(inputs), &expected, &format!("{name} on {isa}"));
        };
        for (name, function) in
            [("tanh", Function::Tanh), ("gelu", Function::Gelu), ("gelu_tanh", Function::GeluTanh)]
        {
            check(name, &|x| {
                let count = x.len();
                apply(&Elementwise { function, isa }, x, &[count])
            });
        }
        check("silu", &|x| {
            let count = x.len();
            let gate = Tensor::from_vec(x, count, &Device::Cpu).unwrap();
            let ones = Tensor::from_vec(vec![1.0_f32; count], count, &Device::Cpu).unwrap();
            gate.apply_op2_no_bwd(&ones, &SiluMul { isa }).unwrap().to_vec1().unwrap()
        });
    }
}

#[test]
fn linear_matches() {
    for case in cases(&vectors("linear.json")["cases"]) {
        let (k, n) = (size(&case["k"]), size(&case["n"]));
        let bias = (!case["b"].is_null()).then(|| floats(&case["b"]));
        for isa in available() {
            let packed = PackedLinear::new(&floats(&case["w"]), bias.clone(), k, n, isa);
            let what = format!("{} x {k} x {n} on {isa}", case["rows"]);
            assert_same_bits(&packed.forward(&floats(&case["x"])), &floats(&case["y"]), &what);
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
        let tensor = |name: &str, heads: usize, len: usize| {
            let shape = (dim("batch"), heads, len, head_dim);
            Tensor::from_vec(floats(&case[name]), shape, &Device::Cpu).unwrap()
        };
        let q = tensor("q", dim("heads"), dim("q_len"));
        let (k, v) = (tensor("k", dim("kv_heads"), dim("k_len")), tensor("v", dim("kv_heads"), dim("k_len")));
        let visibility = match case["visibility"].get("lengths") {
            Some(lengths) => Visibility::Lengths(Arc::new(sizes(lengths))),
            None => Visibility::Causal { first: size(&case["visibility"]["causal_first"]) },
        };
        for isa in available() {
            let scale = 1.0 / (head_dim as f32).sqrt();
            let attention = Attention { scale, visibility: visibility.clone(), isa };
            let output = q.apply_op3_no_bwd(&k, &v, &attention).unwrap();
            let output: Vec<f32> = output.flatten_all().unwrap().to_vec1().unwrap();
            assert_same_bits(&output, &floats(&case["output"]), &format!("case {index} on {isa}"));
        }
    }
}

#[test]
fn norms_match() {
    let vectors = vectors("norms.json");
    for (name, is_layer) in [("rms", false), ("layer", true)] {
        for case in cases(&vectors[name]) {
            let x = floats(&case["x"]);
            for isa in available() {
                let kind = if is_layer {
                    NormKind::Layer { bias: Arc::new(floats(&case["bias"])) }
                } else {
                    NormKind::RootMeanSquare
                };
                let eps = case["eps"].as_f64().unwrap() as f32;
                let norm = Norm { weight: Arc::new(floats(&case["weight"])), kind, eps, isa };
                let actual = apply(&norm, x.clone(), &[1, x.len()]);
                assert_same_bits(&actual, &floats(&case["y"]), &format!("{name} of {} on {isa}", x.len()));
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
        // A table of one column reaches far positions at little cost.
        let column = &frequencies(point)[size(&point["i"])..][..1];
        let position = size(&point["position"]);
        let table = RotaryTable::new(column, position + 1);
        assert_same_bits(&[table.cos[position]], &[f32::from_bits(bits(&point["cos"]))], "cosine");
        assert_same_bits(&[table.sin[position]], &[f32::from_bits(bits(&point["sin"]))], "sine");
    }
    for case in cases(&vectors["rotate"]) {
        let (first, x) = (size(&case["first"]), floats(&case["x"]));
        for isa in available() {
            let table = RotaryTable::new(&frequencies(case), first + 1);
            let shape = [1, 1, 1, x.len()];
            assert_same_bits(
                &apply(&Rotary { table, first, isa }, x.clone(), &shape),
                &floats(&case["y"]),
                "rotation",
            );
        }
    }
}

#[test]
fn pooling_matches() {
    for case in cases(&vectors("pooling.json")["mean_pool_l2"]) {
        let lengths = Arc::new(sizes(&case["lengths"]));
        let shape = [lengths.len(), size(&case["seq"]), size(&case["hidden"])];
        assert_same_bits(
            &apply(&MeanPoolL2 { lengths }, floats(&case["x"]), &shape),
            &floats(&case["y"]),
            "pooling",
        );
    }
}

#[test]
fn synthetic_weights_match() {
    for case in cases(&vectors("synthetic.json")["cases"]) {
        let init = match case["kind"].as_str().unwrap() {
            "matrix" => Init::Matrix,
            "bias" => Init::Bias,
            _ => Init::Scale,
        };
        let (start, expected) = (size(&case["start"]), floats(&case["values"]));
        let name = case["name"].as_str().unwrap();
        let values =
            Synthetic::new(case["seed"].as_u64().unwrap()).generate(name, start + expected.len(), init);
        assert_same_bits(&values[start..], &expected, name);
    }
}

#[test]
fn output_digests_match() {
    for case in cases(&vectors("synthetic.json")["digests"]["output"]) {
        let output = match case["task"].as_str().unwrap() {
            "generation" => Output::Generation {
                tokens: ids(&case["tokens"]).chunks(size(&case["steps"])).map(<[u32]>::to_vec).collect(),
                logits: floats(&case["logits"]),
            },
            "embedding" => Output::Embedding { batch: size(&case["batch"]), values: floats(&case["values"]) },
            _ => Output::Scores(floats(&case["values"])),
        };
        assert_eq!(hex(&output.digest().unwrap()), case["digest"].as_str().unwrap());
    }
}

#[test]
fn a_whole_decoder_matches() {
    for case in cases(&vectors("generation.json")["cases"]) {
        for isa in available() {
            let config = LlamaConfig::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = Weights::synthetic(case["seed"].as_u64().unwrap());
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let model = Llama::load(&config, &weights, prompt.len() + steps, Numerics::Exact(isa)).unwrap();
            let output = model.generate(&[prompt], steps, &mut |_| {}).unwrap().into_output();
            let Output::Generation { tokens, logits } = &output else { panic!("no generation") };
            assert_eq!(tokens[0], ids(&case["tokens"]));
            assert_same_bits(logits, &floats(&case["logits"]), "logits");
            assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap());
            assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap());
        }
    }
}

#[test]
fn a_whole_encoder_matches() {
    for case in cases(&vectors("generation.json")["embedding_cases"]) {
        for isa in available() {
            let config = BertConfig::parse(case["config"].as_object().unwrap()).unwrap();
            let weights = Weights::synthetic(case["seed"].as_u64().unwrap());
            let model = BertEmbedder::load(&config, &weights, Numerics::Exact(isa)).unwrap();
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
