//! Layers with one interface and two numerics. Their fields and tensor names are those of the checkpoints.

mod activation;
mod attention;
mod embedding;
mod linear;
mod norm;
mod rotary;

pub use activation::{Activation, silu_mul};
pub use attention::attention;
pub use embedding::Embedding;
pub use linear::{Bias, Linear};
pub use norm::Norm;
pub use rotary::RotaryEmbedding;
