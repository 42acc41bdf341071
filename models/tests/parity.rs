//! Both numerics against transformers, on the fixtures of `models/fixtures` (made by `make_fixtures.py`).
//!
//! `PROOFMARK_PARITY_CASES` may name a further folder of such cases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::decoder::{Decoder, DecoderSpec, LogitRows};
use proofmark_models::encoder::{Classifier, Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::exact::argmax::argmax;
use proofmark_models::exact::isa::Isa;
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::weights::Weights;
use proofmark_models::whisper::{Whisper, WhisperConfig};
use proofmark_models::{Numerics, Output, Precision};
use safetensors::SafeTensors;

/// Allowed difference, as a share of the reference outputs' standard deviation. The bar is 1e-4; a wrong epsilon or gelu variant moves
/// these fixtures by 7e-5 and more, so the test asks for less.
const TOLERANCE: f64 = 3e-5;

struct Case {
    folder: PathBuf,
    config: serde_json::Map<String, serde_json::Value>,
    io: Vec<u8>,
}

impl Case {
    fn open(folder: PathBuf) -> Self {
        // A case of a front end alone has none.
        let config = fs::read(folder.join("config.json")).unwrap_or_else(|_| b"{}".to_vec());
        let config = serde_json::from_slice(&config).unwrap();
        let mut io = Vec::new();
        File::open(folder.join("io.safetensors")).unwrap().read_to_end(&mut io).unwrap();
        Self { folder, config, io }
    }

    fn architecture(&self) -> &str {
        self.config["architectures"][0].as_str().unwrap()
    }

    fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.io).unwrap().tensor(name).is_ok()
    }

    fn integers(&self, name: &str) -> (Vec<usize>, Vec<u32>) {
        let io = SafeTensors::deserialize(&self.io).unwrap();
        let tensor = io.tensor(name).unwrap();
        let (words, _) = tensor.data().as_chunks::<8>();
        (tensor.shape().to_vec(), words.iter().map(|word| i64::from_le_bytes(*word) as u32).collect())
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let io = SafeTensors::deserialize(&self.io).unwrap();
        let (words, _) = io.tensor(name).unwrap().data().as_chunks::<4>();
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    }

    fn encoder_input(&self) -> EncoderInput {
        let (shape, ids) = self.integers("input_ids");
        let (_, mask) = self.integers("attention_mask");
        let token_types =
            if self.has("token_type_ids") { self.integers("token_type_ids").1 } else { vec![0; ids.len()] };
        let lengths = mask.chunks(shape[1]).map(|row| row.iter().sum::<u32>() as usize).collect();
        EncoderInput { ids, token_types, lengths: Arc::new(lengths) }
    }

    fn pixels(&self) -> PixelValues {
        let io = SafeTensors::deserialize(&self.io).unwrap();
        let dims = io.tensor("pixel_values").unwrap().shape().try_into().unwrap();
        PixelValues { values: self.floats("pixel_values"), dims }
    }

    fn compare_classes(&self, numerics: Numerics, output: &Output) {
        let Output::Classification { logits, .. } = output else { panic!("no classification") };
        self.compare("logits", numerics, logits, &self.floats("logits"));
    }

    fn check_clip(&self, weights: &Weights, numerics: Numerics) {
        let config = ClipConfig::parse(&self.config).unwrap();
        let model = Clip::load(&config, weights, numerics).unwrap();
        let (shape, ids) = self.integers("input_ids");
        let texts = ids.chunks(shape[1]).map(<[u32]>::to_vec).collect();
        let input = ClipInput { images: self.pixels(), texts, requests: 1 };
        for (name, output) in [
            ("text_embeds", model.embed_texts(&input.texts)),
            ("image_embeds", model.embed_images(&input.images)),
            ("logits_per_image", model.compare(&input)),
        ] {
            let output = output.unwrap();
            self.compare(name, numerics, output.rows().unwrap().0, &self.floats(name));
        }
    }

    fn check_whisper(&self, weights: &Weights, numerics: Numerics) {
        let config = WhisperConfig::parse(&self.config).unwrap();
        let model = Whisper::load(&config, weights, numerics).unwrap();
        let (shape, ids) = self.integers("decoder_input_ids");
        let tokens: Vec<Vec<u32>> = ids.chunks(shape[1]).map(<[u32]>::to_vec).collect();
        let name = if self.has("mel") { "mel" } else { "input_features" };
        let frames = 2 * config.max_source_positions;
        let spectrograms = transposed(&self.floats(name), config.num_mel_bins, frames);
        let name = if self.has("mel") { "encoder_out" } else { "encoder_last_hidden_state" };
        let states = model.encoder_states(spectrograms.clone(), shape[0]).unwrap();
        self.compare("encoder states", numerics, &states, &self.floats(name));
        let logits = model.logits(spectrograms.clone(), &tokens).unwrap();
        self.compare("logits", numerics, &logits.values, &self.floats("logits"));
        if self.has("greedy") {
            let (shape, greedy) = self.integers("greedy");
            let prompts = tokens.iter().zip(greedy.chunks(shape[1]));
            let known: Vec<_> =
                prompts.map(|(prompt, greedy)| [prompt, &greedy[..shape[1] - 1]].concat()).collect();
            let logits = model.logits(spectrograms, &known).unwrap();
            let (_, rows, vocab) = logits.dims;
            for (sequence, greedy) in logits.values.chunks(rows * vocab).zip(greedy.chunks(shape[1])) {
                let chosen =
                    sequence.chunks(vocab).skip(rows - shape[1]).map(|row| argmax(row).unwrap() as u32);
                assert_eq!(chosen.collect::<Vec<_>>(), greedy, "{}", self.folder.display());
            }
        }
    }

    fn compare(&self, what: &str, numerics: Numerics, actual: &[f32], expected: &[f32]) {
        assert_eq!(actual.len(), expected.len());
        let count = expected.len() as f64;
        let mean = expected.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let std = (expected.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count).sqrt();
        let gap = actual.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        let place = self.folder.display();
        println!(
            "{place}: {what}, {numerics}: largest difference {:.1e} of the standard deviation",
            gap / std
        );
        assert!(gap <= TOLERANCE * std, "{place}: {what}, {numerics}: {gap} against a deviation of {std}");
    }

    fn check(&self, numerics: Numerics) {
        let weights = Weights::local(&self.folder, Precision::F32).unwrap();
        match self.architecture() {
            "LlamaForCausalLM"
            | "Qwen2ForCausalLM"
            | "Qwen3ForCausalLM"
            | "Qwen3MoeForCausalLM"
            | "MistralForCausalLM"
            | "Gemma3ForCausalLM" => {
                let spec = DecoderSpec::parse(&self.config).unwrap();
                let (shape, ids) = self.integers("input_ids");
                let model = Decoder::load(&spec, &weights, shape[1] + 16, numerics).unwrap();
                let mut cache = model.cache(shape[0], shape[1]).unwrap();
                let logits = model.forward(&ids, &mut cache, LogitRows::All).unwrap();
                self.compare("logits", numerics, &logits.values, &self.floats("logits"));
                if self.has("greedy") {
                    let (_, greedy) = self.integers("greedy");
                    let generated = model.generate(&[ids], greedy.len(), &mut |_| {}).unwrap();
                    assert_eq!(generated.tokens, [greedy], "{}", self.folder.display());
                }
            }
            "BertModel" | "DistilBertModel" => {
                let spec = EncoderSpec::parse(&self.config).unwrap();
                let model = Embedder::load(&spec, &weights, numerics).unwrap();
                let input = self.encoder_input();
                let hidden = model.hidden_states(&input).unwrap();
                self.compare("hidden states", numerics, &hidden, &self.floats("last_hidden_state"));
                let Output::Embedding { values: embedding, .. } = model.embed(&input).unwrap() else {
                    panic!("no embedding")
                };
                self.compare("embedding", numerics, &embedding, &self.floats("mean_pool_l2"));
            }
            "BertForSequenceClassification"
            | "DistilBertForSequenceClassification"
            | "RobertaForSequenceClassification"
            | "XLMRobertaForSequenceClassification" => {
                let spec = EncoderSpec::parse(&self.config).unwrap();
                let input = self.encoder_input();
                let values = if spec.labels == 1 {
                    let model = Reranker::load(&spec, &weights, numerics).unwrap();
                    let Output::Scores(scores) = model.score(&input).unwrap() else { panic!("no scores") };
                    scores
                } else {
                    let model = Classifier::load(&spec, &weights, numerics).unwrap();
                    let Output::Classification { logits, .. } = model.classify(&input).unwrap() else {
                        panic!("no classes")
                    };
                    logits
                };
                self.compare("head", numerics, &values, &self.floats("logits"));
            }
            "ViTForImageClassification" => {
                let config = VitConfig::parse(&self.config).unwrap();
                let model = Vit::load(&config, &weights, numerics).unwrap();
                if self.has("last_hidden_state") {
                    let hidden = model.hidden_states(&self.pixels()).unwrap();
                    self.compare("hidden states", numerics, &hidden, &self.floats("last_hidden_state"));
                }
                self.compare_classes(numerics, &model.classify(&self.pixels()).unwrap());
            }
            "ResNetForImageClassification" => {
                let config = ResNetConfig::parse(&self.config).unwrap();
                let model = ResNet::load(&config, &weights, numerics).unwrap();
                self.compare_classes(numerics, &model.classify(&self.pixels()).unwrap());
            }
            "CLIPModel" => self.check_clip(&weights, numerics),
            "WhisperForConditionalGeneration" => self.check_whisper(&weights, numerics),
            other => println!("{}: {other} is not an architecture of this crate yet", self.folder.display()),
        }
    }
}

