//! Statements of the in-toto Attestation Framework (spec/v1/statement.md) about a profile, in an envelope of their signer.
//!
//! A statement says something, its predicate, of files that it names by digest. Ours are about one file, whose SHA-256 is the
//! report id. Each type of predicate has a URI that ends in the major version of its schema.

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::canonical_json::{self, Canonical, FormFault, Limits, NotCanonical};
use crate::document::WriteError;
use crate::dsse::{self, EnvelopeFault};

/// The `payloadType` of an envelope with a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The `_type` of a statement.
pub const TYPE: &str = "https://in-toto.io/Statement/v1";

/// Names of a statement, and of the proof in a receipt that a predicate repeats.
const NAMES: [&str; 5] = ["_type", "predicateType", "proofPurpose", "proofValue", "verificationMethod"];
const LIMITS: Limits = Limits { bytes: 2 << 20, depth: 16, values: 1 << 17, names: &NAMES };

/// What a statement says of its subject.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The `predicateType`: a URI that names the schema and ends in its major version. It need not lead anywhere.
    const TYPE: &'static str;
}

/// Something said of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<P> {
    /// The name of the profile's file when it was written; only the digest says which profile is meant.
    pub name: String,
    /// SHA-256 of the profile's file.
    pub report_id: Digest,
    /// What is said.
    pub predicate: P,
}

/// A statement whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested<P> {
    /// What was signed.
    pub statement: Statement<P>,
    /// Who signed; whether they are the ones to say so is for the caller to ask.
    pub signer: VerifyingKey,
}

/// Why a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// The envelope does not hold.
    #[error(transparent)]
    Envelope(#[from] EnvelopeFault),
    /// The payload is not the one accepted form of its content.
    #[error("payload is not canonical JSON: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// Another kind of statement, or one that says something else.
    #[error("{member} is `{actual}`, expected `{expected}`")]
    Type {
        /// Which.
        member: &'static str,
        /// As written.
        actual: String,
        /// As it must be.
        expected: &'static str,
    },
    /// The members are not those of a statement with this predicate.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// It is about no file, or about several.
    #[error("{count} subjects, expected one")]
    Subjects {
        /// How many.
        count: usize,
    },
}

/// Reads the statement in an envelope and checks its form and signature.
///
/// # Errors
/// The first [`StatementFault`].
pub fn open<P: Predicate>(envelope: &[u8]) -> Result<Attested<P>, StatementFault> {
    let dsse::Opened { payload, signer } = dsse::open(envelope, PAYLOAD_TYPE)?;
    let parsed = canonical_json::parse(&payload, LIMITS)?;
    check_type(&parsed, "_type", TYPE)?;
    check_type(&parsed, "predicateType", P::TYPE)?;
    let wire: WireStatement<P> = canonical_json::read(&parsed)?;
    let [subject] = <[Subject; 1]>::try_from(wire.subject)
        .map_err(|subjects| StatementFault::Subjects { count: subjects.len() })?;
    let statement =
        Statement { name: subject.name, report_id: subject.digest.sha256, predicate: wire.predicate };
    Ok(Attested { statement, signer })
}

/// The bytes of an envelope with a statement.
///
/// # Errors
/// When a value does not fit canonical JSON, so that nothing unreadable is ever signed.
pub fn sign<P: Predicate>(statement: Statement<P>, key: &SigningKey) -> Result<Vec<u8>, WriteError> {
    let subject = Subject { name: statement.name, digest: DigestSet { sha256: statement.report_id } };
    let wire = WireStatement {
        r#type: TYPE.to_owned(),
        subject: vec![subject],
        predicate_type: P::TYPE.to_owned(),
        predicate: statement.predicate,
    };
    let payload = canonical_json::write(&wire)?;
    canonical_json::parse(&payload, LIMITS)?;
    dsse::sign(&payload, PAYLOAD_TYPE, key)
}

