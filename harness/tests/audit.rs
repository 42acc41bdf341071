//! An audit computes answers again: an honest profile passes on every instruction set, a faked answer does not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beacon;
mod forger;
mod place;

use std::fs;

use forger::Forger;
use forger::answers::kept_file;
use place::{FIXTURES, Place, code};
use proofmark::cell::model::Model;
use proofmark_models::Numerics;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::{AuditPredicate, Kept, KeptOutput};
use proofmark_reports::document::{self, Document};
use proofmark_reports::profile::challenge_digest;
use proofmark_reports::schema::v1::{NetworkChallenge, Profile, Receipt};
use proofmark_reports::{Digest, did_key, in_toto, key};
use serde_json::Value;

fn audit(place: &Place, arguments: &[&str]) -> (i32, String, Option<AuditPredicate>) {
    let _ = fs::remove_file(place.path("audit.json"));
    let output =
        place.proofmark(&[&["audit", "profile.json", "--suite", "tiny.toml", "--quiet"], arguments].concat());
    let result = fs::read(place.path("audit.json")).ok();
    let result = result.map(|bytes| in_toto::open::<AuditPredicate>(&bytes).unwrap().statement.predicate);
    (code(&output), place.told(&output), result)
}

#[test]
fn an_honest_profile_passes_whole_on_every_instruction_set() {
    let place = Place::new();
    let profile = place.certified(&[]);
    for arguments in [&["--threads", "1"][..], &["--isa", "portable"]] {
        let (code, told, result) = audit(&place, &[&["--answers", "1000000"], arguments].concat());
        assert_eq!(code, 0, "{told}");
        let result = result.unwrap();
        assert_eq!(
            (result.mismatches.len(), result.indices.len(), result.skipped.len()),
            (0, 10, 0),
            "{told}"
        );
        assert_eq!(result.steps_checked, result.steps_total, "{told}");
        for (checked, cell) in result.indices.iter().zip(profile["cells"].as_array().unwrap()) {
            assert_eq!(checked.tenth_missed_ppm, 0, "{told}");
            // Bit for bit, or by how far sketches are.
            assert_eq!(checked.tolerance.is_some(), cell["numerics"] == "native", "{told}");
        }
    }
}

