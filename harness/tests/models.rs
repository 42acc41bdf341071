//! Models of the hub from outside: locked, fetched, certified, from a hub on this machine that can be made to fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../models/tests/loopback_hub/mod.rs"]
mod loopback_hub;
mod place;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use loopback_hub::{Fault, LoopbackHub, REPO, REVISION, digits};
use place::{FIXTURES, Place, code};
use serde_json::Value;

const SHARD: &str = "model-00002-of-00003.safetensors";
const DECODER: [&str; 2] = ["--workload", "generate-exact-f32"];

/// A hub, and a suite whose decoder is a model of it that is not pinned yet.
struct Scene {
    hub: LoopbackHub,
    place: Place,
}

impl Scene {
    fn new() -> Self {
        let folder = format!("{FIXTURES}/llama_bias_linear_rope");
        let scene = Self { hub: LoopbackHub::of(&folder), place: Place::new() };
        let suite = fs::read_to_string(scene.place.path("tiny.toml")).unwrap();
        let hub = format!("hub = {{ repo = \"{REPO}\", revision = \"{REVISION}\" }}");
        let (before, rest) = suite.split_once("[model.config]\n").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        let config: Value =
            serde_json::from_slice(&fs::read(format!("{folder}/config.json")).unwrap()).unwrap();
        let before = before.replacen("seed = 1", &hub, 1);
        let suite = format!("{before}[model.config]\n{}\n{after}", toml_of(&config));
        fs::write(scene.place.path("tiny.toml"), without_golden_digests(&suite)).unwrap();

        let mut lock =
            format!("format = 1\n[[model]]\nrepo = \"{REPO}\"\nrevision = \"{REVISION}\"\nfiles = [\n");
        for (name, ..) in scene.hub.files().filter(|(name, ..)| is_model(name)) {
            let _ = writeln!(lock, "{{ path = \"{name}\" }},");
        }
        fs::write(scene.place.path("models.lock"), lock + "]\n").unwrap();
        scene
    }

    fn pinned() -> Self {
        let scene = Self::new();
        let output = scene.run(&["models", "lock", "--quiet"]);
        assert_eq!(code(&output), 0, "{}", scene.told(&output));
        scene.hub.asked();
        scene
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.place.command(env!("CARGO_BIN_EXE_proofmark"));
        command.args(arguments).env("HF_ENDPOINT", self.hub.endpoint());
        command.envs(environment.iter().copied()).output().unwrap()
    }

    fn certify(&self, environment: &[(&str, &str)]) -> Output {
        let arguments = ["certify", "--suite", "tiny.toml", "--lock", "models.lock", "--quiet"];
        self.run_with(&[&arguments[..], &DECODER].concat(), environment)
    }

    fn told(&self, output: &Output) -> String {
        self.place.told(output).replace(&self.hub.endpoint(), "[HUB]")
    }

    fn blob(&self, name: &str) -> PathBuf {
        let bytes = fs::read(format!("{FIXTURES}/llama_bias_linear_rope/{name}")).unwrap();
        self.place.path("hf/hub/models--org--tiny/blobs").join(digits(&bytes))
    }
}

fn is_model(name: &str) -> bool {
    name != "expected.json" && name != "io.safetensors"
}

/// The members of a configuration, a line each.
fn toml_of(config: &Value) -> String {
    fn value(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members.iter().filter(|(_, member)| !member.is_null());
                let members: Vec<String> =
                    members.map(|(name, member)| format!("{name} = {}", value_of(member))).collect();
                format!("{{ {} }}", members.join(", "))
            }
            other => other.to_string(),
        }
    }
    fn value_of(member: &Value) -> String {
        value(member)
    }
    let members = config.as_object().unwrap().iter().filter(|(_, member)| !member.is_null());
    members.fold(String::new(), |mut text, (name, member)| {
        let _ = writeln!(text, "{name} = {}", value(member));
        text
    })
}

