//! AVX-512 VNNI: four products of unsigned and signed bytes, added to a sum of 32 bits.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::x86_64::{
    __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
};

use super::super::avx512::Avx512;
use super::{ByteVector, Group, StoredGroups};

/// One register of sixteen sums.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni(__m512i);

impl ByteVector for Avx512Vnni {
    type Floats = Avx512;
    type Weights = __m512i;

    /// 32 registers: twelve sums, as many numbers, two weights.
    const TALLEST: usize = 6;
    const STREAMS: usize = 4;

    #[inline(always)]
    fn start(offset: i32) -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_set1_epi32(offset) })
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> __m512i {
        // SAFETY: the machine has AVX-512F; this reads the 64 bytes of the array; no alignment is asked.
        unsafe { _mm512_loadu_si512(stored.as_ptr().cast()) }
    }

    #[inline(always)]
    fn add_products(self, weights: __m512i, x: &Group) -> Self {
        // SAFETY: the machine has AVX-512F and VNNI (the parent's contract); registers only.
        Self(unsafe {
            let x = _mm512_set1_epi32(i32::from_ne_bytes(x.map(i8::cast_unsigned)));
            _mm512_dpbusd_epi32(self.0, weights, x)
        })
    }

    #[inline(always)]
    fn floats(self) -> Avx512 {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Avx512(unsafe { _mm512_cvtepi32_ps(self.0) })
    }
}
