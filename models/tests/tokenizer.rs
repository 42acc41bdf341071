//! A tokenizer gives the tokens that Python gives, and nothing is done with a file that is not what it should be.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proofmark_models::{Error, Pin, Tokenizer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tokenizer");

fn fixture() -> Vec<u8> {
    fs::read(format!("{FIXTURE}/tokenizer.json")).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(format!("{FIXTURE}/expected.json")).unwrap()).unwrap()
}

/// What becomes of a folder with these bytes as tokenizer, for a model of 256 tokens.
fn opened(bytes: &[u8]) -> Result<Option<Tokenizer>, Error> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), bytes).unwrap();
    Tokenizer::open(folder.path(), None, 256)
}

#[test]
fn tokens_are_those_of_python_without_special_ones_padding_or_truncation() {
    let tokenizer = Tokenizer::open(Path::new(FIXTURE), None, 256).unwrap().unwrap();
    let expected = expected();
    for case in expected["cases"].as_array().unwrap() {
        let tokens = tokenizer.encode(case["text"].as_str().unwrap()).unwrap();
        assert_eq!(json!(tokens), case["tokens"], "{}", case["text"]);
        assert_eq!(json!(tokenizer.decode(&tokens).unwrap()), case["decoded"], "{}", case["text"]);
    }
}

#[test]
fn a_vocabulary_that_is_larger_than_the_models_is_refused_by_name() {
    let vocab = expected()["vocab"].as_u64().unwrap() as usize;
    assert!(Tokenizer::open(Path::new(FIXTURE), None, vocab).unwrap().is_some());
    let error = Tokenizer::open(Path::new(FIXTURE), None, vocab - 1).unwrap_err().to_string();
    let fact = format!("tokenizer.json has token id {}, the model's vocabulary has {}", vocab - 1, vocab - 1);
    assert!(error.ends_with(&fact), "{error}");
}

#[test]
fn a_folder_without_a_tokenizer_has_none_and_one_without_a_pin_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Tokenizer::open(folder.path(), None, 256).unwrap().is_none());
    assert!(Tokenizer::open(Path::new(FIXTURE), Some(&BTreeMap::new()), 256).unwrap().is_none());
}

#[test]
fn a_pinned_tokenizer_has_the_digest_of_its_pin() {
    let bytes = fixture();
    let pin = |sha256| Pin { size_bytes: bytes.len() as u64, sha256 };
    let with = |pin| {
        let pins = BTreeMap::from([("tokenizer.json".to_owned(), pin)]);
        Tokenizer::open(Path::new(FIXTURE), Some(&pins), 256)
    };
    assert!(with(pin(Sha256::digest(&bytes).into())).unwrap().is_some());
    let error = with(pin([0; 32])).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json is damaged: its SHA-256 is"), "{error}");
}

#[test]
fn what_is_no_tokenizer_is_refused_by_name() {
    for bytes in [&b""[..], b"{}", b"[]", b"null", b"{\"model\": {}}", &[0xff; 9], &b"[".repeat(100_000)] {
        let error = opened(bytes).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json is damaged: "), "{error}");
    }
    let empty = json!({"version": "1.0", "model": {"type": "WordLevel", "vocab": {}, "unk_token": "x"}});
    let error = opened(empty.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.ends_with("tokenizer.json is damaged: no token"), "{error}");
}

#[test]
fn a_file_that_is_too_long_is_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("tokenizer.json")).unwrap();
    file.set_len(1 << 30).unwrap();
    let error = Tokenizer::open(folder.path(), None, 256).unwrap_err().to_string();
    assert!(error.ends_with("tokenizer.json is damaged: more than 67108864 bytes"), "{error}");
}

/// Any answer will do, but there must be one.
#[test]
fn a_damaged_file_never_panics() {
    let bytes = fixture();
    for place in (0..bytes.len()).step_by(97) {
        for damage in [bytes[place] ^ 1, b'"', b'9', b'}'] {
            let mut damaged = bytes.clone();
            damaged[place] = damage;
            if let Ok(Some(tokenizer)) = opened(&damaged) {
                let tokens = tokenizer.encode("the bakery opens at six").unwrap_or_default();
                let _ = tokenizer.decode(&tokens);
            }
        }
        assert!(opened(&bytes[..place]).is_err(), "cut off at {place}");
    }
}
