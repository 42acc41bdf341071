//! Forms of texts, and what `extensions` may hold, for the JSON Schema of the wire types: a member that is narrower than its type
//! says `with = "form::Time"`.
//!
//! Patterns keep to what all dialects of regular expressions share. In some of them `$` stands before a final newline too, so each
//! has its length beside it.
#![expect(dead_code, reason = "the types stand for their schemas")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::canonical_json::MAX_SAFE_INTEGER;

/// A base58 digit.
const BASE58: &str = "[1-9A-HJ-NP-Za-km-z]";

/// SHA-256, or 32 bytes of another origin, in hexadecimal digits.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$", "maxLength" = 64))]
pub(crate) struct Digest(String);

/// A second of UTC.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = format!("^{}$", time()), "maxLength" = 20))]
pub(crate) struct Time(String);

/// An Ed25519 public key as `did:key`.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = format!("^{}$", did_key()), "maxLength" = 56))]
pub(crate) struct DidKey(String);

/// A `did:key`, `#`, and the same key in multibase.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = format!("^{}#{}$", did_key(), multibase()), "maxLength" = 105))]
pub(crate) struct VerificationMethod(String);

/// 64 bytes in multibase: of no one length, so a final newline is refused in words of its own.
#[derive(JsonSchema)]
#[schemars(extend(
    "pattern" = format!("^z{BASE58}{{64,88}}$"),
    "maxLength" = 89,
    "not" = { "type": "string", "pattern": "[^!-~]" }
))]
pub(crate) struct Signature(String);

/// Whatever canonical JSON can say.
pub(crate) struct Free;

impl JsonSchema for Free {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Free".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whatever canonical JSON can say.",
            "anyOf": [
                {"type": ["null", "boolean"]},
                {"type": "integer", "minimum": -MAX_SAFE_INTEGER, "maximum": MAX_SAFE_INTEGER},
                {"type": "string"},
                generator.subschema_for::<Vec<Free>>(),
                generator.subschema_for::<BTreeMap<String, Free>>(),
            ],
        })
    }
}

/// Months of 31 days: no pattern tells how long they are.
fn time() -> String {
    let date = "(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    format!("{date}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
}

/// 0xed 0x01 before 32 bytes are always these three digits, and 44 follow.
fn multibase() -> String {
    format!("z6Mk{BASE58}{{44}}")
}

fn did_key() -> String {
    format!("did:key:{}", multibase())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use proptest::string::string_regex;
    use regex::Regex;

    use super::*;
    use crate::{Timestamp, did_key, key, proof};

    /// Whether the schema of a text takes it.
    fn takes<T: JsonSchema>(text: &str) -> bool {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let of = |keyword: &str| schema.get(keyword).unwrap();
        let is_short = text.len() as u64 <= of("maxLength").as_u64().unwrap();
        is_short && Regex::new(of("pattern").as_str().unwrap()).unwrap().is_match(text)
    }

    fn within_all_months() -> impl Strategy<Value = String> {
        string_regex(&time().replace("[12][0-9]|3[01]", "1[0-9]|2[0-8]")).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_signed_has_the_forms(seed: [u8; 32], body: [u8; 32]) {
            let (body, key) = (crate::Digest(body), key::from_seed(&seed));
            let proof = proof::sign(body, "", &key).unwrap();
            prop_assert!(takes::<Digest>(&body.to_string()));
            prop_assert!(takes::<DidKey>(&did_key::format(&key.verifying_key())));
            prop_assert!(takes::<VerificationMethod>(&proof.verification_method));
            prop_assert!(takes::<Signature>(&proof.proof_value));
        }

        #[test]
        fn each_time_has_the_form(seconds in 0..253_402_300_800_u64) {
            let time = Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert!(takes::<Time>(&time.to_string()));
        }

        #[test]
        fn what_has_the_form_of_a_time_and_a_day_of_each_month_is_one(text in within_all_months()) {
            prop_assert!(text.parse::<Timestamp>().is_ok(), "{text}");
        }

        #[test]
        fn what_has_the_form_of_a_digest_is_one(text in "[0-9a-f]{64}") {
            prop_assert!(takes::<Digest>(&text) && text.parse::<crate::Digest>().is_ok());
        }
    }

    #[test]
    fn the_shortest_and_the_longest_signature_have_the_form() {
        for byte in [0, 255] {
            assert!(takes::<Signature>(&format!("z{}", bs58::encode([byte; 64]).into_string())));
        }
        for length in [63, 89] {
            assert!(!takes::<Signature>(&format!("z{}", "1".repeat(length))));
        }
    }

    #[test]
    fn the_first_and_the_last_key_begin_alike() {
        for byte in [0, 255] {
            let bytes = [&[0xed, 0x01][..], &[byte; 32]].concat();
            assert!(takes::<DidKey>(&format!("did:key:z{}", bs58::encode(bytes).into_string())));
        }
    }
}