/// Matrices of `rows` times `columns`, each as its columns one after another.
fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let matrices = x.chunks_exact(rows * columns);
    let turned = matrices.flat_map(|x| (0..columns).flat_map(|at| x.iter().skip(at).step_by(columns)));
    turned.copied().collect()
}

fn check_all(folder: &Path, takes: impl Fn(&Path) -> bool) -> usize {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let cases = folders.into_iter().filter(|folder| folder.join("config.json").exists() && takes(folder));
    cases
        .map(|folder| {
            let case = Case::open(folder);
            case.check(Numerics::Native);
            case.check(Numerics::Exact(Isa::detect()));
        })
        .count()
}

/// The steps of the front end, for clips of 30 seconds.
#[test]
fn log_mel_spectrograms_agree_with_transformers() {
    let case = Case::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/whisper_log_mel"));
    let config = serde_json::json!({
        "model_type": "whisper", "vocab_size": 4, "num_mel_bins": 80, "d_model": 4, "encoder_layers": 1,
        "encoder_attention_heads": 1, "encoder_ffn_dim": 4, "decoder_layers": 1, "decoder_attention_heads": 1,
        "decoder_ffn_dim": 4, "max_source_positions": 1500, "max_target_positions": 4, "activation_function": "gelu",
    });
    let config = WhisperConfig::parse(config.as_object().unwrap()).unwrap();
    for numerics in [Numerics::Native, Numerics::Exact(Isa::detect())] {
        let weights = Weights::synthetic(1, Precision::F32);
        let model = Whisper::load(&config, &weights, numerics).unwrap();
        for (waveform, name, kept) in [
            ("waveform", "features", &[(0, 300), (2992, 3000)][..]),
            ("quiet_waveform", "quiet_features", &[(0, 30)]),
        ] {
            let bands = model.log_mel(&[case.floats(waveform)]).unwrap();
            let frames = kept.iter().flat_map(|(first, end)| *first..*end);
            let frames: Vec<f32> = frames.flat_map(|frame| bands[frame * 80..][..80].to_vec()).collect();
            let expected = case.floats(name);
            case.compare(name, numerics, &frames, &transposed(&expected, 80, expected.len() / 80));
        }
    }
}

#[test]
fn both_numerics_agree_with_transformers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    assert_eq!(check_all(&folder, |case| !is_vision_or_audio(case)), 22);
    if let Some(folder) = std::env::var_os("PROOFMARK_PARITY_CASES") {
        assert!(check_all(Path::new(&folder), |_| true) > 0);
    }
}

#[test]
fn both_numerics_see_and_hear_what_transformers_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    assert_eq!(check_all(&folder, is_vision_or_audio), 7);
}

fn is_vision_or_audio(case: &Path) -> bool {
    let name = case.file_name().unwrap().to_string_lossy();
    ["vit", "resnet", "clip", "whisper"].iter().any(|family| name.starts_with(family))
}
