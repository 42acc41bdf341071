//! Attacks on the key: signers that are no operator, or under whose key a signature fits many bodies.

use serde_json::Value;

use super::{Attack, base58, body, configuration, network, with_signature};

/// Multicodec prefixes.
const ED25519: [u8; 2] = [0xed, 0x01];
const ED25519_PRIVATE: [u8; 2] = [0x80, 0x26];
const P256: [u8; 2] = [0x80, 0x24];
const SECP256K1: [u8; 2] = [0xe7, 0x01];
const X25519: [u8; 2] = [0xec, 0x01];

pub(super) const ATTACKS: &[Attack] = &[
    // One signature, R = O and S = 0, for whatever is written above it.
    ("key_identity_and_a_body", || under_key(&little_endian(1))),
    ("key_identity_and_another_body", || {
        let mut other = body();
        other["policy"] = "example/2".into();
        under(other, did(&[&ED25519[..], &little_endian(1)].concat()))
    }),
    ("key_of_order_two", || under_key(&below_prime(1))),
    ("key_of_order_four", || under_key(&little_endian(0))),
    ("key_of_order_eight", || under_key(&ORDER_EIGHT)),
    ("key_identity_written_as_p_plus_one", || under_key(&above_prime(1))),
    ("key_written_as_p_plus_three", || under_key(&above_prime(3))),
    ("key_identity_with_a_negative_zero", || {
        let mut key = little_endian(1);
        key[31] = 0x80;
        under_key(&key)
    }),
    ("key_off_the_curve", || under_key(&little_endian(2))),
    ("key_31_bytes", || under_key(&ORDER_EIGHT[..31])),
    ("key_33_bytes", || under_key(&[&ORDER_EIGHT[..], &[0]].concat())),
    ("key_x25519", || under(body(), did(&[&X25519[..], &own()].concat()))),
    ("key_p256", || under(body(), did(&[&P256[..], &[2], &own()].concat()))),
    ("key_secp256k1", || under(body(), did(&[&SECP256K1[..], &[2], &own()].concat()))),
    ("key_private", || under(body(), did(&[&ED25519_PRIVATE[..], &network().to_bytes()].concat()))),
    ("key_without_codec", || under(body(), did(&own()))),
    ("key_with_a_leading_one", || under(body(), did(&[&[0], &ED25519[..], &own()].concat()))),
    ("key_in_hexadecimal", || under(body(), format!("did:key:f{}", "ed01".repeat(17)))),
    ("key_with_a_fragment", || under(body(), format!("{}#key", own_did()))),
    ("key_with_a_version", || under(body(), own_did().replacen("did:key:", "did:key:1.1:", 1))),
    ("key_in_capitals", || under(body(), own_did().to_uppercase())),
    ("key_not_base58", || under(body(), "did:key:z0OIl".to_owned())),
    ("key_of_a_million_digits", || under(body(), format!("did:key:z{}", "2".repeat(1_000_000)))),
    ("key_empty", || under(body(), String::new())),
    ("key_did_web", || under(body(), "did:web:169.254.169.254".to_owned())),
    ("key_did_jwk", || under(body(), "did:jwk:eyJrdHkiOiJPS1AifQ".to_owned())),
];

/// A point of order eight.
const ORDER_EIGHT: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
    0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0xfa,
];

/// The network's own public key.
fn own() -> [u8; 32] {
    network().verifying_key().to_bytes()
}

fn own_did() -> String {
    did(&[&ED25519[..], &own()].concat())
}

fn did(bytes: &[u8]) -> String {
    format!("did:key:{}", base58(bytes))
}

/// The honest challenge in the name of an Ed25519 key.
fn under_key(key: &[u8]) -> Vec<u8> {
    under(body(), did(&[&ED25519[..], key].concat()))
}

/// A challenge in the name of a signer, with the signature that fits every body under the identity.
fn under(mut body: Value, did: String) -> Vec<u8> {
    let mut configuration = configuration(&network());
    let fragment = did.rsplit(':').next().unwrap_or_default();
    configuration["verificationMethod"] = format!("{did}#{fragment}").into();
    body["network"] = did.into();
    with_signature(body, configuration, &[little_endian(1), [0; 32]].concat())
}

fn little_endian(y: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = y;
    bytes
}

/// p = 2^255 - 19 and a little more.
fn above_prime(more: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + more, 0x7f);
    bytes
}

/// p and a little less.
fn below_prime(less: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed - less, 0x7f);
    bytes
}
