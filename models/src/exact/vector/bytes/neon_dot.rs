//! NEON with dot products (Armv8.2 DotProd): four products of signed bytes, added to a sum of 32 bits.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::aarch64::{int8x16_t, int32x4_t, vcvtq_f32_s32, vdupq_n_s32};
use std::arch::asm;

use super::super::neon::Neon;
use super::neon::{repeated, signed};
use super::{ByteVector, Group, StoredGroups};

/// Four registers of four sums.
#[derive(Clone, Copy)]
pub(crate) struct NeonDot([int32x4_t; 4]);

impl ByteVector for NeonDot {
    type Floats = Neon;
    type Weights = [int8x16_t; 4];

    /// 32 registers: 24 sums, four weights, one group.
    const TALLEST: usize = 3;
    const STREAMS: usize = 1;

    #[inline(always)]
    fn start(_: i32) -> Self {
        // SAFETY: registers only.
        Self([unsafe { vdupq_n_s32(0) }; 4])
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> [int8x16_t; 4] {
        signed(stored)
    }

    #[inline(always)]
    fn add_products(self, weights: [int8x16_t; 4], x: &Group) -> Self {
        let mut sums = self.0;
        let x = repeated(x);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            // The intrinsic `vdotq_s32` is not stable yet.
            // SAFETY: the machine has DotProd (the parent's contract); registers only, no flags.
            unsafe {
                asm!(
                    "sdot {sum:v}.4s, {weights:v}.16b, {x:v}.16b",
                    sum = inout(vreg) *sum,
                    weights = in(vreg) weights,
                    x = in(vreg) x,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
        Self(sums)
    }

    #[inline(always)]
    fn floats(self) -> Neon {
        // SAFETY: registers only.
        Neon(self.0.map(|sums| unsafe { vcvtq_f32_s32(sums) }))
    }
}
