//! Attacks on the proof and its signature.

use ed25519_dalek::Signer;
use proofmark_reports::{Digest, did_key, document, key};
use serde_json::{Value, json};

use super::{
    Attack, base58, body, canonical, challenge, configuration, configured, edited, hashes, network, seal,
    signed_tree, with_signature, without_proof,
};

pub(super) const ATTACKS: &[Attack] = &[
    ("proof_absent", || canonical(&body())),
    ("proof_null", || edited(|tree| tree["proof"] = Value::Null)),
    ("proof_empty_object", || edited(|tree| tree["proof"] = json!({}))),
    ("proof_empty_list", || edited(|tree| tree["proof"] = json!([]))),
    ("proof_set_with_a_bad_one", || {
        edited(|tree| {
            let mut bad = tree["proof"].clone();
            bad["created"] = "2026-11-21T03:59:51Z".into();
            tree["proof"] = json!([tree["proof"], bad]);
        })
    }),
    ("proof_set_of_one_key_twice", || edited(|tree| tree["proof"] = json!([tree["proof"], tree["proof"]]))),
    ("proof_set_of_ten_thousand", || {
        edited(|tree| tree["proof"] = vec![tree["proof"].clone(); 10_000].into())
    }),
    ("proof_as_list_of_its_values", || {
        edited(|tree| {
            let members =
                ["type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"];
            tree["proof"] = members.map(|member| tree["proof"][member].clone()).to_vec().into();
        })
    }),
    ("proof_type_of_another_suite", || configured(|proof| proof["type"] = "Ed25519Signature2020".into())),
    ("proof_cryptosuite_rdfc", || configured(|proof| proof["cryptosuite"] = "eddsa-rdfc-2022".into())),
    ("proof_cryptosuite_ecdsa", || configured(|proof| proof["cryptosuite"] = "ecdsa-jcs-2019".into())),
    ("proof_purpose_authentication", || configured(|proof| proof["proofPurpose"] = "authentication".into())),
    ("proof_with_domain_challenge_and_nonce", || {
        configured(|proof| {
            proof["domain"] = "example.org".into();
            proof["challenge"] = "anything".into();
            proof["nonce"] = "anything".into();
        })
    }),
    ("proof_that_expires", || configured(|proof| proof["expires"] = "2026-11-22T00:00:00Z".into())),
    ("proof_with_a_dangling_previous_proof", || {
        configured(|proof| proof["previousProof"] = "urn:uuid:00000000-0000-0000-0000-000000000000".into())
    }),
    ("proof_with_a_context", || {
        configured(|proof| proof["@context"] = "https://www.w3.org/ns/credentials/v2".into())
    }),
    // A lenient verifier checks that the document's contexts begin with the proof's, and forgets the rest.
    ("proof_context_appended", || {
        let signed = json!(["https://www.w3.org/ns/credentials/v2"]);
        let (mut body, mut configuration) = (body(), configuration(&network()));
        (body["@context"], configuration["@context"]) = (signed.clone(), signed);
        let mut tree: Value = serde_json::from_slice(&seal(body, configuration, &network())).unwrap();
        tree["@context"] = json!(["https://www.w3.org/ns/credentials/v2", "https://example.org/other"]);
        canonical(&tree)
    }),
    ("proof_created_edited", || edited(|tree| tree["proof"]["created"] = "2026-11-21T03:59:51Z".into())),
    ("proof_method_of_another_key", || {
        configured(|proof| {
            let other = key::from_seed(&[9; 32]).verifying_key();
            let method = format!("{}#{}", did_key::format(&other), did_key::multibase(&other));
            proof["verificationMethod"] = method.into();
        })
    }),
    ("proof_method_fragment_of_another_key", || {
        configured(|proof| {
            let (own, other) = (network().verifying_key(), key::from_seed(&[9; 32]).verifying_key());
            let method = format!("{}#{}", did_key::format(&own), did_key::multibase(&other));
            proof["verificationMethod"] = method.into();
        })
    }),
    ("proof_method_without_fragment", || {
        configured(|proof| proof["verificationMethod"] = did_key::format(&network().verifying_key()).into())
    }),
    ("proof_method_relative", || {
        configured(|proof| {
            proof["verificationMethod"] =
                format!("#{}", did_key::multibase(&network().verifying_key())).into();
        })
    }),
    ("signature_by_another_key", || {
        let other = key::from_seed(&[9; 32]);
        seal(body(), configuration(&other), &other)
    }),
    ("signature_by_another_key_under_the_right_name", || {
        seal(body(), configuration(&network()), &key::from_seed(&[9; 32]))
    }),
    ("signature_of_another_document", || {
        let other = document::write(&challenge(|c| c.nonce = Digest::of(b"other"))).unwrap();
        let other: Value = serde_json::from_slice(&other).unwrap();
        let mut tree = signed_tree();
        tree["proof"] = other["proof"].clone();
        canonical(&tree)
    }),
    ("signature_of_the_body_alone", || signed_over(|_, body| Digest::of(body).0.to_vec())),
    ("signature_of_the_bytes", || signed_over(|_, body| body.to_vec())),
    ("signature_of_swapped_hashes", || signed_over(|configuration, body| hashes(body, configuration))),
    ("signature_plus_group_order", || respelt(|signature| base58(&plus_group_order(signature)))),
    ("signature_of_zeros", || respelt(|_| base58(&[0; 64]))),
    ("signature_63_bytes", || respelt(|signature| base58(&signature[..63]))),
    ("signature_65_bytes", || respelt(|signature| base58(&[signature, &[0]].concat()))),
    ("signature_with_leading_ones", || respelt(|signature| base58(signature).replacen('z', "z11", 1))),
    ("signature_with_a_space", || respelt(|signature| base58(signature) + " ")),
    ("signature_without_multibase_prefix", || respelt(|signature| base58(signature)[1..].to_owned())),
    ("signature_in_hexadecimal", || {
        respelt(|signature| {
            format!("f{}", signature.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        })
    }),
    ("signature_in_base64url", || respelt(|signature| format!("u{}", base64url(signature)))),
    ("signature_empty", || respelt(|_| String::new())),
    ("body_edited", || edited(|tree| tree["policy"] = "example/2".into())),
    ("body_member_added", || edited(|tree| tree["extra"] = 1.into())),
    ("body_member_nulled", || edited(|tree| tree["policy"] = Value::Null)),
];

/// The honest challenge with a signature of other bytes than the cryptosuite's.
fn signed_over(data: fn(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
    let (body, configuration) = (body(), configuration(&network()));
    let signature = network().sign(&data(&canonical(&configuration), &canonical(&body)));
    with_signature(body, configuration, &signature.to_bytes())
}

/// The honest challenge with another text for its signature.
fn respelt(spelling: fn(&[u8]) -> String) -> Vec<u8> {
    let mut tree = signed_tree();
    let text = tree["proof"]["proofValue"].as_str().unwrap().to_owned();
    tree["proof"]["proofValue"] = spelling(&bs58::decode(&text[1..]).into_vec().unwrap()).into();
    assert_ne!(tree, signed_tree());
    assert_eq!(without_proof(tree.clone()), body());
    canonical(&tree)
}

/// The same signature with `S + L` for `S`, which a verifier without the check of RFC 8032 accepts.
fn plus_group_order(signature: &[u8]) -> Vec<u8> {
    // L = 2^252 + 27742317777372353535851937790883648493, little-endian
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = signature.to_vec();
    let mut carry = 0;
    for (byte, addend) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    bytes
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |group: u32, place: usize| char::from(DIGITS[(group >> (18 - 6 * place)) as usize & 63]);
    let text = |chunk: &[u8]| {
        let group = (0..3).fold(0, |group, i| group << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        (0..=chunk.len()).map(|place| digit(group, place)).collect::<String>()
    };
    bytes.chunks(3).map(text).collect()
}
