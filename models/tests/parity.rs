//! Both numerics against transformers, on the fixtures of `models/fixtures` (made by `make_fixtures.py`).
//!
//! `PROOFMARK_PARITY_CASES` may name a further folder of such cases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proofmark_models::decoder::{Decoder, DecoderSpec, LogitRows};
use proofmark_models::encoder::{Classifier, Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
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
        let config = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
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
                let mut cache = model.cache(shape[0], shape[1]);
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
            other => println!("{}: {other} is not an architecture of this crate yet", self.folder.display()),
        }
    }
}

fn check_all(folder: &Path) -> usize {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let cases = folders.into_iter().filter(|folder| folder.join("config.json").exists());
    cases
        .map(|folder| {
            let case = Case::open(folder);
            case.check(Numerics::Native);
            case.check(Numerics::Exact(Isa::detect()));
        })
        .count()
}

#[test]
fn both_numerics_agree_with_transformers() {
    assert_eq!(check_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")), 29);
    if let Some(folder) = std::env::var_os("PROOFMARK_PARITY_CASES") {
        assert!(check_all(Path::new(&folder)) > 0);
    }
}
