//! NEON without dot products: products of 16 bits, added in pairs to sums of 32.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::aarch64::{
    int8x16_t, int32x4_t, vcvtq_f32_s32, vdupq_n_s32, vdupq_n_u8, veorq_u8, vget_low_s8, vld1q_u8,
    vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpretq_s8_s32, vreinterpretq_s8_u8,
};

use super::super::neon::Neon;
use super::{ByteVector, Group, StoredGroups};

/// Four times four outputs: each sum in two halves, which lie side by side.
#[derive(Clone, Copy)]
pub(crate) struct NeonBytes([[int32x4_t; 2]; 4]);

impl ByteVector for NeonBytes {
    type Floats = Neon;
    type Weights = [int8x16_t; 4];

    const TALLEST: usize = 1;
    const STREAMS: usize = 1;

    #[inline(always)]
    fn start(_: i32) -> Self {
        // SAFETY: registers only.
        Self([[unsafe { vdupq_n_s32(0) }; 2]; 4])
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> [int8x16_t; 4] {
        signed(stored)
    }

    #[inline(always)]
    fn add_products(self, weights: [int8x16_t; 4], x: &Group) -> Self {
        let mut sums = self.0;
        let x = repeated(x);
        for (sums, weights) in sums.iter_mut().zip(weights) {
            // SAFETY: registers only. A product is at most 127 by 127, so it fits.
            unsafe {
                sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(weights), vget_low_s8(x)));
                sums[1] = vpadalq_s16(sums[1], vmull_high_s8(weights, x));
            }
        }
        Self(sums)
    }

    #[inline(always)]
    fn floats(self) -> Neon {
        // SAFETY: registers only.
        Neon(self.0.map(|[first, second]| unsafe { vcvtq_f32_s32(vpaddq_s32(first, second)) }))
    }
}

/// The weights with their signs, four outputs a register.
#[inline(always)]
pub(super) fn signed(stored: &StoredGroups) -> [int8x16_t; 4] {
    let quarter = |at: usize| {
        // SAFETY: reads 16 bytes from an offset of at most 48 in an array of 64.
        unsafe {
            vreinterpretq_s8_u8(veorq_u8(vld1q_u8(stored.as_ptr().cast::<u8>().add(at)), vdupq_n_u8(0x80)))
        }
    };
    [quarter(0), quarter(16), quarter(32), quarter(48)]
}

/// A group, four times.
#[inline(always)]
pub(super) fn repeated(x: &Group) -> int8x16_t {
    // SAFETY: registers only.
    unsafe { vreinterpretq_s8_s32(vdupq_n_s32(i32::from_ne_bytes(x.map(i8::cast_unsigned)))) }
}
