//! Vision and audio models as whole requests, exact against stock candle: `cargo bench -p proofmark-models --bench vision_audio`.
//!
//! The two take turns, so that both see the same machine; medians over the rounds. An argument names the families to measure.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::time::Instant;

use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::exact::isa::Isa;
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::whisper::{Whisper, WhisperConfig};
use proofmark_models::{Numerics, Precision};
use serde_json::{Value, json};

const ROUNDS: usize = 11;

type Request = Box<dyn FnMut()>;
type Requests = Vec<(&'static str, Request)>;
type Family = (&'static str, fn(Numerics) -> Requests);

fn main() {
    if proofmark_bench::is_not_to_measure() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let isa = Isa::detect();
    println!("exact on {isa}, {} threads, {ROUNDS} rounds in turns\n", rayon::current_num_threads());
    println!("| request | exact, ms | native, ms | native by exact |\n|---|---|---|---|");
    let families: [Family; 4] =
        [("resnet", resnet_50), ("vit", vit_base), ("clip", clip_b_32), ("whisper", whisper_tiny)];
    for (family, requests) in families {
        if names.is_empty() || names.iter().any(|name| *name == family) {
            let pairs = requests(Numerics::Exact(isa)).into_iter().zip(requests(Numerics::Native));
            for ((name, exact), (_, native)) in pairs {
                compare(name, exact, native);
            }
        }
    }
}

fn compare(name: &str, mut exact: Request, mut native: Request) {
    let timed = |request: &mut Request| {
        let started = Instant::now();
        request();
        started.elapsed().as_nanos() as u64
    };
    exact();
    native();
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (timed(&mut exact), timed(&mut native))).collect();
    let exact_ns = median(rounds.iter().map(|(exact, _)| *exact).collect());
    let native_ns = median(rounds.iter().map(|(_, native)| *native).collect());
    let ms = |ns: u64| ns as f64 / 1e6;
    println!(
        "| {name} | {:.1} | {:.1} | {:.2} |",
        ms(exact_ns),
        ms(native_ns),
        native_ns as f64 / exact_ns as f64
    );
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn weights() -> Weights {
    Weights::synthetic(1, Precision::F32)
}

fn map(config: &Value) -> &serde_json::Map<String, Value> {
    config.as_object().unwrap()
}

fn image() -> PixelValues {
    let values = Synthetic::new(2).generate("pixels", 3 * 224 * 224, Init::Scale);
    PixelValues { values, dims: [1, 3, 224, 224] }
}

fn labels() -> Value {
    (0..1000).map(|label| (label.to_string(), json!("label"))).collect::<serde_json::Map<_, _>>().into()
}

fn resnet_50(numerics: Numerics) -> Requests {
    let config = json!({
        "model_type": "resnet", "num_channels": 3, "embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048],
        "depths": [3, 4, 6, 3], "layer_type": "bottleneck", "hidden_act": "relu", "id2label": labels(),
    });
    let model = ResNet::load(&ResNetConfig::parse(map(&config)).unwrap(), &weights(), numerics).unwrap();
    let image = image();
    vec![("ResNet-50, an image of 224 x 224", Box::new(move || drop(model.classify(&image).unwrap())))]
}

fn vit_base(numerics: Numerics) -> Requests {
    let config = json!({
        "model_type": "vit", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
        "num_attention_heads": 12, "image_size": 224, "patch_size": 16, "num_channels": 3, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "id2label": labels(),
    });
    let model = Vit::load(&VitConfig::parse(map(&config)).unwrap(), &weights(), numerics).unwrap();
    let image = image();
    vec![("ViT-B/16, an image of 224 x 224", Box::new(move || drop(model.classify(&image).unwrap())))]
}

fn clip_b_32(numerics: Numerics) -> Requests {
    let config = json!({
        "model_type": "clip", "projection_dim": 512,
        "text_config": {
            "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
            "num_attention_heads": 8, "max_position_embeddings": 77, "eos_token_id": 2,
        },
        "vision_config": {
            "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "image_size": 224, "patch_size": 32,
        },
    });
    let model = Clip::load(&ClipConfig::parse(map(&config)).unwrap(), &weights(), numerics).unwrap();
    let texts = (0..8).map(|text| (0..16).map(|at| 49_406 - (text * 16 + 15 - at) * 37).collect());
    let input = ClipInput { images: image(), texts: texts.collect(), requests: 1 };
    vec![(
        "CLIP ViT-B/32, an image and 8 texts of 16 tokens",
        Box::new(move || drop(model.compare(&input).unwrap())),
    )]
}

fn whisper_tiny(numerics: Numerics) -> Requests {
    let config = json!({
        "model_type": "whisper", "vocab_size": 51865, "num_mel_bins": 80, "d_model": 384, "encoder_layers": 4,
        "encoder_attention_heads": 6, "encoder_ffn_dim": 1536, "decoder_layers": 4, "decoder_attention_heads": 6,
        "decoder_ffn_dim": 1536, "max_source_positions": 1500, "max_target_positions": 448, "activation_function": "gelu",
    });
    let config = WhisperConfig::parse(map(&config)).unwrap();
    let model = std::rc::Rc::new(Whisper::load(&config, &weights(), numerics).unwrap());
    let waveforms = vec![Synthetic::new(3).generate("waveform", model.samples(), Init::Matrix)];
    let bands = model.log_mel(&waveforms).unwrap();
    let (whole, heard, encoded) = (model.clone(), model.clone(), model);
    let sound = waveforms.clone();
    vec![
        ("Whisper-tiny, front end for 30 s", Box::new(move || drop(heard.log_mel(&sound).unwrap()))),
        (
            "Whisper-tiny, encoder for 30 s",
            Box::new(move || drop(encoded.encoder_states(bands.clone(), 1).unwrap())),
        ),
        (
            "Whisper-tiny, 32 tokens for 30 s",
            Box::new(move || {
                whole.transcribe(&waveforms, &[50_258, 50_259, 50_359, 50_363], 32, &mut |_| {}).unwrap();
            }),
        ),
    ]
}
