use std::fmt;

use crate::exact::{self, crew::with_crew, device::Device, isa::Isa};

/// The arithmetic that a model runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numerics {
    /// Stock candle kernels; bits differ between machines.
    Native,
    /// `exact/1`, or `exact/q8` with weights of eight bits, on this instruction set, which alters speed alone.
    Exact(Isa),
    /// The same arithmetic on another device, which alters speed alone too.
    ExactOn(&'static Device),
}

impl Numerics {
    /// Runs a whole forward pass. An exact one runs on a thread of the pool, so that its many small parallel parts need not wake
    /// one each; a native one stays where its caller is, as stock candle has it, and so does one on a device, which
    /// only begins what the device does.
    pub(crate) fn enter<T: Send>(self, pass: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::Native | Self::ExactOn(_) => pass(),
            Self::Exact(_) => with_crew(pass),
        }
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Exact(_) | Self::ExactOn(_) => exact::VERSION,
        })
    }
}
