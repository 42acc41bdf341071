//! AVX-512F: one register of sixteen lanes.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm512_add_ps, _mm512_and_si512,
    _mm512_castsi512_ps, _mm512_cvtph_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_slli_epi32, _mm512_storeu_ps,
};

use super::Vector;

/// 32 registers: 24 sums, two weights, and the multiplicand from memory.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(pub(super) __m512);

impl Vector for Avx512 {
    const SUMS: usize = 24;
    const TALLEST: usize = 12;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    fn load(x: &[f32; 16]) -> Self {
        // SAFETY: the machine has AVX-512F; this reads the 64 bytes of the array; no alignment is asked.
        Self(unsafe { _mm512_loadu_ps(x.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, y: &mut [f32; 16]) {
        // SAFETY: the machine has AVX-512F; this writes the 64 bytes of the array; no alignment is asked.
        unsafe { _mm512_storeu_ps(y.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: the machine has AVX-512F (the parent's contract); registers only.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn prefetch<T>(place: *const T) {
        // SAFETY: a hint; it faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }

    #[inline(always)]
    fn widen_upper(pairs: &[u32; 16]) -> Self {
        // SAFETY: the machine has AVX-512F; this reads the 64 bytes of the array; no alignment is asked.
        Self(unsafe {
            let words = _mm512_loadu_si512(pairs.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_and_si512(words, _mm512_set1_epi32(-0x1_0000)))
        })
    }

    #[inline(always)]
    fn widen_lower(pairs: &[u32; 16]) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let words = _mm512_loadu_si512(pairs.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words))
        })
    }

    #[inline(always)]
    fn widen_f16(halves: &[u16; 16]) -> Self {
        // SAFETY: the machine has AVX-512F; this reads the 32 bytes of the array; no alignment is asked.
        Self(unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast())) })
    }
}
