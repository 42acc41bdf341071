//! Signed documents: one kind, one version of its schema, one embedded proof, and one accepted byte string for its content.
//!
//! Profiles, challenges and receipts are read and written here, so that none of them can be read more leniently than the others.

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::canonical_json::{self, Canonical, FormFault, Limits, NoCanonicalForm, NotCanonical};
use crate::did_key::{self, NotAnOperator};
use crate::proof::{self, ProofFault};
use crate::schema::v1::Proof;
use crate::timestamp::NotATimestamp;
use crate::words::clipped;
use crate::{Digest, Timestamp};

/// Characters of a foreign text that a fault repeats.
const TOLD: usize = 200;

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
    /// SHA-256 of the bytes, which names the document.
    pub digest: Digest,
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
    /// The members are not those of the schema.
    #[error(transparent)]
    Form(#[from] FormFault),
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
    /// Nobody can say when it was signed.
    #[error("proof.created is {0}")]
    Created(#[from] NotATimestamp),
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
    let parsed = canonical_json::parse(bytes, Limits::default())?;
    check_version::<D>(&parsed)?;
    let document: D = canonical_json::read(&parsed)?;
    let (digest, body_digest) = digests(&parsed);
    let (key, faults) = check_proof(&document, body_digest);
    Ok(Opened { document, digest, body_digest, key, faults })
}

/// What is wrong with signer and signature of a document that is part of another.
#[must_use]
pub fn faults<D: Document>(document: &D) -> Vec<DocumentFault> {
    let Ok(bytes) = canonical_json::write(document) else { return vec![FormFault::Incomplete.into()] };
    match open::<D>(&bytes) {
        Ok(opened) => opened.faults,
        Err(fault) => vec![fault],
    }
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
    let body = Digest::of(&canonical_json::write(&document)?);
    document.set_proof(Some(proof::sign(body, &created.to_string(), key)?));
    let bytes = write(&document)?;
    canonical_json::parse(&bytes, Limits::default())?;
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
fn check_version<D: Document>(parsed: &Canonical<'_>) -> Result<(), DocumentFault> {
    let text = |member: &str| parsed.string(member).unwrap_or_else(|| "absent".to_owned());
    if text("kind") != D::KIND {
        return Err(DocumentFault::UnknownKind { actual: clipped(&text("kind"), TOLD), expected: D::KIND });
    }
    if text("schema") != D::SCHEMA {
        return Err(DocumentFault::UnknownSchema {
            actual: clipped(&text("schema"), TOLD),
            expected: D::SCHEMA,
        });
    }
    Ok(())
}

/// The digests of the whole and of the body. Both begin with the same bytes, nearly all of them, which are hashed once.
fn digests(parsed: &Canonical<'_>) -> (Digest, Digest) {
    let [before, proof, after] = parsed.around("proof");
    let body = Sha256::new_with_prefix(before);
    let whole = body.clone().chain_update(proof).chain_update(after);
    (Digest(whole.finalize().into()), Digest(body.chain_update(after).finalize().into()))
}

fn check_proof<D: Document>(document: &D, body: Digest) -> (Option<VerifyingKey>, Vec<DocumentFault>) {
    match (did_key::parse(document.signer()), document.proof()) {
        (Ok(key), Some(proof)) => {
            let faults = proof::faults(proof, body, &key).into_iter().map(DocumentFault::Proof);
            let created = proof.created.parse::<Timestamp>().err().map(DocumentFault::Created);
            (Some(key), faults.chain(created).collect())
        }
        (Ok(key), None) => (Some(key), vec![DocumentFault::NoProof]),
        (Err(reason), _) => (None, vec![DocumentFault::Signer { member: D::SIGNER, reason }]),
    }
}