/// Those are of synthetic weights.
fn without_golden_digests(suite: &str) -> String {
    let parts: Vec<&str> = suite.split(", self_check = \"").collect();
    let rest = parts[1..].iter().map(|part| &part[65..]);
    std::iter::once(parts[0]).chain(rest).collect()
}

#[test]
fn a_model_is_locked_fetched_and_certified_and_then_needs_no_hub() {
    let scene = Scene::new();
    let mut told = String::new();
    let mut tell = |what: &str, output: &Output| {
        let _ = writeln!(told, "# {what}\n{}", scene.told(output));
    };
    tell("certify, unpinned", &scene.certify(&[]));
    let list = ["models", "list", "--file", "models.lock"];
    tell("list, unpinned", &scene.run(&list));
    tell("fetch, unpinned", &scene.run(&["models", "fetch", REPO, "--file", "models.lock"]));
    tell("lock", &scene.run(&["models", "lock"]));
    tell("list, pinned", &scene.run(&list));
    tell("fetch", &scene.run(&["models", "fetch", "--file", "models.lock"]));
    tell("list, there", &scene.run(&list));
    insta::assert_snapshot!("models", told);
    let lock = fs::read_to_string(scene.place.path("models.lock")).unwrap();
    for (name, size_bytes, _) in scene.hub.files().filter(|(name, ..)| is_model(name)) {
        assert!(lock.contains(&format!("path = \"{name}\", size_bytes = {size_bytes}, sha256 = ")), "{lock}");
    }

    scene.hub.asked();
    let output = scene.certify(&[("HF_HUB_OFFLINE", "1"), ("HF_ENDPOINT", "http://127.0.0.1:9")]);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    assert!(scene.hub.asked().is_empty());
    let profile = scene.place.profile();
    let cell = &profile["cells"][0];
    assert_eq!((&cell["status"], &cell["weights"]["source"]), (&"measured".into(), &"hub".into()));
    let output = scene.run(&["verify", "profile.json", "--suite", "tiny.toml"]);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    let audit = ["audit", "profile.json", "--suite", "tiny.toml", "--lock", "models.lock", "--quiet"];
    let output = scene.run(&audit);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("; 0 differ"));
}

#[test]
fn certify_fetches_what_it_needs_and_its_golden_digest_holds() {
    let scene = Scene::pinned();
    let self_check = ["self-check", "--suite", "tiny.toml", "--lock", "models.lock", "--output", "json"];
    let output = scene.run(&[&self_check[..], &DECODER].concat());
    let digests: Value = serde_json::from_slice(&output.stdout).unwrap();
    let golden = digests["generate-exact-f32"].as_str().unwrap();
    let suite = fs::read_to_string(scene.place.path("tiny.toml")).unwrap();
    let first = "share_ppm = 300000, max_batch = 4";
    fs::write(
        scene.place.path("tiny.toml"),
        suite.replacen(first, &format!("{first}, self_check = \"{golden}\""), 1),
    )
    .unwrap();
    fs::remove_dir_all(scene.place.path("hf")).unwrap();

    let output = scene.certify(&[]);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    let profile = scene.place.profile();
    let cell = &profile["cells"][0];
    assert_eq!((&cell["weights"]["source"], &cell["self_check"]), (&"hub".into(), &"match".into()));
    assert!(scene.blob(SHARD).exists());
    let output = scene.run(&["verify", "profile.json", "--suite", "tiny.toml"]);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));

    // The operator's own weights are another matter, also where they are the same.
    let folder = format!("decoder={FIXTURES}/llama_bias_linear_rope");
    let output = scene
        .run(&[&["certify", "--quiet", "--suite", "tiny.toml", "--weights", &folder], &DECODER[..]].concat());
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    let profile = scene.place.profile();
    let local = &profile["cells"][0];
    assert_eq!((&local["weights"]["source"], &local["self_check"]), (&"local".into(), &"none".into()));
    assert_eq!(local["weights"]["digest"], cell["weights"]["digest"]);
}

