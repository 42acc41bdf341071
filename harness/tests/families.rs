//! Each family of models and each task, from `certify` to `verify` and `audit`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;

use std::fs;

use place::{DATA, Place, code};

fn place() -> Place {
    let place = Place::new();
    fs::copy(format!("{DATA}/families.toml"), place.path("families.toml")).unwrap();
    place
}

#[test]
fn every_family_and_task_is_certified_verified_and_audited() {
    let place = place();
    let output = place.proofmark(&["certify", "--suite", "families.toml", "--quiet"]);
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    let profile = place.profile();
    let cells = profile["cells"].as_array().unwrap();
    for cell in cells {
        assert_eq!(cell["status"], "measured", "{cell}");
        let expected = if cell["numerics"] == "native" { "none" } else { "match" };
        assert_eq!(cell["self_check"], expected, "{}", cell["workload"]);
    }
    let mut tasks: Vec<&str> = cells.iter().map(|cell| cell["task"].as_str().unwrap()).collect();
    tasks.sort_unstable();
    tasks.dedup();
    assert_eq!(
        tasks,
        [
            "embedding",
            "generation",
            "image_classification",
            "image_text_similarity",
            "reranking",
            "speech_recognition",
            "text_classification"
        ]
    );

    let output = place.proofmark(&["verify", "profile.json", "--suite", "families.toml"]);
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    let arguments = ["audit", "profile.json", "--suite", "families.toml", "--answers", "1000000", "--quiet"];
    let output = place.proofmark(&arguments);
    assert_eq!(code(&output), 0, "{}", place.told(&output));
}

#[test]
fn instruction_sets_agree_on_every_family() {
    let place = place();
    for isa in ["portable", "avx2"] {
        let output = place.proofmark(&["self-check", "--suite", "families.toml", "--isa", isa]);
        let told = place.told(&output);
        let is_absent = told.contains("does not have the instruction set");
        assert!(code(&output) == 0 || isa == "avx2" && is_absent, "{told}");
    }
}
