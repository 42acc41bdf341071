//! The coverage profile: its schema, canonical bytes, signature, verification and coverage arithmetic.
//!
//! A sceptic needs this crate alone to check a profile: it builds in seconds, without a machine-learning framework.
//!
//! *Architecture invariants:* never candle; no I/O and no clock outside [`cli`]; no float inside signed bytes; every derived figure of
//! a profile is computed here, once to write it and once more to verify it, by the same function.

pub mod audit;
pub mod beacon;
pub mod canonical_json;
pub mod capacity;
pub mod chain;
pub mod change;
pub mod cli;
pub mod coverage;
pub mod demand;
pub mod derived;
pub mod did_key;
pub mod document;
mod draws;
pub mod dsse;
pub mod in_toto;
pub mod key;
pub mod network;
pub mod page;
pub mod profile;
pub mod proof;
pub mod schema;
pub mod statistics;
pub mod synthetic;
pub mod table;
mod timestamp;
pub mod verify;
pub mod words;

pub use proofmark_workloads::Digest;
pub use timestamp::Timestamp;