#[test]
fn a_native_cell_covers_demand_once_an_audit_of_it_is_given() {
    let place = Place::new();
    place.certified(&["--workload", "embed-native-f32"]);
    fs::write(place.path("demand.csv"), "workload,share\nembed-native-f32,1\n").unwrap();
    let compare = |arguments: &[&str]| -> Value {
        let all =
            ["compare", "profile.json", "--suite", "tiny.toml", "--demand", "demand.csv", "--output", "json"];
        let output = place.proofmark(&[&all, arguments].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", place.told(&output)))
    };
    let unaudited = compare(&[]);
    assert_eq!(unaudited["demand"][0]["failing_factor"], "verified");
    assert_eq!(unaudited["coverage"]["high"], 0.0);

    let (code, told, _) = audit(&place, &[]);
    assert_eq!(code, 0, "{told}");
    let audited = compare(&["--audit", "audit.json"]);
    assert_eq!(audited["demand"][0]["failing_factor"], Value::Null);
    assert!(audited["coverage"]["value"].as_f64().unwrap() > 0.0, "{}", audited["coverage"]);
    // An audit of nothing that is there is listed, and changes nothing.
    fs::write(place.path("broken.json"), "{}").unwrap();
    let refused = &compare(&["--audit", "broken.json"])["refused"][0];
    assert_eq!(refused["file"], "broken.json");
}

#[test]
fn what_was_kept_of_outputs_is_held_against_the_profile() {
    let place = Place::new();
    place.certified(&["--workload", "generate-*"]);
    let all = ["--answers", "1000000"];
    let kept = fs::read_to_string(place.path("profile.json.outputs")).unwrap();
    // Without it exact answers cost more, and native ones cannot be checked.
    fs::rename(place.path("profile.json.outputs"), place.path("elsewhere")).unwrap();
    let (code, told, result) = audit(&place, &all);
    let result = result.unwrap();
    assert_eq!((code, result.indices.len(), result.skipped.len()), (0, 2, 2), "{told}");
    assert_eq!(result.skipped[0].reason, "what was kept of its outputs is not at hand");
    // Other tokens and numbers are nobody's word, and accuse nobody.
    let edited: Vec<String> = kept
        .lines()
        .map(|line| line.replace("[[", "[[7,").replace("\"values\":[", "\"values\":[7,"))
        .collect();
    fs::write(place.path("edited"), edited.join("\n") + "\n").unwrap();
    let (code, told, edited) = audit(&place, &[&all[..], &["--outputs", "edited"]].concat());
    let edited = edited.unwrap();
    assert_eq!((code, edited.indices.len(), edited.skipped.len()), (0, 2, 2), "{told}");
    let (code, told, whole) = audit(&place, &[&all[..], &["--outputs", "elsewhere"]].concat());
    assert_eq!((code, whole.unwrap().indices.len()), (0, 4), "{told}");
    for (name, text, expected) in [
        ("cut", &kept[..kept.len() - 1], "is cut off or too long"),
        (
            "other",
            "{\"kind\":\"proofmark.kept_outputs\",\"schema\":\"9.0.0\"}\n",
            "it is proofmark.kept_outputs 9.0.0",
        ),
        ("none", "", "it is empty"),
        ("text", "outputs\n", "line 1 is of another form"),
    ] {
        fs::write(place.path(name), text).unwrap();
        let (code, told, result) = audit(&place, &["--outputs", name]);
        assert!(code == 10 && result.is_none() && told.contains(expected), "{told}");
    }
}

#[test]
fn an_answer_in_native_numerics_from_other_weights_is_found() {
    let place = Place::new();
    // The encoder's weights are those of a fixture instead of the suite's.
    let weights = format!("encoder={FIXTURES}/bert_embedding");
    place.certified(&["--workload", "embed-native-f32", "--weights", &weights]);
    let forger = Forger::of(&place);
    let genuine = Place::new();
    genuine.certified(&["--workload", "embed-native-f32"]);
    let suites = Forger::of(&genuine).profile.cells[0].weights.clone();
    let forged = forger.forge(|profile| profile.cells[0].weights.clone_from(&suites));
    fs::write(place.path("profile.json"), forged).unwrap();
    let (code, told, result) = audit(&place, &["--answers", "1000000"]);
    let result = result.unwrap();
    let checked = &result.indices[0];
    assert_eq!((code, checked.mismatched), (1, checked.answers), "{told}");
    let tolerance = checked.tolerance.unwrap();
    assert!(tolerance.largest_distance_ppm > 1000 * tolerance.tolerance_ppm, "{tolerance:?}");
}

#[test]
fn any_faked_answer_is_found_where_all_are_checked() {
    let place = Place::new();
    place.certified(&["--numerics", "exact"]);
    let forger = Forger::of(&place);
    let fakes: [fn(&mut Profile); 3] = [
        |profile| profile.cells[0].rounds[1].output_digests[2] = Digest::of(b"invented"),
        |profile| profile.cells[4].rounds[0].output_digests[0] = Digest::of(b"invented"),
        |profile| {
            let searched = profile.cells.iter_mut().filter_map(|cell| cell.capacity.as_mut());
            let trial = searched.flat_map(|capacity| &mut capacity.trials).next().unwrap();
            trial.output_digests[7] = Digest::of(b"invented");
        },
    ];
    for fake in fakes {
        fs::write(place.path("profile.json"), forger.forge(fake)).unwrap();
        let verified = place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]);
        assert!(verified.status.success(), "the lie is consistent: {}", place.told(&verified));
        let (code, told, result) = audit(&place, &["--answers", "1000000"]);
        assert_eq!(code, 1, "{told}");
        // The answers behind a faked step come from other seeds, which the forger did not run.
        let mismatches = result.unwrap().mismatches;
        assert!(mismatches.iter().any(|mismatch| mismatch.stated == Digest::of(b"invented")), "{told}");
    }
}

/// Tokens of a cheap model, and what the genuine one makes of them in one prefill.
#[test]
fn an_answer_behind_tokens_that_the_model_would_not_write_is_found() {
    let place = Place::new();
    place.certified(&["--workload", "generate-exact-f32"]);
    let forger = Forger::of(&place);
    let workload = forger.suite.workload("generate-exact-f32").unwrap();
    let model = Model::load(workload, None, Numerics::Exact(Isa::detect())).unwrap();
    let tokens = vec![vec![7; 4]; 2];
    let mut faked = None;
    let forged = forger.forge_with(
        |_| {},
        |asked| {
            if asked.place != 2 {
                return asked.stated;
            }
            let input = model.prepare(vec![workload.input(asked.seed)]).unwrap();
            let digest = Digest(model.replay(&input, &tokens).unwrap().digest().unwrap());
            *faked.insert(digest)
        },
    );
    let kept = KeptOutput { digest: faked.unwrap(), kept: Kept::Tokens(tokens.clone()) };
    fs::write(place.path("profile.json"), forged).unwrap();
    fs::write(place.path("profile.json.outputs"), kept_file(&[kept])).unwrap();
    let (code, told, result) = audit(&place, &["--answers", "1000000"]);
    let mismatches = result.unwrap().mismatches;
    assert!(code == 1 && mismatches.iter().any(|mismatch| Some(mismatch.stated) == faked), "{told}");
}

