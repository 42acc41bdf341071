//! What is kept of outputs beside a profile.
//!
//! A file with one JSON document a line: [`KeptHeader`], then a [`KeptOutput`] each, in any order. Nothing in it is signed: whoever
//! reads a line holds it against the digest in the profile.

use serde::{Deserialize, Serialize};

use super::Sketch;
use crate::Digest;

/// What the file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptHeader {
    /// [`KeptHeader::KIND`]
    pub kind: String,
    /// [`KeptHeader::SCHEMA`]
    pub schema: String,
}

impl KeptHeader {
    /// `kind` of such a file.
    pub const KIND: &'static str = "proofmark.kept_outputs";
    /// The schema that this program writes.
    pub const SCHEMA: &'static str = "1.0.0";

    /// Of this version.
    #[must_use]
    pub fn current() -> Self {
        Self { kind: Self::KIND.to_owned(), schema: Self::SCHEMA.to_owned() }
    }
}

/// An output, by the digest that its profile has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOutput {
    /// In the profile.
    pub digest: Digest,
    /// Of it.
    #[serde(flatten)]
    pub kept: Kept,
}

/// What is kept of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Of a generation in exact numerics: `(batch, steps)`. One prefill over them gives the logits again.
    Tokens(Vec<Vec<u32>>),
    /// Of any output in native numerics.
    Sketch(Sketch),
}
