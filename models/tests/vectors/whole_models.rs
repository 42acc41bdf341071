//! Models of every family and task, and the digests of outputs.

use std::sync::Arc;

use proofmark_models::Output;
use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::encoder::{Classifier, Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::whisper::{Whisper, WhisperConfig};
use serde_json::Value;

use crate::read::{
    assert_output, cases, config, dims, exact, floats, hex, ids, size, sizes, vectors, weights,
};

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

/// Those of text models are of all three files.
fn text_models(name: &str) -> Vec<Value> {
    let files = ["generation.json", "generation_precision.json", "q8.json"];
    files.iter().flat_map(|file| cases(&vectors(file)[name]).clone()).collect()
}

#[test]
fn a_whole_decoder_matches() {
    for case in &text_models("cases") {
        for numerics in exact() {
            let spec = DecoderSpec::parse(config(case)).unwrap();
            let weights = weights(case);
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let model = Decoder::load(&spec, &weights, prompt.len() + steps, numerics).unwrap();
            let output = model.generate(&[prompt], steps, &mut |_| {}).unwrap().into_output();
            let Output::Generation { tokens, .. } = &output else { panic!("no generation") };
            assert_eq!(tokens[0], ids(&case["tokens"]));
            assert_output(&output, &weights, case, "logits", numerics);
        }
    }
}

#[test]
fn a_whole_encoder_matches() {
    for case in &text_models("embedding_cases") {
        for numerics in exact() {
            let weights = weights(case);
            let spec = EncoderSpec::parse(config(case)).unwrap();
            let model = Embedder::load(&spec, &weights, numerics).unwrap();
            assert_output(&model.embed(&encoder_input(case)).unwrap(), &weights, case, "embedding", numerics);
        }
    }
}

#[test]
fn encoders_of_every_family_match_in_every_task() {
    for case in cases(&vectors("encoders.json")["cases"]) {
        for numerics in exact() {
            let weights = weights(case);
            let (spec, input) = (EncoderSpec::parse(config(case)).unwrap(), encoder_input(case));
            let output = match case["task"].as_str().unwrap() {
                "embedding" => Embedder::load(&spec, &weights, numerics).unwrap().embed(&input),
                "reranking" => Reranker::load(&spec, &weights, numerics).unwrap().score(&input),
                "classification" => Classifier::load(&spec, &weights, numerics).unwrap().classify(&input),
                other => panic!("{other}"),
            };
            assert_output(&output.unwrap(), &weights, case, "output", numerics);
        }
    }
}

#[test]
fn a_whole_vision_transformer_matches() {
    for case in cases(&vectors("vision.json")["vit"]) {
        for numerics in exact() {
            let weights = weights(case);
            let config = VitConfig::parse(config(case)).unwrap();
            let model = Vit::load(&config, &weights, numerics).unwrap();
            assert_output(&model.classify(&pixels(case)).unwrap(), &weights, case, "logits", numerics);
        }
    }
}

#[test]
fn a_whole_residual_network_matches() {
    for case in cases(&vectors("vision.json")["resnet"]) {
        for numerics in exact() {
            let weights = weights(case);
            let config = ResNetConfig::parse(config(case)).unwrap();
            let model = ResNet::load(&config, &weights, numerics).unwrap();
            assert_output(&model.classify(&pixels(case)).unwrap(), &weights, case, "logits", numerics);
        }
    }
}

#[test]
fn a_whole_contrastive_model_matches() {
    for case in cases(&vectors("vision.json")["clip"]) {
        for numerics in exact() {
            let weights = weights(case);
            let config = ClipConfig::parse(config(case)).unwrap();
            let model = Clip::load(&config, &weights, numerics).unwrap();
            let texts = cases(&case["texts"]).iter().map(ids).collect();
            let input = ClipInput { images: pixels(case), texts, requests: size(&case["requests"]) };
            assert_output(&model.compare(&input).unwrap(), &weights, case, "values", numerics);
        }
    }
}

#[test]
fn a_whole_speech_model_matches() {
    for case in cases(&vectors("audio.json")["whisper"]) {
        for numerics in exact() {
            let weights = weights(case);
            let config = WhisperConfig::parse(config(case)).unwrap();
            let model = Whisper::load(&config, &weights, numerics).unwrap();
            let waveforms: Vec<Vec<f32>> = cases(&case["waveforms"]).iter().map(floats).collect();
            let (prompt, steps) = (ids(&case["prompt"]), size(&case["steps"]));
            let generated = model.transcribe(&waveforms, &prompt, steps, &mut |_| {}).unwrap();
            let tokens: Vec<Vec<u32>> = cases(&case["tokens"]).iter().map(ids).collect();
            assert_eq!(generated.tokens, tokens);
            assert_output(&generated.into_transcription(), &weights, case, "logits", numerics);
            let replayed = model.replay(&waveforms, &prompt, &tokens).unwrap();
            assert_output(&replayed, &weights, case, "logits", numerics);
        }
    }
}

fn pixels(case: &Value) -> PixelValues {
    PixelValues { values: floats(&case["pixel_values"]), dims: dims(case) }
}

fn encoder_input(case: &Value) -> EncoderInput {
    let lengths = Arc::new(sizes(&case["lengths"]));
    EncoderInput { ids: ids(&case["ids"]), token_types: ids(&case["token_types"]), lengths }
}