#[test]
fn the_nonce_decides_what_is_checked() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let nonce = Digest::of(b"auditor").to_string();
    let places = |nonce: &str| {
        let (code, told, result) = audit(&place, &["--answers", "3", "--nonce", nonce]);
        assert_eq!(code, 0, "{told}");
        result.unwrap().indices[0].places.clone()
    };
    assert_eq!(places(&nonce).len(), 3);
    assert_eq!(places(&nonce), places(&nonce));
    let others: Vec<Vec<u64>> = (0..4_u8).map(|other| places(&Digest::of(&[other]).to_string())).collect();
    assert!(others.iter().any(|other| *other != places(&nonce)), "{others:?}");
}

#[test]
fn a_profile_that_is_refused_is_not_audited() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let text = fs::read_to_string(place.path("profile.json")).unwrap();
    fs::write(place.path("profile.json"), text.replacen("\"threads\":", "\"threads\":1", 1)).unwrap();
    let (code, told, result) = audit(&place, &[]);
    assert_eq!((code, result), (1, None), "{told}");
    assert!(told.contains("is not audited"), "{told}");
}

/// Keys, digests and numbers vary from run to run.
fn without_measurements(text: &str) -> String {
    let redacted = text.split_inclusive([' ', '\n']).map(|piece| {
        let (word, space) = piece.split_at(piece.trim_end().len());
        let bare = word.trim_end_matches([':', ',', ';']);
        let is_digest = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = match bare {
            _ if bare.starts_with("did:key:") => "[DID]",
            _ if is_digest => "[DIGEST]",
            _ if bare.starts_with(|c: char| c.is_ascii_digit()) => "[N]",
            _ => bare,
        };
        format!("{name}{}{space}", &word[bare.len()..])
    });
    redacted.collect()
}

const VERIFY: [&str; 4] = ["verify", "profile.json", "--suite", "tiny.toml"];

#[test]
fn an_audit_is_verified_with_its_profile_and_with_no_other() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    assert_eq!(audit(&place, &["--answers", "3"]).0, 0);
    let verify = |further: &[&str]| place.proofmark(&[&VERIFY[..], further].concat());
    let output = verify(&["--audit", "audit.json"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!("verified", without_measurements(&place.told(&output)));
    let output = verify(&["--audit", "audit.json", "--audit", "audit.json", "--output", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[0]["audits"].as_array().unwrap().len(), 2);
    let told = &json[0]["audits"][1];
    assert_eq!((&told["kind"], &told["drawn_by"]), (&Value::from("private"), &Value::Null));
    assert_eq!((&told["steps_checked"], &told["mismatches"]), (&Value::from(3), &Value::from(0)));

    // The same key may sign another profile of the same machine.
    place.certified(&["--workload", "embed-exact-f32"]);
    let output = verify(&["--audit", "audit.json"]);
    assert_eq!(code(&output), 1);
    for fact in ["subject is", "report_id is", "body_digest is"] {
        assert!(place.told(&output).contains(fact), "{}", place.told(&output));
    }
    assert_eq!(code(&verify(&["--audit", "absent.json"])), 10);
}

#[test]
fn a_profile_with_a_faked_answer_is_refused_with_its_audit() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let fake = |profile: &mut Profile| profile.cells[0].rounds[1].output_digests[2] = Digest::of(b"invented");
    fs::write(place.path("profile.json"), Forger::of(&place).forge(fake)).unwrap();
    assert_eq!(audit(&place, &["--answers", "1000000"]).0, 1);
    let output = place.proofmark(&[&VERIFY[..], &["--audit", "audit.json"]].concat());
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!("differs", without_measurements(&place.told(&output)));
}

#[test]
fn an_audit_by_the_operators_own_key_proves_nothing() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    assert_eq!(audit(&place, &["--key", "state/proofmark/keys/operator.pem"]).0, 0);
    let output = place.proofmark(&[&VERIFY[..], &["--audit", "audit.json"]].concat());
    assert_eq!(code(&output), 1);
    assert!(place.told(&output).contains("signed by the profile's operator"), "{}", place.told(&output));
}

