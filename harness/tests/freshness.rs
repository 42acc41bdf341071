//! A network asks, an operator answers, the network confirms, anybody verifies.

mod beacon;
mod place;

use std::fs;

use place::{Place, code};
use serde_json::Value;

const SUITE: [&str; 2] = ["--suite", "tiny.toml"];

/// A folder with a challenge for the suite in it.
fn asked(arguments: &[&str]) -> Place {
    let place = Place::new();
    let output = place.proofmark(&[&["challenge", "new"], &SUITE[..], arguments].concat());
    assert!(output.status.success(), "{}", place.told(&output));
    place
}

const ANSWER: [&str; 4] = ["--workload", "embed-exact-f32", "--challenge", "challenge.json"];

#[test]
fn a_challenge_is_answered_received_and_verified() {
    let place = asked(&["--policy", "example/1"]);
    place.certified(&ANSWER);
    let output = place.proofmark(&[&["receipt", "profile.json"], &SUITE[..]].concat());
    assert!(output.status.success(), "{}", place.told(&output));
    assert!(place.told(&output).contains("from challenge to receipt"), "{}", place.told(&output));

    let held = ["--challenge", "challenge.json", "--receipt", "receipt.json"];
    let verify =
        |further: &[&str]| place.proofmark(&[&["verify", "profile.json"], &SUITE[..], further].concat());
    let output = verify(&held);
    assert!(output.status.success(), "{}", place.told(&output));
    assert!(place.told(&output).contains("steps, one after another"), "{}", place.told(&output));
    let json: Value =
        serde_json::from_slice(&verify(&[&held[..], &["--output", "json"]].concat()).stdout).unwrap();
    assert_eq!(json[0]["proven"]["steps"], 6);
    assert!(json[0]["proven"]["elapsed_ns"].as_u64().unwrap() >= 1_000_000_000, "{json}");

    // Anybody sees whose challenge it answers.
    assert!(place.told(&verify(&[])).contains("answers a challenge of did:key:"));
    // A challenge that another network made.
    let other = asked(&[]);
    fs::copy(other.path("challenge.json"), place.path("other.json")).unwrap();
    let output = verify(&["--challenge", "other.json"]);
    assert_eq!(code(&output), 1);
    assert!(place.told(&output).contains("the profile answers another one"), "{}", place.told(&output));
}

#[test]
fn a_challenge_that_cannot_be_answered_is_refused_before_anything_is_measured() {
    let place = asked(&["--valid-for", "1s"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let mut told = place.told(&place.certify(&ANSWER));
    assert!(told.contains("error: the challenge holds from"), "{told}");

    let place = asked(&[]);
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    fs::write(place.path("tiny.toml"), format!("{suite}# changed\n")).unwrap();
    told = place.told(&place.certify(&ANSWER));
    assert!(told.contains("error: the challenge asks for suite"), "{told}");

    let challenge = fs::read_to_string(place.path("challenge.json")).unwrap();
    let policy = challenge.replace("\"policy\":null", "\"policy\":\"any\"");
    fs::write(place.path("challenge.json"), policy).unwrap();
    told = place.told(&place.certify(&ANSWER));
    assert!(told.contains("challenge.json: the signature does not match"), "{told}");
    for bad in [&["--valid-for", "0s"][..], &["--valid-for", "900years"], &["--policy", ""]] {
        let output = place.proofmark(&[&["challenge", "new"], &SUITE[..], bad].concat());
        assert_eq!(code(&output), 2, "{}", place.told(&output));
    }
    assert!(!place.path("profile.json").exists());
}

#[test]
fn a_network_receives_only_valid_answers_to_its_own_challenges() {
    let place = asked(&[]);
    place.certified(&ANSWER);
    let receive = || place.proofmark(&[&["receipt", "profile.json"], &SUITE[..]].concat());
    let state = place.path("state/proofmark/keys/network.pem");
    fs::rename(&state, place.path("kept.pem")).unwrap();
    assert_eq!(code(&receive()), 12, "no key is made for a receipt");
    place.proofmark(&["key", "new", "--role", "network"]);
    let output = receive();
    assert_eq!(code(&output), 1);
    assert!(place.told(&output).contains("its challenge is by did:key:"), "{}", place.told(&output));
    fs::copy(place.path("kept.pem"), &state).unwrap();
    assert!(receive().status.success());
    place.certified(&ANSWER[..2]);
    let output = receive();
    assert_eq!(code(&output), 1);
    assert!(place.told(&output).contains("it answers no challenge"), "{}", place.told(&output));
}

#[test]
fn a_challenge_repeats_a_round_before_which_nothing_was_computed() {
    let place = Place::new();
    let new = |round: &str| {
        fs::write(place.path("round.json"), round).unwrap();
        place.proofmark(&[&["challenge", "new", "--beacon", "round.json"], &SUITE[..]].concat())
    };
    let flipped = new(&beacon::ROUND_1000.replace("fe290b", "fe290a"));
    assert_eq!(code(&flipped), 10);
    assert!(place.told(&flipped).contains("randomness is not the SHA-256 of"), "{}", place.told(&flipped));
    let another = new(&beacon::ROUND_1000.replace("1000", "1001"));
    assert_eq!(code(&another), 10);
    assert!(place.told(&another).contains("is not that of round 1001"), "{}", place.told(&another));
    assert!(!place.path("challenge.json").exists());

    let output = new(beacon::ROUND_1000);
    let told = place.told(&output);
    assert!(told.contains("beacon    drand round 1000, not known before 2023-08-23T15:59:24Z"), "{told}");
    place.certified(&ANSWER);
    let verify = |further: &[&str]| {
        let output = place.proofmark(&[&["verify", "profile.json"], &SUITE[..], further].concat());
        assert_eq!(code(&output), 0, "{}", place.told(&output));
        output
    };
    let told = place.told(&verify(&["--challenge", "challenge.json"]));
    assert!(told.contains("means    nothing was computed before 2023-08-23T15:59:24Z"), "{told}");
    let json: Value = serde_json::from_slice(&verify(&["--output", "json"]).stdout).unwrap();
    assert_eq!(json[0]["begun_after"]["drand_round"], 1000);
    assert_eq!(json[0]["audits"], serde_json::json!([]));
}
