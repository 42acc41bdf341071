//! Reference models on candle, in two numerics.
//!
//! [`Numerics::Native`] runs stock candle kernels: fast, and with bits that are a property of the machine.
//! [`Numerics::Exact`] runs the operators of [`exact`], which give the same bits everywhere (`EXACT.md`). Both go
//! through the same layer types, so a model is written once.
//!
//! *Architecture invariant:* nothing here reads a clock, an environment variable or a terminal.

pub mod clip;
pub mod config;
pub mod decoder;
pub mod encoder;
mod error;
pub mod exact;
mod framed_hash;
pub mod hub;
pub mod layers;
mod native;
mod numerics;
mod output;
mod pin;
pub mod resnet;
mod tokenizer;
pub mod vit;
pub mod weights;
pub mod whisper;

pub use error::Error;
pub use exact::precision::Precision;
pub use native::{NativeDevice, NativeForm};
pub use numerics::Numerics;
pub use output::Output;
pub use pin::{Pin, Pins};
pub use tokenizer::Tokenizer;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
