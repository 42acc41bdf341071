//! Trained weights from outside: real text in and out, and the guard on what a model answers. The models are the parity fixtures, from
//! a hub on this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../models/tests/loopback_hub/mod.rs"]
mod loopback_hub;
mod place;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Output;

use loopback_hub::{LoopbackHub, REPO, REVISION};
use place::{FIXTURES, Place, code};
use serde_json::Value;

/// A fixture as a model of the hub, with a tokenizer, and a suite of one workload on it.
struct Scene {
    hub: LoopbackHub,
    place: Place,
}

/// A fixture, what is asked of it, and the tolerance of its quality. Random weights foresee nothing, so a layer more or less moves the
/// surprise of their tokens little.
type Subject = (&'static str, &'static str, u64);
const ENCODER: Subject =
    ("bert_embedding", "slo = \"latency\"\nembedding = { tokens = 32, batch = 2 }", 20_000);
const DECODER: Subject = (
    "llama_gqa",
    "slo = \"tokens\"\ngeneration = { prompt_tokens = 60, output_tokens = 5, batch = 2 }",
    3_000,
);
const VARIANTS: &str = r#"variant = [
    { numerics = "exact/1", precision = "f32", share_ppm = 500000, max_batch = 2 },
    { numerics = "exact/1", precision = "bf16", share_ppm = 500000 },
    { numerics = "native", precision = "f32", share_ppm = 0 },
]
"#;

impl Scene {
    fn new((fixture, task, tolerance_ppm): Subject) -> Self {
        let scene = Self { hub: LoopbackHub::with(files(fixture)), place: Place::new() };
        let tiny = fs::read_to_string(scene.place.path("tiny.toml")).unwrap();
        let (timing_and_limits, _) = tiny.split_once("[[model]]").unwrap();
        let config: Value = serde_json::from_slice(&files(fixture)["config.json"]).unwrap();
        let mut suite = format!(
            "{timing_and_limits}[[model]]\nname = \"trained\"\n\
             hub = {{ repo = \"{REPO}\", revision = \"{REVISION}\" }}\n\
             quality = {{ figures = [], tolerance_ppm = {tolerance_ppm} }} # of the fixture\n\
             tokens = {{ start = 1, separator = 2, ordinary_from = 4 }}\n[model.config]\n"
        );
        for (name, value) in config.as_object().unwrap() {
            if value.is_string() || value.is_number() || value.is_boolean() {
                let _ = writeln!(suite, "{name} = {value}");
            }
        }
        let _ = write!(
            suite,
            "\n[[workload]]\nname = \"answer\"\nmodel = \"trained\"\nclass = \"chat\"\n\
             requests_per_hour = 1\n{task}\n{VARIANTS}"
        );
        fs::write(scene.place.path("trained.toml"), suite).unwrap();
        scene.write_lock();
        scene
    }

    /// With quality and golden digests.
    fn known(subject: Subject) -> Self {
        let scene = Self::new(subject);
        let output = scene.run(&["models", "lock", "--suite", "trained.toml", "--quiet"]);
        assert_eq!(code(&output), 0, "{}", scene.place.told(&output));
        scene
    }

    /// The same suite, and other weights under their name, pinned as they are.
    fn with_weights(mut self, files: BTreeMap<String, Vec<u8>>) -> Self {
        self.hub = LoopbackHub::with(files);
        fs::remove_dir_all(self.place.path("hf")).unwrap();
        self.write_lock();
        let output = self.run(&["models", "lock", "--quiet"]);
        assert_eq!(code(&output), 0, "{}", self.place.told(&output));
        self
    }

    fn write_lock(&self) {
        let mut lock =
            format!("format = 1\n[[model]]\nrepo = \"{REPO}\"\nrevision = \"{REVISION}\"\nfiles = [\n");
        for (name, ..) in self.hub.files() {
            let _ = writeln!(lock, "{{ path = \"{name}\" }},");
        }
        fs::write(self.place.path("models.lock"), lock + "]\n").unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.place.command(env!("CARGO_BIN_EXE_proofmark"));
        for of_the_user in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
        {
            command.env_remove(of_the_user);
        }
        command.env("HF_HOME", self.place.path("hf")).env("HF_ENDPOINT", self.hub.endpoint());
        command.args(arguments).output().unwrap()
    }

    fn certify(&self, arguments: &[&str]) -> Output {
        let all = ["certify", "--suite", "trained.toml", "--lock", "models.lock", "--quiet"];
        self.run(&[&all[..], arguments].concat())
    }

    fn suite(&self) -> String {
        fs::read_to_string(self.place.path("trained.toml")).unwrap()
    }
}

/// What the hub has of a fixture: its model, and the tokenizer.
fn files(fixture: &str) -> BTreeMap<String, Vec<u8>> {
    let of_the_model = ["config.json", "model.safetensors"].map(|name| (fixture, name));
    of_the_model
        .into_iter()
        .chain([("tokenizer", "tokenizer.json")])
        .map(|(folder, name)| (name.to_owned(), fs::read(format!("{FIXTURES}/{folder}/{name}")).unwrap()))
        .collect()
}

/// The signs of one tensor's weights turned around.
fn with_flipped_tensor(mut files: BTreeMap<String, Vec<u8>>, tensor: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = files.get_mut("model.safetensors").unwrap();
    let header_bytes = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header_bytes]).unwrap();
    let offset =
        |end: usize| 8 + header_bytes + header[tensor]["data_offsets"][end].as_u64().unwrap() as usize;
    assert_eq!(header[tensor]["dtype"], "F32");
    for number in bytes[offset(0)..offset(1)].chunks_exact_mut(4) {
        number[3] ^= 0x80;
    }
    files
}

