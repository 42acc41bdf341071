//! Envelopes: DSSE 1.0 (Dead Simple Signing Envelope, protocol.md and envelope.md), signed with Ed25519.
//!
//! What is signed is the payload's type and bytes ([`pae`]), so nothing inside the payload is read before the signature holds.
//! DSSE leaves spaces, the base64 alphabet and the number of signatures to the writer. Here one form is written and no other
//! is read: canonical JSON, standard base64, one signature, whose `keyid` is the signer's `did:key`.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::canonical_json::{self, FormFault, Limits, NotCanonical};
use crate::did_key::{self, NotAnOperator};
use crate::document::WriteError;

/// A statement is smaller than a profile, and base64 takes a third more.
const LIMITS: Limits = Limits { bytes: 3 << 20, depth: 4, values: 1 << 8, names: &["payloadType"] };

/// An envelope whose signature holds.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What was signed.
    pub payload: Vec<u8>,
    /// Who signed. The envelope itself names the key, so whether it is the right one is for the caller to say.
    pub signer: VerifyingKey,
}

/// Why an envelope is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// The bytes are not the one accepted form of their content.
    #[error("not canonical JSON: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// The members are not those of an envelope.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// The payload is something else.
    #[error("payloadType is `{actual}`, expected `{expected}`")]
    PayloadType {
        /// As written.
        actual: String,
        /// As it must be.
        expected: &'static str,
    },
    /// Nobody signed, or several, or one several times.
    #[error("{count} signatures, expected one")]
    Signatures {
        /// How many.
        count: usize,
    },
    /// The signer is no usable key.
    #[error("keyid is refused: {0}")]
    KeyId(#[from] NotAnOperator),
    /// A member is not in the one spelling of its bytes, or of another length.
    #[error("{member} is not {expected} in padded standard base64")]
    Encoding {
        /// Which.
        member: &'static str,
        /// What it holds.
        expected: &'static str,
    },
    /// The signature does not fit key and payload.
    #[error("the signature does not match the payload: it was edited, or signed by another key")]
    Signature,
}

/// Opens an envelope whose payload must be of a type.
///
/// # Errors
/// The first [`EnvelopeFault`].
pub fn open(bytes: &[u8], payload_type: &'static str) -> Result<Opened, EnvelopeFault> {
    let parsed = canonical_json::parse(bytes, LIMITS)?;
    let envelope: Envelope = canonical_json::read(&parsed)?;
    if envelope.payload_type != payload_type {
        let actual = envelope.payload_type.chars().take(100).collect();
        return Err(EnvelopeFault::PayloadType { actual, expected: payload_type });
    }
    let [signature] = &envelope.signatures[..] else {
        return Err(EnvelopeFault::Signatures { count: envelope.signatures.len() });
    };
    let signer = did_key::parse(&signature.keyid)?;
    let payload = Base64::decode_vec(&envelope.payload)
        .map_err(|_| EnvelopeFault::Encoding { member: "payload", expected: "bytes" })?;
    let signature = Base64::decode_vec(&signature.sig).ok();
    let signature = signature
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(EnvelopeFault::Encoding { member: "sig", expected: "64 bytes" })?;
    match signer.verify_strict(&pae(payload_type, &payload), &signature) {
        Ok(()) => Ok(Opened { payload, signer }),
        Err(_) => Err(EnvelopeFault::Signature),
    }
}

/// The bytes of an envelope around a payload.
///
/// # Errors
/// When it would be larger than [`open`] reads, so that nothing unreadable is ever signed.
pub fn sign(payload: &[u8], payload_type: &'static str, key: &SigningKey) -> Result<Vec<u8>, WriteError> {
    let signature = SignatureByKey {
        keyid: did_key::format(&key.verifying_key()),
        sig: Base64::encode_string(&key.sign(&pae(payload_type, payload)).to_bytes()),
    };
    let envelope = Envelope {
        payload: Base64::encode_string(payload),
        payload_type: payload_type.to_owned(),
        signatures: vec![signature],
    };
    let bytes = canonical_json::write(&envelope)?;
    canonical_json::parse(&bytes, LIMITS)?;
    Ok(bytes)
}

