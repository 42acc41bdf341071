//! The numerics `exact/1` and `exact/q8`: the same bits on every conforming machine.
//!
//! `EXACT.md` beside this crate is the normative text. The arithmetic of a kernel never depends on the instruction
//! set, the number of threads, the batch, the split between prefill and decode, or the memory layout; only speed does.
//!
//! *Architecture invariants:* a kernel parallelises over outputs only, never inside a sum. Nothing here knows candle:
//! operators work on slices, and [`crate::layers`] joins them to models.

pub mod argmax;
pub mod attention;
pub mod batch_norm;
pub mod blocks;
mod byte_panel;
mod byte_product;
pub mod ceilings;
pub mod convolution;
pub mod crew;
pub mod device;
pub mod double_double;
pub mod environment;
pub mod fourier;
pub mod function;
mod grid;
pub mod isa;
pub mod kv_cache;
pub mod linear;
pub mod log_mel;
pub mod mel;
pub mod norm;
mod panel;
pub mod pooling;
pub mod precision;
mod product;
pub mod quantise;
pub mod rotary;
pub mod routing;
pub mod similarity;
mod sink;
pub mod sum;
pub mod table;
mod vector;

/// The name of the numerics on the wire where weights are no integers; it changes whenever a published digest does.
pub const VERSION: &str = "exact/1";

/// Length of a block of a dot product: each block is one chain of `fma`, and block results are added in order.
pub const BLOCK: usize = 256;

/// Lanes of a row sum: element `i` belongs to lane `i mod 16`.
pub const LANES: usize = 16;
