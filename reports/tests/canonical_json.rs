//! What `canonical_json` reads and writes, held against an independent implementation of RFC 8785.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;
mod mutation;

use honest::network::{brief_answer, challenge, receipt};
use honest::signed;
use mutation::{Mutation, mutations};
use proofmark_reports::canonical_json::{Limits, MAX_SAFE_INTEGER, parse, write};
use proofmark_reports::document;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// The same text by `serde_json` and `serde_json_canonicalizer`.
fn canonical_reference(text: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(text).unwrap();
    serde_json_canonicalizer::to_vec(&value).unwrap()
}

#[test]
fn the_oracle_sorts_and_rounds_as_the_rfc_says() {
    let text = "{\"b\":1.50,\"a\":1e21,\"\u{1f600}\":2,\"\u{fb33}\":\"\\u0000\\/\"}";
    let expected = "{\"a\":1e+21,\"b\":1.5,\"\u{1f600}\":2,\"\u{fb33}\":\"\\u0000/\"}";
    assert_eq!(canonical_reference(text.as_bytes()), expected.as_bytes());
}

#[test]
fn honest_documents_are_what_the_oracle_writes() {
    let challenge = challenge(|_| {});
    let profile = brief_answer(&challenge);
    let receipt = receipt(&profile, |_| {});
    for bytes in [signed(profile), document::write(&challenge).unwrap(), document::write(&receipt).unwrap()] {
        assert_eq!(canonical_reference(&bytes), bytes);
    }
}

/// Values whose texts and names are made by `text` and `name`.
fn value(text: &'static str, name: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).prop_map(Value::from),
        (-9_i64..=9).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name, inner, 0..6).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn document(text: &'static str, name: &'static str) -> impl Strategy<Value = Value> {
    btree_map(name, value(text, name), 0..8).prop_map(|members| Value::Object(Map::from_iter(members)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn it_writes_what_the_oracle_writes(document in document("\\PC{0,12}|[\\x00-\\x7f]{0,12}", "\\PC{0,6}")) {
        prop_assert_eq!(write(&document).unwrap(), serde_json_canonicalizer::to_vec(&document).unwrap());
    }

    #[test]
    fn it_reads_every_document_of_its_profile(document in document("[ -~]{0,12}", "[a-z][a-z0-9_]{0,6}")) {
        let bytes = serde_json_canonicalizer::to_vec(&document).unwrap();
        prop_assert_eq!(Value::Object(parse(&bytes, Limits::default()).unwrap().tree()), document);
    }

    #[test]
    fn whatever_it_reads_the_oracle_writes_back(
        document in document("[ -~]{0,12}", "[a-z][a-z0-9_]{0,6}"),
        mutations in mutations(3),
    ) {
        let bytes = Mutation::apply_all(&mutations, &write(&document).unwrap());
        if let Ok(read) = parse(&bytes, Limits::default()) {
            prop_assert_eq!(canonical_reference(&bytes), &bytes[..]);
            prop_assert_eq!(write(&read.tree()).unwrap(), &bytes[..]);
        }
    }
}
