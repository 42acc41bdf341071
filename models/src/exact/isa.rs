//! The instruction sets that exact kernels are compiled for, and the one place that chooses.
//!
//! A kernel is written once, over a vector of lanes or over plain arrays, and inlined into a function for each instruction set.
//! Vector width changes speed only: every lane carries out the operations of `EXACT.md` in their order.

use std::fmt;
use std::str::FromStr;

use super::vector::Vector;
#[cfg(target_arch = "x86_64")]
use super::vector::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::vector::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use super::vector::neon::Neon;
use super::vector::portable::Portable;

/// An instruction set that exact kernels run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// No vector extension assumed beyond the target's baseline; on x86-64 `mul_add` is a library call.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512F.
    Avx512,
    /// AArch64, which has NEON always.
    Neon,
}

impl Isa {
    /// All instruction sets, slowest first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Neon];

    /// The fastest instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this machine can execute it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
            Self::Neon => cfg!(target_arch = "aarch64"),
        }
    }

    /// Runs `kernel` compiled for this instruction set, or for the baseline where the machine lacks it.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: guarded by a run-time check of exactly the features that the callee enables.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::Avx2 if self.is_available() => unsafe { run_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::Avx512 if self.is_available() => unsafe { run_avx512(kernel) },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => kernel.run::<Neon>(),
            _ => kernel.run::<Portable>(),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        })
    }
}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Self::ALL.into_iter().find(|isa| isa.to_string() == name).ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}

/// A name that is no instruction set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown instruction set `{0}`, expected portable, avx2, avx512 or neon")]
pub struct UnknownIsa(String);

/// A computation to be compiled for each instruction set.
///
/// Implementations mark `run` and all it calls `#[inline(always)]`: only inlined code gets the wider registers. No
/// closure that runs on another thread may be created inside.
pub(crate) trait Kernel {
    /// What the kernel returns.
    type Output;

    /// Runs it; `V` holds the registers of the instruction set, and never alters a bit.
    fn run<V: Vector>(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma,f16c")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
        assert!("sse9".parse::<Isa>().is_err());
    }
}
