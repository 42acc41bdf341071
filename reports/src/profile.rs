//! From a body to signed bytes.

use ed25519_dalek::SigningKey;
use serde_json::Value;

use crate::canonical_json::{self, NotAnInteger};
use crate::schema::v1::Profile;
use crate::{Digest, Timestamp, proof};

/// Why a profile could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A value has no JSON form.
    #[error("profile has no JSON form")]
    NotJson(#[from] serde_json::Error),
    /// A number is no integer.
    #[error(transparent)]
    NotAnInteger(#[from] NotAnInteger),
    /// A value is outside the profile of canonical JSON that readers accept.
    #[error("profile is not canonical")]
    NotCanonical(#[from] canonical_json::NotCanonical),
}

/// The bytes of a profile, signed at `created` by its operator's key. Their SHA-256 is the report's id.
///
/// # Errors
/// When a value does not fit canonical JSON, so that no unreadable profile is ever signed.
pub fn sign(mut profile: Profile, created: Timestamp, key: &SigningKey) -> Result<Vec<u8>, WriteError> {
    profile.proof = None;
    let body = canonical_json::write(&serde_json::to_value(&profile)?)?;
    profile.proof = Some(proof::sign(&body, &created.to_string(), key)?);
    let bytes = canonical_json::write(&serde_json::to_value(&profile)?)?;
    canonical_json::parse(&bytes, canonical_json::Limits::default())?;
    Ok(bytes)
}

/// A text in which JSON strings keep to printable ASCII; anything else becomes `?`.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

/// The digest of a challenge, as the chain takes it in.
///
/// # Errors
/// Never in practice: a challenge holds strings only.
pub fn challenge_digest(challenge: &crate::schema::v1::Challenge) -> Result<Digest, WriteError> {
    let value: Value = serde_json::to_value(challenge)?;
    Ok(Digest::of(&canonical_json::write(&value)?))
}