#[test]
fn models_lock_computes_quality_and_digests_with_which_every_numerics_passes() {
    for subject in [ENCODER, DECODER] {
        let scene = Scene::new(subject);
        let before = scene.suite();
        let output = scene.run(&["models", "lock", "--suite", "trained.toml", "--quiet"]);
        insta::assert_snapshot!(format!("lock_{}", subject.0), scene.place.told(&output));
        let after = scene.suite();
        assert!(!after.contains("figures = []") && after.contains("# of the fixture"));
        assert_eq!(after.matches("self_check = ").count(), 2);
        assert_eq!(before.lines().count(), after.lines().count());
        let output = scene.certify(&[]);
        assert_eq!(code(&output), 0, "{}", scene.place.told(&output));
        for cell in scene.place.profile()["cells"].as_array().unwrap() {
            assert_eq!((&cell["status"], &cell["weights"]["source"]), (&"measured".into(), &"hub".into()));
            let self_check = if cell["numerics"] == "native" { "none" } else { "match" };
            assert_eq!(cell["self_check"], self_check, "{}", cell["workload"]);
        }
        // Once more, all agrees and nothing changes.
        let output = scene.run(&["models", "lock", "--suite", "trained.toml", "--quiet"]);
        assert_eq!((code(&output), scene.suite()), (0, after), "{}", scene.place.told(&output));
    }
}

#[test]
fn a_model_whose_quality_nobody_computed_is_not_certified() {
    let scene = Scene::new(ENCODER);
    let output = scene.run(&["models", "lock", "--quiet"]);
    assert_eq!(code(&output), 0, "{}", scene.place.told(&output));
    insta::assert_snapshot!("unknown_quality", scene.place.told(&scene.certify(&[])));
    let output = scene.run(&["list", "--suite", "trained.toml", "--lock", "models.lock"]);
    let told = scene.place.told(&output);
    assert!(told.contains("quality unknown, not certified before"), "{told}");
}

#[test]
fn one_flipped_layer_is_caught_in_every_numerics() {
    for (subject, tensor) in
        [(ENCODER, "encoder.layer.1.output.dense.weight"), (DECODER, "model.layers.1.mlp.down_proj.weight")]
    {
        let scene = Scene::known(subject).with_weights(with_flipped_tensor(files(subject.0), tensor));
        let output = scene.certify(&[]);
        assert_eq!(code(&output), 13, "{}", scene.place.told(&output));
        for cell in scene.place.profile()["cells"].as_array().unwrap() {
            let reason = cell["reason"].as_str().unwrap();
            assert!(reason.starts_with("the model does not answer as it should: "), "{reason}");
        }
        let suite = scene.suite();
        let output = scene.run(&["models", "lock", "--suite", "trained.toml", "--quiet"]);
        assert_eq!((code(&output), scene.suite()), (1, suite), "{}", scene.place.told(&output));
    }
}

#[test]
fn a_tokenizer_of_another_model_costs_the_cell_alone() {
    let mut files = files(ENCODER.0);
    let tokenizer = String::from_utf8(files["tokenizer.json"].clone()).unwrap();
    files.insert("tokenizer.json".to_owned(), tokenizer.replacen(": 249", ": 256", 1).into_bytes());
    let scene = Scene::known(ENCODER).with_weights(files);
    let output = scene.certify(&["--workload", "answer-native-f32"]);
    assert_eq!(code(&output), 13, "{}", scene.place.told(&output));
    let profile = scene.place.profile();
    let reason = profile["cells"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with("tokenizer.json has token id 256, the model's vocabulary has 256"), "{reason}");
}

#[test]
fn show_prints_what_was_asked_and_answered() {
    let scene = Scene::known(DECODER);
    let output = scene.certify(&[]);
    assert_eq!(code(&output), 0, "{}", scene.place.told(&output));
    let show = |arguments: &[&str]| {
        let all = ["show", "--suite", "trained.toml", "--lock", "models.lock"];
        scene.place.told(&scene.run(&[&all[..], arguments].concat()))
    };
    let told = show(&["--outputs"]);
    // Seeds, and so words, are fresh in every run.
    let without_words = |told: &str| {
        let mut lines = String::new();
        for line in told.lines() {
            let label = ["  prompt  ", "  output  "].into_iter().find(|label| line.starts_with(label));
            let _ = writeln!(lines, "{}", label.map_or(line.to_owned(), |label| format!("{label}[TEXT]")));
        }
        lines
    };
    insta::assert_snapshot!("outputs", without_words(&told));
    let prompt = told.lines().find_map(|line| line.strip_prefix("  prompt  .. ")).unwrap();
    let words = fs::read_to_string(format!("{FIXTURES}/../../workloads/templates/english.toml")).unwrap();
    let whole_words = prompt.split(' ').skip(1);
    let known = whole_words.filter(|word| words.contains(word.trim_matches(['.', ',', '?'])));
    assert!(known.count() >= 5, "{prompt}");

    // Without the tokenizer, tokens are all there is; the profile's file by its name gives the same.
    fs::remove_dir_all(scene.place.path("hf")).unwrap();
    let told = show(&["--outputs=profile.json.outputs"]);
    assert!(!told.contains("prompt"), "{told}");
    let output = told.lines().find_map(|line| line.strip_prefix("  output  ")).unwrap();
    assert_eq!(output.split(' ').filter(|token| token.parse::<u32>().is_ok()).count(), 5, "{output}");
}
