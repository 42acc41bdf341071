//! Suites as data: what is run, on which input, within which limits, and for which demand.
//!
//! A suite is a TOML file, identified by the SHA-256 of its bytes. [`Suite::parse`] checks it whole, so that code behind
//! it never meets an unknown name or an impossible size; every refusal names file and line. A [`Mix`] says in the same way which
//! requests somebody's demand is made of.
//!
//! *Architecture invariants:* never candle; no I/O, no clock.

mod architecture;
mod arrivals;
mod digest;
mod embedded;
mod error;
mod findings;
mod input;
mod memory;
mod mix;
mod model_lock;
mod quality;
mod shape;
mod slo;
mod source;
mod suite;
mod text;
mod wire;
mod work;

pub use architecture::{
    Architecture, Bias, CrossAttention, Decoder, Encoder, FeedForward, Head, ImageText, Residual, Sliding,
    Sparse, Speech, Stack, Vision,
};
pub use arrivals::arrivals;
pub use digest::Digest;
pub use embedded::{embedded, embedded_lock, embedded_mixes, embedded_suite, embedded_text};
pub use error::SuiteError;
pub use findings::Findings;
pub use input::{Image, Input, SAMPLE_RATE, TextError, self_check_seed};
pub use mix::{Basis, Mix, MixRequest, Quantiles, RequestKind, Trace};
pub use model_lock::{LockedFile, LockedModel, ModelLock};
pub use quality::{Figure, FigureKind, Quality};
pub use shape::{Shape, Task};
pub use slo::{Limits, RequestTimes, Slo};
pub use suite::{
    MAX_ROUNDS, MAX_TRIAL_REQUESTS, MAX_TRIALS, Model, ModelWeights, Numerics, Pixels, Suite, Timing, Tokens,
    Workload,
};
pub use work::{RequestWork, Work};