/// A genuine round after a receipt of today is not to be had here; `reports/tests/audits.rs` has a whole public audit.
#[test]
fn a_round_that_is_not_the_first_after_the_receipt_decides_nothing() {
    let place = Place::new();
    fs::write(place.path("round.json"), beacon::ROUND_1000).unwrap();
    let asked = place.proofmark(&["challenge", "new", "--suite", "tiny.toml"]);
    assert!(asked.status.success(), "{}", place.told(&asked));
    place.certified(&["--workload", "embed-exact-f32", "--challenge", "challenge.json"]);
    let received = place.proofmark(&["receipt", "profile.json", "--suite", "tiny.toml"]);
    let told = place.told(&received);
    let number: u64 = told.split("drand round ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(told.contains(&format!("/public/{number}\n")), "{told}");

    let public = ["--beacon", "round.json", "--receipt", "receipt.json"];
    let (code, told, result) = audit(&place, &public);
    assert_eq!((code, result), (10, None), "{told}");
    let first = format!("beacon: round {number} is the first after the receipt of");
    assert!(told.contains(&first) && told.contains(&format!("/public/{number})")), "{told}");

    let forged = beacon::ROUND_1000.replace("1000", &number.to_string());
    fs::write(place.path("round.json"), forged).unwrap();
    let (code, told, _) = audit(&place, &public);
    assert_eq!(code, 10, "{told}");
    assert!(told.contains(&format!("round.json: the signature is not that of round {number}")), "{told}");

    // A receipt of another profile.
    place.certified(&["--workload", "embed-exact-f32", "--challenge", "challenge.json"]);
    fs::write(place.path("round.json"), beacon::ROUND_1000).unwrap();
    let (code, told, _) = audit(&place, &public);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("is not audited: receipt: it is of body"), "{told}");

    let nonce = Digest::of(b"mine").to_string();
    for half in [&public[..2], &public[2..], &[&public[..], &["--nonce", &nonce]].concat()] {
        let (code, told, _) = audit(&place, half);
        assert_eq!(code, 2, "{told}");
    }
}

/// No server of drand is asked here: the round is a genuine one of 2023, and a profile is made to look as if it had been received just
/// before it. Its answers stay the honest ones, because times are not in the chain.
#[test]
fn a_public_audit_is_made_and_verified() {
    let place = Place::new();
    let network = key::from_seed(&[7; 32]);
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    let asked = NetworkChallenge {
        kind: NetworkChallenge::KIND.to_owned(),
        schema: NetworkChallenge::SCHEMA.to_owned(),
        network: did_key::format(&network.verifying_key()),
        suite: Digest::of(suite.as_bytes()),
        policy: None,
        nonce: Digest::of(b"network"),
        not_before: "2023-08-23T15:57:20Z".to_owned(),
        expires_at: "2123-08-23T15:57:20Z".to_owned(),
        beacon: None,
        proof: None,
    };
    let asked = document::sign(asked, "2023-08-23T15:57:20Z".parse().unwrap(), &network).unwrap();
    fs::write(place.path("challenge.json"), &asked).unwrap();
    place.certified(&["--workload", "generate-exact-f32", "--challenge", "challenge.json"]);
    let bytes = Forger::of(&place).forge(|profile| {
        profile.started_at = "2023-08-23T15:57:30Z".to_owned();
        profile.sittings[0].started_at.clone_from(&profile.started_at);
        profile.finished_at = "2023-08-23T15:59:10Z".to_owned();
    });
    fs::write(place.path("profile.json"), &bytes).unwrap();
    let opened = document::open::<Profile>(&bytes).unwrap();
    let received_at = "2023-08-23T15:59:22Z";
    let receipt = Receipt {
        kind: Receipt::KIND.to_owned(),
        schema: Receipt::SCHEMA.to_owned(),
        network: did_key::format(&network.verifying_key()),
        body_digest: opened.body_digest,
        challenge_digest: challenge_digest(&opened.document.challenge).unwrap(),
        received_at: received_at.to_owned(),
        proof: None,
    };
    let receipt = document::sign(receipt, received_at.parse().unwrap(), &network).unwrap();
    fs::write(place.path("receipt.json"), receipt).unwrap();

    fs::write(place.path("beacon.json"), beacon::ROUND_1000).unwrap();
    let (code, told, result) = audit(&place, &["--beacon", "beacon.json", "--receipt", "receipt.json"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(result.unwrap().beacon.unwrap().round, 1000);
    let verified =
        place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml", "--audit", "audit.json"]);
    let told = place.told(&verified);
    assert!(verified.status.success() && told.contains("public: drand round 1000 of"), "{told}");
}
