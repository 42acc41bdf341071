//! Sixteen sums of products of bytes, one implementation a file for each kind of instructions.
//!
//! Sums are exact integers, so that instruction sets differ in speed alone.
//!
//! *Contract of every implementation:* its methods are called only from code inlined into the function that
//! [`super::super::isa::ByteIsa::run`] enters after it has seen that the machine has the instructions.

#[cfg(target_arch = "x86_64")]
pub(in super::super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(in super::super) mod avx512_vnni;
#[cfg(target_arch = "x86_64")]
pub(in super::super) mod avx_vnni;
#[cfg(target_arch = "aarch64")]
pub(in super::super) mod neon;
#[cfg(target_arch = "aarch64")]
pub(in super::super) mod neon_dot;
pub(in super::super) mod portable;

use super::Vector;

/// Four neighbouring integers of an activation row.
pub(crate) type Group = [i8; 4];
/// Four neighbouring weights of each of sixteen outputs, each [`STORED_ABOVE`] its value.
pub(crate) type StoredGroups = [[u8; 4]; 16];
/// Weights are stored as unsigned bytes, because some instructions multiply unsigned by signed ones.
pub(crate) const STORED_ABOVE: i32 = 128;

/// Sixteen sums of a block's products in registers.
///
/// Methods are `#[inline(always)]`: only inlined code gets the wider registers.
pub(crate) trait ByteVector: Copy {
    /// The sums as binary32 numbers.
    type Floats: Vector;
    /// Sixteen groups of weights, ready to be multiplied.
    type Weights: Copy;

    /// Rows of the tallest register tile.
    const TALLEST: usize;

    /// The panels that one row is multiplied with at a time.
    const STREAMS: usize;

    /// Empty sums; `offset` makes up for the weights' being stored higher, where it is the stored ones that are multiplied.
    fn start(offset: i32) -> Self;

    /// Reads weights.
    fn weights(stored: &StoredGroups) -> Self::Weights;

    /// Adds to each sum the products of its four weights with `x`; activations are in -127..=127.
    fn add_products(self, weights: Self::Weights, x: &Group) -> Self;

    /// The sums, which are below 2^24 and so exact.
    fn floats(self) -> Self::Floats;
}
