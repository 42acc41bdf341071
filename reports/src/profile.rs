//! What goes into a profile, and into the chain before it.

use crate::document::WriteError;
use crate::schema::v1::Challenge;
use crate::{Digest, canonical_json, document};

/// A text in which JSON strings keep to printable ASCII; anything else becomes `?`.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

/// The digest of a challenge, as the chain takes it in: of a network's, the SHA-256 of its file; of one's own, that of the
/// canonical JSON of the profile's member.
///
/// # Errors
/// Never in practice: a challenge holds strings and safe integers.
pub fn challenge_digest(challenge: &Challenge) -> Result<Digest, WriteError> {
    match challenge {
        Challenge::Network { document } => Ok(Digest::of(&document::write(document.as_ref())?)),
        Challenge::SelfIssued { .. } => Ok(Digest::of(&canonical_json::write(challenge)?)),
    }
}