/// A type, before anything else is read: another schema has other members.
fn check_type(
    parsed: &Canonical<'_>,
    member: &'static str,
    expected: &'static str,
) -> Result<(), StatementFault> {
    let actual = parsed.string(member).unwrap_or_else(|| "absent".to_owned());
    if actual == expected {
        return Ok(());
    }
    Err(StatementFault::Type { member, actual: actual.chars().take(100).collect(), expected })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireStatement<P> {
    #[serde(rename = "_type")]
    r#type: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: P,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: DigestSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestSet {
    sha256: Digest,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use serde_json::Value;

    use super::*;
    use crate::key;

    /// As an audit would say it.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Checked {
        indices: Vec<u64>,
        beacon: Option<Digest>,
        mismatches: Vec<String>,
    }

    impl Predicate for Checked {
        const TYPE: &'static str = "https://example.org/checked/v1";
    }

    fn statement() -> Statement<Checked> {
        let predicate = Checked { indices: vec![3, 1], beacon: None, mismatches: vec!["cell 0".to_owned()] };
        Statement { name: "profile.json".to_owned(), report_id: Digest::of(b"profile"), predicate }
    }

    fn payload() -> Value {
        let envelope = sign(statement(), &key::from_seed(&[5; 32])).unwrap();
        serde_json::from_slice(&dsse::open(&envelope, PAYLOAD_TYPE).unwrap().payload).unwrap()
    }

    /// The refusal of a statement that its signer changed.
    fn refusal(change: impl Fn(&mut Value)) -> String {
        let mut payload = payload();
        change(&mut payload);
        let payload = canonical_json::write(&payload).unwrap();
        let envelope = dsse::sign(&payload, PAYLOAD_TYPE, &key::from_seed(&[5; 32])).unwrap();
        open::<Checked>(&envelope).unwrap_err().to_string()
    }

    #[test]
    fn a_statement_has_the_members_of_the_specification() {
        let expected = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "profile.json", "digest": {"sha256": Digest::of(b"profile")}}],
            "predicateType": "https://example.org/checked/v1",
            "predicate": {"beacon": null, "indices": [3, 1], "mismatches": ["cell 0"]},
        });
        assert_eq!(payload(), expected);
    }

    #[test]
    fn what_was_said_comes_back_with_its_signer() {
        let key = key::from_seed(&[5; 32]);
        let attested = open::<Checked>(&sign(statement(), &key).unwrap()).unwrap();
        assert_eq!(attested, Attested { statement: statement(), signer: key.verifying_key() });
    }

    #[test]
    fn statements_of_another_form_are_refused_although_they_are_signed() {
        type Change = fn(&mut Value);
        for (change, expected) in [
            ((|s| s["_type"] = "https://in-toto.io/Statement/v0.1".into()) as Change, "_type is `https"),
            (|s| s["_type"] = 1.into(), "_type is `absent`"),
            (
                |s| s["predicateType"] = "https://example.org/checked/v2".into(),
                "expected `https://example.org",
            ),
            (|s| s["subject"] = json!([]), "0 subjects, expected one"),
            (|s| s["subject"] = json!([s["subject"][0], s["subject"][0]]), "2 subjects, expected one"),
            (|s| s["subject"][0]["uri"] = "file:a".into(), "subject[0].uri: unknown field"),
            (|s| s["subject"][0]["digest"]["sha512"] = "00".into(), "digest.sha512: unknown field"),
            (|s| s["subject"][0]["digest"]["sha256"] = "00".into(), "64 lower-case hexadecimal digits"),
            (|s| s["predicate"]["beacon"] = json!([]), "predicate.beacon: "),
            (|s| drop(s["predicate"].as_object_mut().unwrap().remove("beacon")), "a member is left out"),
            (|s| s["predicate"]["more"] = 1.into(), "predicate.more: unknown field"),
            (|s| s["sub_ject"] = 1.into(), "sub_ject: unknown field"),
            (|s| s["predicate"]["Key"] = 1.into(), "payload is not canonical JSON"),
        ] {
            let told = refusal(change);
            assert!(told.contains(expected), "expected `{expected}`: {told}");
        }
        let spaced = dsse::sign(b"{ }", PAYLOAD_TYPE, &key::from_seed(&[5; 32])).unwrap();
        assert!(matches!(open::<Checked>(&spaced), Err(StatementFault::NotCanonical(_))));
    }

    #[test]
    fn what_would_not_be_read_is_not_signed() {
        let mut large = statement();
        large.predicate.indices = vec![0; LIMITS.values];
        assert!(matches!(sign(large, &key::from_seed(&[5; 32])), Err(WriteError::NotCanonical(_))));
        let mut foreign = statement();
        foreign.name = "é.json".to_owned();
        assert!(matches!(sign(foreign, &key::from_seed(&[5; 32])), Err(WriteError::NotCanonical(_))));
    }
}
