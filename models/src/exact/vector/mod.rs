//! Sixteen f32 lanes, one implementation a file for each instruction set.
//!
//! The kernels of dot products are written once over [`Vector`]; every lane carries out the operations of `EXACT.md`
//! in their order, so width changes speed only. Row operations (norms, activations, softmax) need no more than plain
//! arrays, which the compiler vectorises.
//!
//! *Contract of every implementation:* its methods are called only from code inlined into the function that
//! [`super::isa::Isa::run`] enters after it has seen that the machine has the instruction set.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
pub(super) mod bytes;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
pub(super) mod portable;

/// Sixteen binary32 numbers in registers.
///
/// Methods are `#[inline(always)]`: only inlined code gets the wider registers.
pub(crate) trait Vector: Copy {
    /// How many sums a register tile may hold, so that weights and multiplicands find registers beside them.
    const SUMS: usize;

    /// Rows of the tallest register tile.
    const TALLEST: usize;

    /// Sixteen times +0.
    fn zero() -> Self;

    /// Sixteen times `x`.
    fn splat(x: f32) -> Self;

    /// Reads sixteen numbers.
    fn load(x: &[f32; 16]) -> Self;

    /// Writes sixteen numbers.
    fn store(self, y: &mut [f32; 16]);

    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// `self + other`.
    fn add(self, other: Self) -> Self;

    /// `self * other`.
    fn mul(self, other: Self) -> Self;

    /// Asks for the memory at `place`, which need not be anybody's, to be brought near. Nothing happens where that is unknown.
    fn prefetch<T>(place: *const T);

    /// Widens the upper halves of sixteen words, each a bfloat16.
    fn widen_upper(pairs: &[u32; 16]) -> Self;

    /// Widens the lower halves of sixteen words, each a bfloat16.
    fn widen_lower(pairs: &[u32; 16]) -> Self;

    /// Widens sixteen finite binary16 numbers.
    fn widen_f16(halves: &[u16; 16]) -> Self;
}
