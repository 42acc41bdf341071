//! Any machine: sixteen scalars. The oracle of the others.

use super::Vector;

/// An array; where the baseline has no fused multiply-add, each is a call of the C library, which rounds once too.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 16]);

impl Vector for Portable {
    const SUMS: usize = 4;
    const TALLEST: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; 16])
    }

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; 16])
    }

    #[inline(always)]
    fn load(x: &[f32; 16]) -> Self {
        Self(*x)
    }

    #[inline(always)]
    fn store(self, y: &mut [f32; 16]) {
        *y = self.0;
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut sum = addend.0;
        for (sum, (x, factor)) in sum.iter_mut().zip(self.0.iter().zip(factor.0)) {
            *sum = x.mul_add(factor, *sum);
        }
        Self(sum)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut sum = self.0;
        for (sum, other) in sum.iter_mut().zip(other.0) {
            *sum += other;
        }
        Self(sum)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut product = self.0;
        for (product, other) in product.iter_mut().zip(other.0) {
            *product *= other;
        }
        Self(product)
    }

    #[inline(always)]
    fn prefetch<T>(_: *const T) {}

    #[inline(always)]
    fn widen_upper(pairs: &[u32; 16]) -> Self {
        let mut wide = [0.0; 16];
        for (wide, pair) in wide.iter_mut().zip(pairs) {
            *wide = f32::from_bits(pair & 0xffff_0000);
        }
        Self(wide)
    }

    #[inline(always)]
    fn widen_lower(pairs: &[u32; 16]) -> Self {
        let mut wide = [0.0; 16];
        for (wide, pair) in wide.iter_mut().zip(pairs) {
            *wide = f32::from_bits(pair << 16);
        }
        Self(wide)
    }

    #[inline(always)]
    fn widen_f16(halves: &[u16; 16]) -> Self {
        Self(widened(halves))
    }
}

/// 2^112: binary16 has its exponents 112 lower than binary32.
const REBIAS: f32 = f32::from_bits(0x7780_0000);

/// Finite binary16 numbers as binary32. The product is exact, also for subnormals.
#[inline(always)]
pub(super) fn widened(halves: &[u16; 16]) -> [f32; 16] {
    let mut wide = [0.0; 16];
    for (wide, half) in wide.iter_mut().zip(halves) {
        let half = u32::from(*half);
        let magnitude = f32::from_bits((half & 0x7fff) << 13) * REBIAS;
        *wide = f32::from_bits(magnitude.to_bits() | (half & 0x8000) << 16);
    }
    wide
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn every_finite_binary16_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(widened(&[bits; 16])[3].to_bits(), half.to_f32().to_bits(), "{bits:#06x}");
            }
        }
    }
}
