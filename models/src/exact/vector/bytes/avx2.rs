//! AVX2: products of unsigned and signed bytes, added in pairs of 16 bits, then in fours of 32.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::x86_64::{
    __m256i, _mm256_abs_epi8, _mm256_add_epi32, _mm256_cvtepi32_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_sign_epi8, _mm256_xor_si256,
};

use super::super::avx2::Avx2;
use super::{ByteVector, Group, StoredGroups};

/// Two registers of eight sums.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Bytes(__m256i, __m256i);

/// Magnitudes, and the weights with their signs.
#[derive(Clone, Copy)]
pub(crate) struct Signed {
    magnitudes: [__m256i; 2],
    weights: [__m256i; 2],
}

impl ByteVector for Avx2Bytes {
    type Floats = Avx2;
    type Weights = Signed;

    const TALLEST: usize = 2;
    const STREAMS: usize = 1;

    #[inline(always)]
    fn start(_: i32) -> Self {
        // SAFETY: the machine has AVX2 (the parent's contract); registers only.
        unsafe { Self(_mm256_setzero_si256(), _mm256_setzero_si256()) }
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> Signed {
        // SAFETY: the machine has AVX2; this reads the 64 bytes of the array; no alignment is asked.
        unsafe {
            let top = _mm256_set1_epi8(i8::MIN);
            let place = stored.as_ptr().cast::<__m256i>();
            let weights = [
                _mm256_xor_si256(_mm256_loadu_si256(place), top),
                _mm256_xor_si256(_mm256_loadu_si256(place.add(1)), top),
            ];
            Signed { magnitudes: [_mm256_abs_epi8(weights[0]), _mm256_abs_epi8(weights[1])], weights }
        }
    }

    #[inline(always)]
    fn add_products(self, Signed { magnitudes, weights }: Signed, x: &Group) -> Self {
        // SAFETY: the machine has AVX2 (the parent's contract); registers only. Two products of 127 by 127 are below 2^15, so
        // that no pair saturates.
        unsafe {
            let (x, ones) =
                (_mm256_set1_epi32(i32::from_ne_bytes(x.map(i8::cast_unsigned))), _mm256_set1_epi16(1));
            let pairs =
                |half: usize| _mm256_maddubs_epi16(magnitudes[half], _mm256_sign_epi8(x, weights[half]));
            Self(
                _mm256_add_epi32(self.0, _mm256_madd_epi16(pairs(0), ones)),
                _mm256_add_epi32(self.1, _mm256_madd_epi16(pairs(1), ones)),
            )
        }
    }

    #[inline(always)]
    fn floats(self) -> Avx2 {
        // SAFETY: the machine has AVX2 (the parent's contract); registers only.
        unsafe { Avx2(_mm256_cvtepi32_ps(self.0), _mm256_cvtepi32_ps(self.1)) }
    }
}
