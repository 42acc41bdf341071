//! Blocks of 32 numbers as integers of eight bits and one scale (`EXACT.md`, section 13).

use std::ops::Range;

use rayon::prelude::*;

use super::BLOCK;
use super::blocks::{Blocks, CHUNK};
use super::function::ROUND;
use super::isa::{Isa, Kernel};
use super::product::Row;
use super::vector::Vector;
use super::vector::bytes::{Group, STORED_ABOVE};

/// Elements of a block with one scale.
pub const Q8_BLOCK: usize = 32;
/// Elements that instructions multiply and add at once.
pub(crate) const GROUP: usize = 4;
/// Elements that outweigh the cost of handing a task to another thread.
const TASK: usize = 1 << 14;
const INFINITY_BITS: u32 = 0x7f80_0000;

/// 32 numbers as `scale * integers`; where fewer are meant, zeros come last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Q8Block {
    /// `d`: +0, normal, or NaN where a number is not finite.
    pub scale: f32,
    /// In -127..=127.
    pub integers: [i8; Q8_BLOCK],
}

impl Q8Block {
    /// Quantises a block.
    #[must_use]
    #[inline(always)]
    pub fn of(x: &[f32; Q8_BLOCK]) -> Self {
        // Bit patterns without sign are in the order of the magnitudes, infinity and NaN above all.
        let largest = x.iter().fold(0, |largest, x| largest.max(x.to_bits() & !(1 << 31)));
        let zeros = [0; Q8_BLOCK];
        if largest >= INFINITY_BITS {
            return Self { scale: f32::NAN, integers: zeros };
        }
        let scale = f32::from_bits(largest) / 127.0;
        if scale < f32::MIN_POSITIVE {
            return Self { scale: 0.0, integers: zeros };
        }
        let mut integers = zeros;
        for (integer, x) in integers.iter_mut().zip(x) {
            // The sum's last digit stands for 1, so it is rounded as the definition asks, and its low byte is the integer.
            *integer = (x / scale + f32::from_bits(ROUND)).to_bits() as i8;
        }
        Self { scale, integers }
    }

    /// Quantises what may be the shorter last block of a row.
    #[must_use]
    pub fn of_part(x: &[f32]) -> Self {
        let mut block = [0.0; Q8_BLOCK];
        block[..x.len()].copy_from_slice(x);
        Self::of(&block)
    }

    /// The definition, one number at a time.
    ///
    /// # Panics
    /// When `x` has more than 32 elements.
    #[must_use]
    pub fn of_part_reference(x: &[f32]) -> Self {
        let mut integers = [0; Q8_BLOCK];
        if x.iter().any(|x| !x.is_finite()) {
            return Self { scale: f32::NAN, integers };
        }
        let scale = x.iter().fold(0.0, |largest: f32, x| largest.max(x.abs())) / 127.0;
        if !scale.is_normal() {
            return Self { scale: 0.0, integers };
        }
        for (place, x) in x.iter().enumerate() {
            integers[place] = (x / scale).round_ties_even() as i8;
        }
        Self { scale, integers }
    }
}

/// A block of one activation row, as products read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiplicand {
    pub(crate) groups: [Group; Q8_BLOCK / GROUP],
    pub(crate) scale: f32,
    /// The products' sum with weights that are stored higher by [`STORED_ABOVE`] is too large by this much: negative.
    pub(crate) offset: i32,
}

impl Multiplicand {
    const ZERO: Self = Self { groups: [[0; GROUP]; Q8_BLOCK / GROUP], scale: 0.0, offset: 0 };

    #[inline(always)]
    fn of(block: &Q8Block) -> Self {
        let mut groups = [[0; GROUP]; Q8_BLOCK / GROUP];
        groups.as_flattened_mut().copy_from_slice(&block.integers);
        let sum: i32 = block.integers.iter().map(|integer| i32::from(*integer)).sum();
        Self { groups, scale: block.scale, offset: -STORED_ABOVE * sum }
    }
}

/// `(rows, width)` quantised activations, `[chunk][block][row]` with chunks of 96 rows and blocks of 32.
#[derive(Debug, Default)]
pub(crate) struct Multiplicands {
    values: Vec<Multiplicand>,
    rows: usize,
    width: usize,
}

impl Multiplicands {
    /// Quantises `x`; the memory of `self` is used again.
    pub(crate) fn filled(mut self, x: &Blocks, isa: Isa) -> Self {
        let (rows, width) = (x.rows(), x.width());
        let count = width.div_ceil(Q8_BLOCK);
        self.values.resize(rows * count, Multiplicand::ZERO);
        let chunks = self.values.chunks_mut((CHUNK * count).max(1)).enumerate();
        // What one block of 256 of a chunk becomes lies together.
        let tasks: Vec<Quantise<'_>> = chunks
            .flat_map(|(chunk, values)| {
                let rows = CHUNK.min(rows - chunk * CHUNK);
                let parts = values.chunks_mut(BLOCK / Q8_BLOCK * rows).enumerate();
                parts.map(move |(block, values)| {
                    let width = BLOCK.min(width - block * BLOCK);
                    Quantise { x: x.block(chunk, block), width, values }
                })
            })
            .collect();
        let least = TASK / (CHUNK.min(rows) * BLOCK).max(1) + 1;
        tasks.into_par_iter().with_min_len(least).for_each(|task| isa.run(task));
        Self { values: self.values, rows, width }
    }

