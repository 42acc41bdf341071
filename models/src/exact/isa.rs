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
use super::vector::bytes::ByteVector;
#[cfg(target_arch = "x86_64")]
use super::vector::bytes::avx_vnni::AvxVnni;
#[cfg(target_arch = "x86_64")]
use super::vector::bytes::avx2::Avx2Bytes;
#[cfg(target_arch = "x86_64")]
use super::vector::bytes::avx512_vnni::Avx512Vnni;
#[cfg(target_arch = "aarch64")]
use super::vector::bytes::neon::NeonBytes;
#[cfg(target_arch = "aarch64")]
use super::vector::bytes::neon_dot::NeonDot;
use super::vector::bytes::portable::PortableBytes;
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

/// The instructions for products of bytes: a choice inside an instruction set, since processors of one set differ in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteIsa {
    /// No extension.
    Portable,
    /// AVX2: pairs of 16 bits.
    Avx2,
    /// AVX2 with AVX-VNNI.
    AvxVnni,
    /// AVX-512F with VNNI.
    Avx512Vnni,
    /// NEON: pairs of 16 bits.
    Neon,
    /// NEON with DotProd.
    NeonDot,
}

impl ByteIsa {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] =
        [Self::Portable, Self::Avx2, Self::AvxVnni, Self::Avx512Vnni, Self::Neon, Self::NeonDot];

    /// The fastest of this machine that uses no wider registers than `isa`.
    pub(crate) fn of(isa: Isa) -> Self {
        let candidates: &[Self] = match isa {
            Isa::Portable => &[],
            Isa::Avx2 => &[Self::AvxVnni, Self::Avx2],
            Isa::Avx512 => &[Self::Avx512Vnni, Self::AvxVnni, Self::Avx2],
            Isa::Neon => &[Self::NeonDot, Self::Neon],
        };
        candidates.iter().copied().find(|kind| kind.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this machine can execute it.
    pub(crate) fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Avx2 => Isa::Avx2.is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Isa::Avx2.is_available() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => Isa::Avx512.is_available() && is_x86_feature_detected!("avx512vnni"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::AvxVnni | Self::Avx512Vnni => false,
            Self::Neon => Isa::Neon.is_available(),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
            #[cfg(not(target_arch = "aarch64"))]
            Self::NeonDot => false,
        }
    }

    /// Runs `kernel` compiled for these instructions, or for the baseline where the machine lacks them.
    #[inline]
    pub(crate) fn run<K: ByteKernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: guarded by a run-time check of exactly the features that the callee enables.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::Avx2 if self.is_available() => unsafe { run_avx2_bytes(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::AvxVnni if self.is_available() => unsafe { run_avx_vnni(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::Avx512Vnni if self.is_available() => unsafe { run_avx512_vnni(kernel) },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => kernel.run::<NeonBytes>(),
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "a call across target features")]
            Self::NeonDot if self.is_available() => unsafe { run_neon_dot(kernel) },
            _ => kernel.run::<PortableBytes>(),
        }
    }
}

/// A computation on bytes to be compiled for each kind of instructions; what is said of [`Kernel`] holds for it.
pub(crate) trait ByteKernel {
    /// Runs it; `B` never alters a bit.
    fn run<B: ByteVector>(self);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn run_avx2_bytes<K: ByteKernel>(kernel: K) {
    kernel.run::<Avx2Bytes>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avxvnni,avx2,fma,f16c")]
fn run_avx_vnni<K: ByteKernel>(kernel: K) {
    kernel.run::<AvxVnni>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512vnni,avx512f,avx2,fma,f16c")]
fn run_avx512_vnni<K: ByteKernel>(kernel: K) {
    kernel.run::<Avx512Vnni>();
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
fn run_neon_dot<K: ByteKernel>(kernel: K) {
    kernel.run::<NeonDot>();
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
