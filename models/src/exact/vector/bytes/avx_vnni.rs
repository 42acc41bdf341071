//! AVX-VNNI: four products of unsigned and signed bytes, added to a sum of 32 bits, in AVX2's registers.
#![expect(unsafe_code, reason = "intrinsics; see the contract in the parent module")]

use std::arch::x86_64::{
    __m256i, _mm256_cvtepi32_ps, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
};

use super::super::avx2::Avx2;
use super::{ByteVector, Group, StoredGroups};

/// Two registers of eight sums.
#[derive(Clone, Copy)]
pub(crate) struct AvxVnni(__m256i, __m256i);

impl ByteVector for AvxVnni {
    type Floats = Avx2;
    type Weights = [__m256i; 2];

    const TALLEST: usize = 3;
    const STREAMS: usize = 1;

    #[inline(always)]
    fn start(offset: i32) -> Self {
        // SAFETY: the machine has AVX2 (the parent's contract); registers only.
        unsafe { Self(_mm256_set1_epi32(offset), _mm256_set1_epi32(offset)) }
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> [__m256i; 2] {
        let place = stored.as_ptr().cast::<__m256i>();
        // SAFETY: the machine has AVX2; this reads the 64 bytes of the array; no alignment is asked.
        unsafe { [_mm256_loadu_si256(place), _mm256_loadu_si256(place.add(1))] }
    }

    #[inline(always)]
    fn add_products(self, weights: [__m256i; 2], x: &Group) -> Self {
        // SAFETY: the machine has AVX2 and AVX-VNNI (the parent's contract); registers only.
        unsafe {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x.map(i8::cast_unsigned)));
            Self(
                _mm256_dpbusd_avx_epi32(self.0, weights[0], x),
                _mm256_dpbusd_avx_epi32(self.1, weights[1], x),
            )
        }
    }

    #[inline(always)]
    fn floats(self) -> Avx2 {
        // SAFETY: the machine has AVX2 (the parent's contract); registers only.
        unsafe { Avx2(_mm256_cvtepi32_ps(self.0), _mm256_cvtepi32_ps(self.1)) }
    }
}