#[test]
fn a_list_says_what_is_pinned() {
    let (unpinned, pinned) = (Scene::new(), Scene::pinned());
    let last = |scene: &Scene, lock: &[&str]| {
        let output = scene.run(&[&["list", "--suite", "tiny.toml"], lock].concat());
        assert_eq!(code(&output), 0);
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    };
    let line = format!("hub      decoder: {REPO} at {REVISION}, ");
    let lock = ["--lock", "models.lock"];
    assert_eq!(
        last(&unpinned, &lock),
        format!("{line}unpinned, not certified before `proofmark models lock {REPO}`")
    );
    assert!(last(&pinned, &lock).starts_with(&format!("{line}pinned, ")));
    assert_eq!(last(&pinned, &[]), format!("{line}not in the lock file"));
}

#[test]
fn a_file_that_went_bad_in_the_cache_is_refused_offline_and_fetched_anew_online() {
    let scene = Scene::pinned();
    assert_eq!(code(&scene.run(&["models", "fetch", "--quiet", "--file", "models.lock"])), 0);
    let good = fs::read(scene.blob(SHARD)).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(scene.blob(SHARD), bad).unwrap();
    let output = scene.certify(&[("HF_HUB_OFFLINE", "1")]);
    insta::assert_snapshot!("models_bad_cache", scene.told(&output));
    assert!(!scene.place.path("profile.json").exists());
    let output = scene.certify(&[]);
    assert_eq!(code(&output), 0, "{}", scene.told(&output));
    assert_eq!(fs::read(scene.blob(SHARD)).unwrap(), good);
}

#[test]
fn what_the_hub_does_not_give_is_told_with_what_to_do() {
    let scene = Scene::pinned();
    let mut told = String::new();
    let fetch = ["models", "fetch", REPO, "--quiet", "--file", "models.lock"];
    for fault in
        [Fault::Garbled, Fault::Status(401), Fault::Status(404), Fault::Status(503), Fault::OtherCommit]
    {
        scene.hub.break_with(fault.clone(), 9);
        let output = scene.run(&fetch);
        let _ = writeln!(told, "# {fault:?}\n{}", scene.told(&output));
        assert!(!scene.blob(SHARD).exists());
    }
    for (variable, value) in
        [("HF_HUB_OFFLINE", "1"), ("HF_ENDPOINT", "ftp://hub"), ("HF_HUB_CACHE", "/proc/nowhere")]
    {
        scene.hub.break_with(Fault::Status(0), 0);
        let output = scene.run_with(&fetch, &[(variable, value)]);
        let _ = writeln!(told, "# {variable}={value}\n{}", scene.told(&output));
    }
    let output = scene.run(&["models", "fetch", "org/nobody", "--file", "models.lock"]);
    let _ = writeln!(told, "# no such model\n{}", scene.told(&output));
    let output = scene.run(&["certify", "--suite", "tiny.toml", "--quiet"]);
    let _ = writeln!(told, "# not in the lock file\n{}", scene.told(&output));
    insta::assert_snapshot!("models_refused", told);
    assert!(!scene.place.path("profile.json").exists());
}

#[test]
fn a_lock_file_is_not_overwritten_by_a_hub_that_says_otherwise() {
    let scene = Scene::pinned();
    let lock = fs::read_to_string(scene.place.path("models.lock")).unwrap();
    let (before, after) = lock.split_once("sha256 = \"").unwrap();
    let wrong = format!("{before}sha256 = \"{}{}", "0".repeat(64), &after[64..]);
    fs::write(scene.place.path("models.lock"), &wrong).unwrap();
    let output = scene.run(&["models", "lock", "--quiet"]);
    insta::assert_snapshot!("models_lock_differs", scene.told(&output));
    assert_eq!(fs::read_to_string(scene.place.path("models.lock")).unwrap(), wrong);
    fs::write(scene.place.path("models.lock"), "format = 1\nmodels = []\n").unwrap();
    assert_eq!(code(&scene.run(&["models", "list", "--file", "models.lock"])), 10);
}
