//! Signed documents: one kind, one version of its schema, one embedded proof, and one accepted byte string for its content.
//!
//! Profiles, challenges and receipts are read and written here, so that none of them can be read more leniently than the others.

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::canonical_json::{self, NoCanonicalForm, NotCanonical};
use crate::did_key::{self, NotAnOperator};
use crate::proof::{self, ProofFault};
use crate::schema::v1::Proof;
use crate::{Digest, Timestamp};

/// A kind of signed document, with members `kind` and `schema`.
pub trait Document: Serialize + DeserializeOwned {
    /// What `kind` says.
    const KIND: &'static str;
    /// What `schema` says: the version that this program reads and writes.
    const SCHEMA: &'static str;
    /// The member that names the signer.
    const SIGNER: &'static str;

    /// Who signs, as `did:key`.
    fn signer(&self) -> &str;

    /// The signature, once there is one.
    fn proof(&self) -> Option<&Proof>;

    /// Enters the signature, or takes it out.
    fn set_proof(&mut self, proof: Option<Proof>);
}

/// A document as read.
#[derive(Clone, Debug)]
pub struct Opened<D> {
    /// Not to be trusted while there are faults.
    pub document: D,
    /// SHA-256 of the canonical form without proof: one signer can make many signatures of one body.
    pub body_digest: Digest,
    /// The signer's, if it is one.
    pub key: Option<VerifyingKey>,
    /// What is wrong with signer and signature.
    pub faults: Vec<DocumentFault>,
}

/// Why a document is refused, before anything is asked of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// The bytes are not the one accepted form of their content.
    #[error("not canonical JSON: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// Another kind of document.
    #[error("kind is `{actual}`, expected `{expected}`")]
    UnknownKind {
        /// As written.
        actual: String,
        /// As it must be.
        expected: &'static str,
    },
    /// Another version of the schema.
    #[error(
        "schema is `{actual}`, this program reads {expected}: use the release that wrote it, or a newer one"
    )]
    UnknownSchema {
        /// As written.
        actual: String,
        /// As it must be.
        expected: &'static str,
    },
    /// A member is missing, unknown or of another type.
    #[error("{path}: {fact}")]
    Schema {
        /// Where.
        path: String,
        /// What.
        fact: String,
    },
    /// A member is left out that the schema writes as `null`.
    #[error("a member is left out: absent values are written as null")]
    Incomplete,
    /// There is no signature.
    #[error("proof is absent")]
    NoProof,
    /// The signer is no usable key.
    #[error("{member} is refused: {reason}")]
    Signer {
        /// Which names the signer.
        member: &'static str,
        /// Why.
        reason: NotAnOperator,
    },
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofFault),
}

/// Why a document could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A value has no canonical form.
    #[error(transparent)]
    NoCanonicalForm(#[from] NoCanonicalForm),
    /// A value is outside the profile of canonical JSON that readers accept.
    #[error("document is not canonical")]
    NotCanonical(#[from] NotCanonical),
}

/// Reads a document and checks its form, its signer and its signature.
///
/// # Errors
/// The fault behind which nothing could be understood.
pub fn open<D: Document>(bytes: &[u8]) -> Result<Opened<D>, DocumentFault> {
    let mut tree = canonical_json::parse(bytes, canonical_json::Limits::default())?;
    check_version::<D>(&tree)?;
    let proof = tree.remove("proof");
    let tree = Value::Object(tree);
    let body = canonical_json::write(&tree).unwrap_or_default();
    let document: D = read(tree, proof)?;
    // A member left out instead of `null` would make a second form.
    if !canonical_json::write(&document).is_ok_and(|written| written == bytes) {
        return Err(DocumentFault::Incomplete);
    }
    let (key, faults) = check_proof(&document, &body);
    Ok(Opened { document, body_digest: Digest::of(&body), key, faults })
}

/// What is wrong with signer and signature of a document that is part of another.
#[must_use]
pub fn faults<D: Document + Clone>(document: &D) -> Vec<DocumentFault> {
    let mut body = document.clone();
    body.set_proof(None);
    let mut faults = Vec::new();
    match canonical_json::write(&body) {
        Ok(body) => faults.extend(check_proof(document, &body).1),
        Err(_) => faults.push(DocumentFault::Incomplete),
    }
    let tree = serde_json::to_value(document).unwrap_or_default();
    let members = tree.as_object().cloned().unwrap_or_default();
    faults.extend(check_version::<D>(&members).err());
    faults
}

/// The bytes of a document, signed at `created`. Their SHA-256 names the document.
///
/// # Errors
/// When a value does not fit canonical JSON, so that nothing unreadable is ever signed.
pub fn sign<D: Document>(
    mut document: D,
    created: Timestamp,
    key: &SigningKey,
) -> Result<Vec<u8>, WriteError> {
    document.set_proof(None);
    let body = canonical_json::write(&document)?;
    document.set_proof(Some(proof::sign(&body, &created.to_string(), key)?));
    let bytes = write(&document)?;
    canonical_json::parse(&bytes, canonical_json::Limits::default())?;
    Ok(bytes)
}

/// The bytes of a document as it is.
///
/// # Errors
/// As [`sign`].
pub fn write<D: Document>(document: &D) -> Result<Vec<u8>, WriteError> {
    Ok(canonical_json::write(document)?)
}

/// Kind and version, before anything else is read: a newer schema may have other members.
fn check_version<D: Document>(tree: &Map<String, Value>) -> Result<(), DocumentFault> {
    let text = |member: &str| tree.get(member).and_then(Value::as_str).unwrap_or("absent").to_owned();
    if text("kind") != D::KIND {
        return Err(DocumentFault::UnknownKind { actual: text("kind"), expected: D::KIND });
    }
    if text("schema") != D::SCHEMA {
        return Err(DocumentFault::UnknownSchema { actual: text("schema"), expected: D::SCHEMA });
    }
    Ok(())
}

fn read<D: Document>(mut tree: Value, proof: Option<Value>) -> Result<D, DocumentFault> {
    if let (Value::Object(members), Some(proof)) = (&mut tree, proof) {
        members.insert("proof".to_owned(), proof);
    }
    serde_path_to_error::deserialize(tree).map_err(|error| DocumentFault::Schema {
        path: error.path().to_string(),
        fact: error.inner().to_string(),
    })
}

fn check_proof<D: Document>(document: &D, body: &[u8]) -> (Option<VerifyingKey>, Vec<DocumentFault>) {
    match (did_key::parse(document.signer()), document.proof()) {
        (Ok(key), Some(proof)) => {
            let faults = proof::faults(proof, body, &key).into_iter().map(DocumentFault::Proof);
            (Some(key), faults.collect())
        }
        (Ok(key), None) => (Some(key), vec![DocumentFault::NoProof]),
        (Err(reason), _) => (None, vec![DocumentFault::Signer { member: D::SIGNER, reason }]),
    }
}
