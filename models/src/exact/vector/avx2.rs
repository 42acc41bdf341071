//! AVX2, FMA and F16C: two registers of eight lanes.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::x86_64::{
    __m256, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_ps, _mm256_and_si256, _mm256_castsi256_ps,
    _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mul_ps, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps,
};

use super::Vector;

/// 16 registers: twelve sums, two weights, one multiplicand.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(pub(super) __m256, pub(super) __m256);

impl Vector for Avx2 {
    const SUMS: usize = 6;
    const TALLEST: usize = 6;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C (the parent's contract); registers only.
        unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
    }

    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C (the parent's contract); registers only.
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }

    #[inline(always)]
    fn load(x: &[f32; 16]) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C; this reads the 64 bytes of the array; no alignment is asked.
        unsafe { Self(_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(8))) }
    }

    #[inline(always)]
    fn store(self, y: &mut [f32; 16]) {
        // SAFETY: the machine has AVX2, FMA and F16C; this writes the 64 bytes of the array; no alignment is asked.
        unsafe {
            _mm256_storeu_ps(y.as_mut_ptr(), self.0);
            _mm256_storeu_ps(y.as_mut_ptr().add(8), self.1);
        }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C (the parent's contract); registers only.
        unsafe {
            Self(_mm256_fmadd_ps(self.0, factor.0, addend.0), _mm256_fmadd_ps(self.1, factor.1, addend.1))
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C (the parent's contract); registers only.
        unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C (the parent's contract); registers only.
        unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn prefetch<T>(place: *const T) {
        // SAFETY: a hint; it faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }

    #[inline(always)]
    fn widen_upper(pairs: &[u32; 16]) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C; this reads the 64 bytes of the array; no alignment is asked.
        unsafe {
            let mask = _mm256_set1_epi32(-0x1_0000);
            let (first, second) =
                (_mm256_loadu_si256(pairs.as_ptr().cast()), _mm256_loadu_si256(pairs.as_ptr().add(8).cast()));
            Self(
                _mm256_castsi256_ps(_mm256_and_si256(first, mask)),
                _mm256_castsi256_ps(_mm256_and_si256(second, mask)),
            )
        }
    }

    #[inline(always)]
    fn widen_lower(pairs: &[u32; 16]) -> Self {
        // SAFETY: as above.
        unsafe {
            let (first, second) =
                (_mm256_loadu_si256(pairs.as_ptr().cast()), _mm256_loadu_si256(pairs.as_ptr().add(8).cast()));
            Self(
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(first)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(second)),
            )
        }
    }

    #[inline(always)]
    fn widen_f16(halves: &[u16; 16]) -> Self {
        // SAFETY: the machine has AVX2, FMA and F16C; this reads the 32 bytes of the array; no alignment is asked.
        unsafe {
            Self(
                _mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().add(8).cast())),
            )
        }
    }
}