/// The bytes that are signed: type and payload, each behind its length (protocol.md, "PAE").
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureByKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureByKey {
    keyid: String,
    sig: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key;

    const TYPE: &str = "application/vnd.example+json";

    fn signed(payload: &[u8]) -> String {
        String::from_utf8(sign(payload, TYPE, &key::from_seed(&[5; 32])).unwrap()).unwrap()
    }

    fn refusal(envelope: &str) -> String {
        open(envelope.as_bytes(), TYPE).unwrap_err().to_string()
    }

    #[test]
    fn the_signed_bytes_are_those_of_the_published_example() {
        // protocol.md, "Test Vectors".
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), expected);
        assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    }

    #[test]
    fn what_was_signed_comes_back_with_its_signer() {
        let opened = open(signed(b"{}").as_bytes(), TYPE).unwrap();
        assert_eq!(opened.payload, b"{}");
        assert_eq!(opened.signer, key::from_seed(&[5; 32]).verifying_key());
    }

    #[test]
    fn another_type_is_refused() {
        let envelope = signed(b"{}");
        let fault = open(envelope.as_bytes(), "text/plain").unwrap_err();
        assert_eq!(fault.to_string(), format!("payloadType is `{TYPE}`, expected `text/plain`"));
        // The type is signed too.
        let renamed = envelope.replace(TYPE, "text/plain");
        assert_eq!(open(renamed.as_bytes(), "text/plain").unwrap_err(), EnvelopeFault::Signature);
        assert!(refusal(&envelope.replace(TYPE, &"x".repeat(1_000))).len() < 200);
    }

    #[test]
    fn hostile_envelopes_are_refused() {
        let envelope = signed(b"{\"a\":1}");
        let start = envelope.find("{\"keyid\"").unwrap();
        let signature = &envelope[start..envelope.len() - 2];
        let keyid = &signature[10..signature.find("\",\"sig").unwrap()];
        let sig = &signature[signature.find("sig\":\"").unwrap() + 6..signature.len() - 2];
        let other = did_key::format(&key::from_seed(&[6; 32]).verifying_key());
        for (from, to, expected) in [
            (signature, String::new(), "0 signatures"),
            (signature, format!("{signature},{signature}"), "2 signatures"),
            (signature, vec![signature; 1_000].join(","), "more values than the limit"),
            (keyid, other, "the signature does not match the payload"),
            (keyid, String::new(), "keyid is refused: it is not did:key"),
            (keyid, "did:web:example.org".to_owned(), "keyid is refused: it is not did:key"),
            ("\"keyid\"", "\"kid\"".to_owned(), "signatures[0].kid: unknown field `kid`"),
            ("eyJhIjoxfQ==", "eyJhIjoyfQ==".to_owned(), "the signature does not match the payload"),
            ("eyJhIjoxfQ==", "eyJhIjoxfQ".to_owned(), "payload is not bytes in padded"),
            ("eyJhIjoxfQ==", "eyJhIjoxfR==".to_owned(), "payload is not bytes in padded"),
            ("eyJhIjoxfQ==", "eyJhIjox fQ=".to_owned(), "payload is not bytes in padded"),
            ("eyJhIjoxfQ==", "eyJhIjo-fQ==".to_owned(), "payload is not bytes in padded"),
            ("eyJhIjoxfQ==", "====".to_owned(), "payload is not bytes in padded"),
            (sig, sig.trim_end_matches('=').to_owned(), "sig is not 64 bytes in padded"),
            (sig, "AAAA".to_owned(), "sig is not 64 bytes in padded"),
            (sig, format!("{}A==", "A".repeat(85)), "the signature does not match the payload"),
            ("\"payload\"", "\"extra\":1,\"payload\"".to_owned(), "unknown field `extra`"),
            ("\"payload\"", "\"payload\":\"\",\"payload\"".to_owned(), "key `payload` is there twice"),
            (":", ": ".to_owned(), "not canonical JSON"),
            ("{\"payload\"", "[{\"payload\"".to_owned(), "the top is not an object"),
        ] {
            assert!(envelope.contains(from), "{from}");
            let told = refusal(&envelope.replacen(from, &to, 1));
            assert!(told.contains(expected), "{from} to {to:.80}: {told}");
        }
        assert!(refusal("").contains("the top is not an object"));
        assert!(refusal(&" ".repeat(LIMITS.bytes + 1)).contains("more than the limit"));
    }

    #[test]
    fn what_would_not_be_read_is_not_signed() {
        assert!(sign(&vec![0; LIMITS.bytes], TYPE, &key::from_seed(&[5; 32])).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_envelope_with_one_byte_changed_is_refused(
            payload in proptest::collection::vec(any::<u8>(), 0..40),
            place in any::<proptest::sample::Index>(),
            flip in 1_u8..,
        ) {
            let mut envelope = signed(&payload).into_bytes();
            prop_assert_eq!(open(&envelope, TYPE).unwrap().payload, payload);
            let place = place.index(envelope.len());
            envelope[place] ^= flip;
            prop_assert!(open(&envelope, TYPE).is_err());
        }
    }
}
