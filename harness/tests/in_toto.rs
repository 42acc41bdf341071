//! The statement beside a profile: written with it, verified with it, and refused where it is another's.

mod place;

use std::fs;
use std::process::Output;

use place::{Place, code};
use serde_json::Value;

const RUN: [&str; 4] = ["--workload", "embed-exact-f32", "--in-toto", "statement.json"];

fn verify(place: &Place, profile: &str, statement: &str) -> Output {
    place.proofmark(&["verify", profile, "--suite", "tiny.toml", "--in-toto", statement])
}

#[track_caller]
fn refused(place: &Place, output: &Output, expected: &str) {
    let told = place.told(output);
    assert_eq!(code(output), 1, "{told}");
    assert!(told.contains(expected), "expected `{expected}`: {told}");
}

#[test]
fn a_statement_is_written_beside_its_profile_and_verified_with_it() {
    let place = Place::new();
    let output = place.certify(&RUN);
    assert!(output.status.success(), "{}", place.told(&output));
    let next = "in-toto  statement.json\nnext     proofmark verify profile.json --in-toto statement.json\n";
    assert!(place.told(&output).contains(next), "{}", place.told(&output));
    assert_eq!(
        place.files(),
        ["profile.json", "profile.json.outputs", "state", "statement.json", "tiny.toml"]
    );

    let envelope: Value = serde_json::from_slice(&fs::read(place.path("statement.json")).unwrap()).unwrap();
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    assert_eq!(envelope["signatures"][0]["keyid"], place.profile()["operator"]);

    let output = verify(&place, "profile.json", "statement.json");
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    let told = "in-toto  statement.json is the operator's statement about this file\n";
    assert!(place.told(&output).contains(told), "{}", place.told(&output));
}

#[test]
fn a_statement_of_another_run_or_another_operator_is_refused() {
    let place = Place::new();
    place.certified(&RUN);
    fs::rename(place.path("profile.json"), place.path("first.json")).unwrap();
    place.certified(&RUN[..2]);
    let output = verify(&place, "profile.json", "statement.json");
    refused(&place, &output, "  - statement: it is about ");
    refused(&place, &output, "  - statement: its predicate is not what the profile says\n");
    assert_eq!(code(&verify(&place, "first.json", "statement.json")), 0);

    let other = Place::new();
    other.certified(&RUN);
    fs::copy(other.path("statement.json"), place.path("foreign.json")).unwrap();
    let output = verify(&place, "first.json", "foreign.json");
    refused(&place, &output, "  - statement: it is signed by did:key:");
}

#[test]
fn an_edited_statement_is_refused() {
    let place = Place::new();
    place.certified(&RUN);
    let envelope = fs::read_to_string(place.path("statement.json")).unwrap();
    for (from, to, expected) in [
        ("\"payload\":\"eyJf", "\"payload\":\"eyJg", "statement: the signature does not match the payload"),
        ("\"sig\":\"", "\"sig\":\"AAAA", "statement: sig is not 64 bytes in padded standard base64"),
        ("{\"payload\"", "{ \"payload\"", "statement: not canonical JSON: byte 1"),
        ("in-toto+json", "in-toto", "statement: payloadType is `application/vnd.in-toto`"),
        ("\"signatures\":[", "\"signatures\":[],\"x\":[", "statement: x: unknown field"),
    ] {
        assert!(envelope.contains(from), "{from}");
        fs::write(place.path("edited.json"), envelope.replacen(from, to, 1)).unwrap();
        refused(&place, &verify(&place, "profile.json", "edited.json"), expected);
    }
    // A profile is no statement.
    refused(&place, &verify(&place, "profile.json", "profile.json"), "statement: not canonical JSON");
    let absent = verify(&place, "profile.json", "absent.json");
    assert_eq!(code(&absent), 10, "{}", place.told(&absent));
}

#[test]
fn a_statement_without_a_place_is_refused_before_anything_is_measured() {
    let place = Place::new();
    let elsewhere = "choose another place with --in-toto FILE";
    let shared = "--out, --outputs and --in-toto name them";
    for (file, expected, hint) in [
        ("state", 11, elsewhere),
        ("absent/statement.json", 11, elsewhere),
        ("./profile.json", 2, shared),
        ("profile.json.outputs", 2, shared),
    ] {
        fs::create_dir_all(place.path("state")).unwrap();
        let output = place.certify(&["--workload", "embed-exact-f32", "--in-toto", file]);
        let told = place.told(&output);
        assert_eq!(code(&output), expected, "{told}");
        assert!(told.contains(&format!("(hint: {hint})")), "{told}");
        assert!(!told.contains("round"), "{told}");
    }
    assert_eq!(place.files(), ["state", "tiny.toml"]);
}
