//! Stock candle's Q8_0 behind the layers, against exact products of eight bits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use proofmark_models::decoder::{Decoder, DecoderSpec, LogitRows};
use proofmark_models::encoder::{Embedder, EncoderInput, EncoderSpec};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
use proofmark_models::{Error, Numerics, Output, Precision, Result};

fn llama(hidden: usize, is_tied: bool) -> DecoderSpec {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 97, "hidden_size": hidden, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": is_tied,
        "attention_bias": true,
    });
    DecoderSpec::parse(json.as_object().unwrap()).unwrap()
}

fn logits(config: &DecoderSpec, precision: Precision, numerics: Numerics) -> Result<Vec<f32>> {
    let model = Decoder::load(config, &Weights::synthetic(3, precision), 40, numerics)?;
    let ids: Vec<u32> = (0..40).map(|at| at * 31 % 97).collect();
    let mut cache = model.cache(1, 40).unwrap();
    let mut values = model.forward(&ids[..37], &mut cache, LogitRows::All)?.values;
    for id in &ids[37..] {
        values.extend(model.forward(&[*id], &mut cache, LogitRows::All)?.values);
    }
    Ok(values)
}

/// The root of the mean square difference by that of the mean square.
fn distance(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    let squares: f32 = actual.iter().zip(expected).map(|(a, e)| (a - e) * (a - e)).sum();
    (squares / expected.iter().map(|e| e * e).sum::<f32>()).sqrt()
}

#[test]
fn a_decoder_in_candles_blocks_is_near_the_exact_one_and_both_near_f32() {
    let exact = Numerics::Exact(Isa::detect());
    for is_tied in [true, false] {
        let config = llama(64, is_tied);
        let q8 = logits(&config, Precision::Q8, exact).unwrap();
        let native = logits(&config, Precision::Q8, Numerics::Native).unwrap();
        let f32 = logits(&config, Precision::F32, exact).unwrap();
        let distances = [distance(&native, &q8), distance(&native, &f32), distance(&q8, &f32)];
        assert!(distances.iter().all(|distance| (1e-6..0.02).contains(distance)), "{distances:?}");
    }
}

#[test]
fn an_encoder_in_candles_blocks_is_near_the_exact_one() {
    let json = serde_json::json!({
        "model_type": "bert", "vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    let config = EncoderSpec::parse(json.as_object().unwrap()).unwrap();
    let embed = |numerics| {
        let model = Embedder::load(&config, &Weights::synthetic(4, Precision::Q8), numerics).unwrap();
        let ids: Vec<u32> = (0..60).map(|at| at * 17 % 97).collect();
        let input = EncoderInput { ids, token_types: vec![0; 60], lengths: Arc::new(vec![30, 20]) };
        let Output::Embedding { values, .. } = model.embed(&input).unwrap() else { panic!("no embedding") };
        values
    };
    let distance = distance(&embed(Numerics::Native), &embed(Numerics::Exact(Isa::detect())));
    assert!(distance < 0.03, "{distance}");
}

#[test]
fn rows_that_are_no_whole_number_of_candles_blocks_are_refused_by_name() {
    let config = llama(80, false);
    assert!(logits(&config, Precision::Q8, Numerics::Exact(Isa::detect())).is_ok());
    match logits(&config, Precision::Q8, Numerics::Native) {
        Err(Error::InvalidInput(fact)) => {
            assert!(fact.contains("`model.layers.0.self_attn.q_proj.weight` has rows of 80"), "{fact}");
        }
        other => panic!("{other:?}"),
    }
}