    /// Some blocks of a chunk, `[block][row]`, and how many rows.
    pub(crate) fn blocks(&self, chunk: usize, blocks: Range<usize>) -> (&[Multiplicand], usize) {
        let rows = CHUNK.min(self.rows - chunk * CHUNK);
        let start = chunk * CHUNK * self.width.div_ceil(Q8_BLOCK);
        (&self.values[start + blocks.start * rows..start + blocks.end * rows], rows)
    }
}

/// One block of 256 of some rows.
struct Quantise<'a> {
    x: &'a [Row],
    /// Elements that count.
    width: usize,
    /// `[block][row]`
    values: &'a mut [Multiplicand],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for (block, values) in self.values.chunks_exact_mut(self.x.len()).enumerate() {
            let width = self.width - block * Q8_BLOCK;
            for (value, x) in values.iter_mut().zip(self.x) {
                let mut part = [0.0; Q8_BLOCK];
                part.copy_from_slice(&x[block * Q8_BLOCK..][..Q8_BLOCK]);
                if width < Q8_BLOCK {
                    part[width..].fill(0.0);
                }
                *value = Multiplicand::of(&Q8Block::of(&part));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn assert_as_defined(x: &[f32]) -> Q8Block {
        let (block, expected) = (Q8Block::of_part(x), Q8Block::of_part_reference(x));
        assert_eq!(block.integers, expected.integers, "{x:?}");
        assert!(block.scale.to_bits() == expected.scale.to_bits() || block.scale.is_nan(), "{x:?}");
        assert_eq!(block.scale.is_nan(), expected.scale.is_nan(), "{x:?}");
        block
    }

    #[test]
    fn the_ends_of_the_range_are_reached_and_never_passed() {
        for start in [127.0, 1.0, f32::MIN_POSITIVE * 127.0, f32::MIN_POSITIVE * 200.0, 1e-30, 1e37] {
            for bits in start.to_bits()..start.to_bits() + 300 {
                let x = f32::from_bits(bits);
                let block = assert_as_defined(&[x, -x, x / 2.0]);
                assert_eq!(block.integers[..2], [127, -127], "{x:e}");
            }
        }
        assert_eq!(assert_as_defined(&[f32::MAX, f32::MIN]).integers[..2], [127, -127]);
    }

    #[test]
    fn ties_go_to_the_even_integer() {
        let block = assert_as_defined(&[127.0, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5, -0.0]);
        assert_eq!(block.integers[..8], [127, 0, 2, 2, 0, -2, 126, 0]);
        assert_eq!(block.scale, 1.0);
    }

    #[test]
    fn a_scale_that_would_be_subnormal_makes_zeros() {
        let least = f32::MIN_POSITIVE * 127.0;
        assert_eq!(assert_as_defined(&[least]).integers[0], 127);
        for largest in [least.next_down(), f32::MIN_POSITIVE, f32::from_bits(1), 0.0, -0.0] {
            let block = assert_as_defined(&[largest, -largest]);
            // Whether the quotient just below still rounds to the smallest normal number is the division's business.
            let expected = largest / 127.0;
            assert_eq!(block.scale, if expected.is_normal() { expected } else { 0.0 });
            assert_eq!(block.integers[0] != 0, expected.is_normal());
        }
    }

    #[test]
    fn a_number_that_is_not_finite_makes_a_scale_that_is_none() {
        for x in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            let block = assert_as_defined(&[1.0, x, 3.0]);
            assert!(block.scale.is_nan());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_block_is_quantised_as_defined(x in proptest::collection::vec(any::<f32>(), 1..=Q8_BLOCK)) {
            assert_as_defined(&x);
        }

        #[test]
        fn rows_are_quantised_as_defined_on_every_instruction_set(
            rows in prop_oneof![1_usize..4, 95_usize..99],
            width in 1_usize..600,
            seed in any::<u32>(),
        ) {
            let number = |at: usize| ((at as u32 ^ seed).wrapping_mul(0x9e37_79b9) >> 8) as f32 - 8e6;
            let x: Vec<f32> = (0..rows * width).map(number).collect();
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                let used = Multiplicands::default().filled(&Blocks::of_rows(&[f32::NAN; 700], 7), isa);
                let quantised = used.filled(&Blocks::of_rows(&x, width), isa);
                for (row, x) in x.chunks_exact(width).enumerate() {
                    for (block, x) in x.chunks(Q8_BLOCK).enumerate() {
                        let (blocks, stride) = quantised.blocks(row / CHUNK, block..block + 1);
                        prop_assert_eq!(stride, blocks.len());
                        let (value, expected) = (blocks[row % CHUNK], Q8Block::of_part_reference(x));
                        prop_assert_eq!(value.groups.as_flattened(), &expected.integers);
                        prop_assert_eq!(value.scale.to_bits(), expected.scale.to_bits());
                        let sum: i32 = expected.integers.iter().map(|integer| i32::from(*integer)).sum();
                        prop_assert_eq!(value.offset, -128 * sum);
                    }
                }
            }
        }
    }
}
