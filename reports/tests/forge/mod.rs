//! What forgers make of honest documents: the inputs of the hostile corpus, a table a kind of attack.
//!
//! A forger signs whatever can be signed, so that nothing but the attack itself stands between input and acceptance. Attacks on form, key
//! and proof are made on a challenge, the shortest signed document: profiles and receipts are read by the same code.

mod cost;
mod form;
mod freshness;
mod keys;
mod lies;
mod members;
mod proofs;

use ed25519_dalek::Signer;
use proofmark_reports::key::SigningKey;
use proofmark_reports::schema::v1::{Beacon, Profile};
use proofmark_reports::{Digest, canonical_json, did_key, document, proof};
use serde_json::{Value, json};

use crate::honest::network::{brief_answer, challenge, network};
use crate::honest::{derive, operator, signed};

/// A folder of the corpus, and what makes its input.
pub(crate) type Attack = (&'static str, fn() -> Vec<u8>);

pub(crate) fn attacks() -> Vec<Attack> {
    [
        form::ATTACKS,
        members::ATTACKS,
        proofs::ATTACKS,
        keys::ATTACKS,
        lies::ATTACKS,
        freshness::ATTACKS,
        cost::ATTACKS,
    ]
    .concat()
}

fn canonical(value: &Value) -> Vec<u8> {
    canonical_json::write(value).unwrap()
}

/// The honest challenge as a tree, signed.
fn signed_tree() -> Value {
    serde_json::to_value(challenge(|_| {})).unwrap()
}

/// The honest challenge as a tree, not yet signed.
fn body() -> Value {
    without_proof(signed_tree())
}

fn without_proof(mut tree: Value) -> Value {
    tree.as_object_mut().unwrap().remove("proof");
    tree
}

/// The honest challenge, changed after it was signed.
fn edited(change: fn(&mut Value)) -> Vec<u8> {
    let mut tree = signed_tree();
    change(&mut tree);
    canonical(&tree)
}

/// The honest challenge, changed before it is signed.
fn sealed(change: fn(&mut Value)) -> Vec<u8> {
    let mut body = body();
    change(&mut body);
    seal(body, configuration(&network()), &network())
}

/// The honest challenge under a changed proof configuration, which is signed too.
fn configured(change: fn(&mut Value)) -> Vec<u8> {
    let mut configuration = configuration(&network());
    change(&mut configuration);
    seal(body(), configuration, &network())
}

/// Everything of a proof but the signature.
fn configuration(key: &SigningKey) -> Value {
    let key = key.verifying_key();
    json!({
        "type": proof::TYPE,
        "cryptosuite": proof::CRYPTOSUITE,
        "created": "2026-11-21T03:59:50Z",
        "verificationMethod": format!("{}#{}", did_key::format(&key), did_key::multibase(&key)),
        "proofPurpose": proof::PURPOSE,
    })
}

/// Signs any JSON as the cryptosuite says, whatever its members.
fn seal(body: Value, configuration: Value, key: &SigningKey) -> Vec<u8> {
    let signature = key.sign(&hashes(&canonical(&configuration), &canonical(&body)));
    with_signature(body, configuration, &signature.to_bytes())
}

/// What the cryptosuite signs.
fn hashes(configuration: &[u8], body: &[u8]) -> Vec<u8> {
    [Digest::of(configuration).0, Digest::of(body).0].concat()
}

fn with_signature(mut body: Value, mut configuration: Value, signature: &[u8]) -> Vec<u8> {
    configuration["proofValue"] = base58(signature).into();
    body["proof"] = configuration;
    canonical(&body)
}

fn base58(bytes: &[u8]) -> String {
    format!("z{}", bs58::encode(bytes).into_string())
}

/// The text of the honest challenge, in which a lenient reader finds the signed content still.
fn respelled(from: &str, to: &str) -> Vec<u8> {
    replaced(&canonical(&signed_tree()), from, to)
}

/// As [`respelled`], of a challenge with the number of a beacon's round.
fn renumbered(round: u64, to: &str) -> Vec<u8> {
    let beacon = Beacon { chain: Digest::of(b"drand"), round, signature: "ab".repeat(48) };
    let text = document::write(&challenge(|c| c.beacon = Some(beacon.clone()))).unwrap();
    replaced(&text, &format!("\"round\":{round}"), &format!("\"round\":{to}"))
}

fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// A profile that answers the honest challenge.
fn profile() -> Profile {
    brief_answer(&challenge(|_| {}))
}

/// A profile that its operator changed before signing.
fn lie(change: fn(&mut Profile)) -> Vec<u8> {
    let mut profile = profile();
    change(&mut profile);
    signed(profile)
}

/// As [`lie`], by an operator who recomputes seeds, heads, figures and coverage.
fn careful_lie(change: fn(&mut Profile)) -> Vec<u8> {
    let mut profile = profile();
    change(&mut profile);
    derive(&mut profile);
    signed(profile)
}

/// As [`lie`], of members that the schema does not have.
fn lie_in_the_tree(change: fn(&mut Value)) -> Vec<u8> {
    let mut tree = serde_json::to_value(profile()).unwrap();
    change(&mut tree);
    seal(tree, configuration_at("2026-11-21T04:02:00Z"), &operator())
}

fn configuration_at(created: &str) -> Value {
    let mut configuration = configuration(&operator());
    configuration["created"] = created.into();
    configuration
}
