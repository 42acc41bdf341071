//! Canonical JSON: RFC 8785 (JCS), restricted so that one content has one accepted byte string.
//!
//! Profile of RFC 8785 that [`parse`] accepts: objects with strictly ascending keys, keys `[a-z][a-z0-9_]*` and the names that
//! [`Limits`] adds, by default those of a Data Integrity proof, strings of printable ASCII, integers with |n| < 2^53 without leading zeros or `-0`, no white
//! space. Whatever else JSON allows is refused with its offset, so parsing a text and writing it again gives the same
//! bytes. [`write()`] covers all strings of RFC 8785, because proofs over foreign documents are verified too; it refuses floats.

mod parse;
mod read;
mod serializer;
mod write;

pub use parse::{Canonical, Limits, NotCanonical, parse};
pub use read::{FormFault, read};
pub use write::{NoCanonicalForm, write};

/// The largest integer that every JSON implementation keeps: 2^53 - 1.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;
