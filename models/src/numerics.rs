use std::fmt;

use crate::exact::{self, isa::Isa};

/// The arithmetic that a model runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numerics {
    /// Stock candle kernels; bits differ between machines.
    Native,
    /// `exact/1`, on this instruction set, which alters speed alone.
    Exact(Isa),
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Exact(_) => exact::VERSION,
        })
    }
}
