//! The vectors of an independent implementation (`models/reference`) for images and sounds, bit for bit, on every instruction set
//! of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::config::ConfigMap;
use proofmark_models::exact::batch_norm::BatchNorm;
use proofmark_models::exact::convolution::{Images, Window};
use proofmark_models::exact::fourier::{fourier_table, hann_window};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::log_mel::LogMel;
use proofmark_models::exact::mel::mel_filters;
use proofmark_models::exact::pooling::max_pool;
use proofmark_models::exact::similarity::similarities;
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::weights::Weights;
use proofmark_models::whisper::{Whisper, WhisperConfig};
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

fn cases(value: &Value) -> &Vec<Value> {
    let cases = value.as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

fn float(value: &Value) -> f32 {
    f32::from_bits(u32::from_str_radix(value.as_str().unwrap(), 16).unwrap())
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

fn dims(case: &Value) -> [usize; 4] {
    std::array::from_fn(|axis| size(&case["dims"][axis]))
}

fn pixels(case: &Value) -> PixelValues {
    PixelValues { values: floats(&case["pixel_values"]), dims: dims(case) }
}

fn config(case: &Value) -> &ConfigMap {
    case["config"].as_object().unwrap()
}

fn weights(case: &Value) -> Weights {
    let precision = case["precision"].as_str().map_or(Precision::F32, |name| name.parse().unwrap());
    Weights::synthetic(case["seed"].as_u64().unwrap(), precision)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(values: &[f32]) -> String {
    hex(&Sha256::digest(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()))
}

/// `(batch, channels, pixels)` as `(batch, pixels, channels)`.
fn channels_last(x: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let images = x.chunks_exact(channels * pixels);
    let rows = images.flat_map(|image| (0..pixels).flat_map(|at| image.iter().skip(at).step_by(pixels)));
    rows.copied().collect()
}

#[track_caller]
fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(actual.to_bits(), expected.to_bits(), "{what}, element {index}: {actual:e}, {expected:e}");
    }
}

#[track_caller]
fn assert_output(output: &Output, weights: &Weights, case: &Value, numbers: &str, isa: Isa) {
    assert_same_bits(output.rows().unwrap().0, &floats(&case[numbers]), &format!("{numbers} on {isa}"));
    assert_eq!(hex(&output.digest().unwrap()), case["output_digest"].as_str().unwrap());
    assert_eq!(hex(&weights.digest()), case["weights_digest"].as_str().unwrap());
}

#[test]
fn batch_norms_match() {
    for case in cases(&vectors("vision.json")["batch_norm"]) {
        let part = |name: &str| floats(&case[name]);
        let eps = case["eps"].as_f64().unwrap() as f32;
        let norm = BatchNorm::new(part("mean"), &part("variance"), part("weight"), part("bias"), eps);
        for isa in available() {
            let mut x = part("x");
            norm.in_place(&mut x, isa);
            assert_same_bits(&x, &part("y"), &format!("batch norm on {isa}"));
        }
    }
}

#[test]
fn max_pooling_matches() {
    for case in cases(&vectors("vision.json")["max_pool"]) {
        let [batch, channels, height, width] = dims(case);
        let both = |name: &str| (size(&case[name]), size(&case[name]));
        let window = Window {
            kernel: both("kernel"),
            stride: both("stride"),
            padding: both("padding"),
            dilation: (1, 1),
        };
        let values = channels_last(&floats(&case["x"]), channels, height * width);
        let images = Images { values, dims: [batch, height, width, channels] };
        for isa in available() {
            let y = max_pool(&images, window, Vec::new(), isa).unwrap();
            let expected = channels_last(&floats(&case["y"]), channels, y.dims[1] * y.dims[2]);
            assert_same_bits(&y.values, &expected, &format!("max pooling on {isa}"));
        }
    }
}

#[test]
fn similarities_match() {
    for case in cases(&vectors("vision.json")["similarity"]) {
        let (images, texts) = (floats(&case["images"]), floats(&case["texts"]));
        let values = similarities(&images, &texts, size(&case["width"]), float(&case["logit_scale"]));
        assert_same_bits(&values, &floats(&case["values"]), "similarities");
    }
}

#[test]
fn a_whole_vision_transformer_matches() {
    for case in cases(&vectors("vision.json")["vit"]) {
        for isa in available() {
            let weights = weights(case);
            let config = VitConfig::parse(config(case)).unwrap();
            let model = Vit::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            assert_output(&model.classify(&pixels(case)).unwrap(), &weights, case, "logits", isa);
        }
    }
}

#[test]
fn a_whole_residual_network_matches() {
    for case in cases(&vectors("vision.json")["resnet"]) {
        for isa in available() {
            let weights = weights(case);
            let config = ResNetConfig::parse(config(case)).unwrap();
            let model = ResNet::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            assert_output(&model.classify(&pixels(case)).unwrap(), &weights, case, "logits", isa);
        }
    }
}

#[test]
fn a_whole_contrastive_model_matches() {
    for case in cases(&vectors("vision.json")["clip"]) {
        for isa in available() {
            let weights = weights(case);
            let config = ClipConfig::parse(config(case)).unwrap();
            let model = Clip::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            let texts = cases(&case["texts"]).iter().map(ids).collect();
            let input = ClipInput { images: pixels(case), texts, requests: size(&case["requests"]) };
            assert_output(&model.compare(&input).unwrap(), &weights, case, "values", isa);
        }
    }
}

#[test]
fn tables_of_the_front_end_are_correctly_rounded() {
    let vectors = vectors("audio.json");
    assert_same_bits(&hann_window(400), &floats(&vectors["window"][0]), "window");
    assert_eq!(sha256(&fourier_table(400)), vectors["fourier"][0].as_str().unwrap());
    for case in cases(&vectors["mel"]) {
        let filters = mel_filters(size(&case["bands"]));
        let mut expected = vec![0.0; filters.len()];
        for entry in cases(&case["entries"]) {
            expected[size(&entry[0]) * 201 + size(&entry[1])] = float(&entry[2]);
        }
        assert_same_bits(&filters, &expected, "mel filters");
        assert_eq!(sha256(&filters), case["sha256"].as_str().unwrap());
    }
}

#[test]
fn log_mel_spectrograms_match() {
    for case in cases(&vectors("audio.json")["log_mel"]) {
        for isa in available() {
            let bands = LogMel::new(size(&case["bands"]), isa).forward(&floats(&case["waveform"]));
            assert_same_bits(&bands, &floats(&case["y"]), &format!("log-mel on {isa}"));
        }
    }
}

#[test]
fn a_whole_speech_model_matches() {
    for case in cases(&vectors("audio.json")["whisper"]) {
        for isa in available() {
            let weights = weights(case);
            let config = WhisperConfig::parse(config(case)).unwrap();
            let model = Whisper::load(&config, &weights, Numerics::Exact(isa)).unwrap();
            let waveforms: Vec<Vec<f32>> = cases(&case["waveforms"]).iter().map(floats).collect();
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let generated = model.transcribe(&waveforms, &prompt, steps, &mut |_| {}).unwrap();
            let tokens: Vec<Vec<u32>> = cases(&case["tokens"]).iter().map(ids).collect();
            assert_eq!(generated.tokens, tokens);
            assert_output(&generated.into_transcription(), &weights, case, "logits", isa);
            let replayed = model.replay(&waveforms, &prompt, &tokens).unwrap();
            assert_output(&replayed, &weights, case, "logits", isa);
        }
    }
}
