//! NEON: four registers of four lanes. Its fused multiply-add rounds once, and it keeps subnormals.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vandq_u32, vdupq_n_f32, vdupq_n_u32, vfmaq_f32, vld1q_f32, vld1q_u32, vmulq_f32,
    vreinterpretq_f32_u32, vshlq_n_u32, vst1q_f32,
};

use super::Vector;
use super::portable::widened;

/// 32 registers: 24 sums, four weights, one multiplicand.
#[derive(Clone, Copy)]
pub(crate) struct Neon(pub(super) [float32x4_t; 4]);

impl Vector for Neon {
    const SUMS: usize = 6;
    const TALLEST: usize = 6;

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: registers only.
        Self([unsafe { vdupq_n_f32(x) }; 4])
    }

    #[inline(always)]
    fn load(x: &[f32; 16]) -> Self {
        let quarter = |at: usize| {
            // SAFETY: reads 16 bytes from an offset of at most 48 in an array of 64.
            unsafe { vld1q_f32(x.as_ptr().add(at)) }
        };
        Self([quarter(0), quarter(4), quarter(8), quarter(12)])
    }

    #[inline(always)]
    fn store(self, y: &mut [f32; 16]) {
        for (quarter, y) in self.0.into_iter().zip(y.chunks_exact_mut(4)) {
            // SAFETY: writes the 16 bytes of a chunk of four.
            unsafe { vst1q_f32(y.as_mut_ptr(), quarter) }
        }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut sum = addend.0;
        for (sum, (a, b)) in sum.iter_mut().zip(self.0.into_iter().zip(factor.0)) {
            // SAFETY: registers only.
            *sum = unsafe { vfmaq_f32(*sum, a, b) };
        }
        Self(sum)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut sum = self.0;
        for (sum, other) in sum.iter_mut().zip(other.0) {
            // SAFETY: registers only.
            *sum = unsafe { vaddq_f32(*sum, other) };
        }
        Self(sum)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut product = self.0;
        for (product, other) in product.iter_mut().zip(other.0) {
            // SAFETY: registers only.
            *product = unsafe { vmulq_f32(*product, other) };
        }
        Self(product)
    }

    #[inline(always)]
    fn prefetch<T>(_: *const T) {}

    #[inline(always)]
    fn widen_upper(pairs: &[u32; 16]) -> Self {
        let quarter = |at: usize| {
            // SAFETY: reads 16 bytes from an offset of at most 48 in an array of 64.
            unsafe {
                vreinterpretq_f32_u32(vandq_u32(vld1q_u32(pairs.as_ptr().add(at)), vdupq_n_u32(0xffff_0000)))
            }
        };
        Self([quarter(0), quarter(4), quarter(8), quarter(12)])
    }

    #[inline(always)]
    fn widen_lower(pairs: &[u32; 16]) -> Self {
        let quarter = |at: usize| {
            // SAFETY: as above.
            unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<16>(vld1q_u32(pairs.as_ptr().add(at)))) }
        };
        Self([quarter(0), quarter(4), quarter(8), quarter(12)])
    }

    #[inline(always)]
    fn widen_f16(halves: &[u16; 16]) -> Self {
        // The conversion instruction has no stable name in Rust; integer operations serve.
        Self::load(&widened(halves))
    }
}
