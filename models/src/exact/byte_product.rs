//! Rows times panels of eight bits: the register tiles behind `linear` in `exact/q8` (`EXACT.md`, section 13).
//!
//! Each output is one chain of `fma`s over its blocks, in ascending order, so the tile's height and width never reach a bit; the
//! sums inside a block are integers.

use super::byte_panel::ByteBlock;
use super::isa::ByteKernel;
use super::panel::PANEL;
use super::product::{lanes, lanes_mut};
use super::quantise::{GROUP, Multiplicand, Q8_BLOCK};
use super::vector::Vector;
use super::vector::bytes::ByteVector;

/// Bytes between the weights in use and those asked for.
const AHEAD: usize = 4096;

/// Multiplies some blocks of each row of `x` with the same blocks of neighbouring panels.
pub(crate) struct ByteProduct<'a> {
    /// `[block][row]`
    pub(crate) x: &'a [Multiplicand],
    /// How many rows.
    pub(crate) rows: usize,
    /// `[panel][block]`
    pub(crate) panels: &'a [ByteBlock],
    /// Blocks from one panel to the next, of which those that take part come first.
    pub(crate) pitch: usize,
    /// How many panels.
    pub(crate) count: usize,
    /// Added to: a row every `stride` elements, 32 a panel.
    pub(crate) y: &'a mut [f32],
    pub(crate) stride: usize,
}

impl ByteKernel for ByteProduct<'_> {
    #[inline(always)]
    fn run<B: ByteVector>(self) {
        let Self { x, rows, panels, pitch, count, y, stride } = self;
        if rows == 0 {
            return;
        }
        let blocks = x.len() / rows;
        let part = |panel: usize| &panels[panel * pitch..][..blocks];
        let mut panel = 0;
        if rows == 1 && B::STREAMS == 4 {
            while panel + 4 <= count {
                let weights = [part(panel), part(panel + 1), part(panel + 2), part(panel + 3)];
                tile::<B, 1, 4>(x, 1, weights, &mut y[panel * PANEL..], stride);
                panel += 4;
            }
        }
        while panel < count {
            all_rows::<B>(x, rows, [part(panel)], &mut y[panel * PANEL..], stride);
            panel += 1;
        }
    }
}

/// All rows times one panel; rows in tiles of even height.
#[inline(always)]
fn all_rows<B: ByteVector>(
    x: &[Multiplicand],
    rows: usize,
    weights: [&[ByteBlock]; 1],
    y: &mut [f32],
    stride: usize,
) {
    let tiles = rows.div_ceil(B::TALLEST);
    let mut row = 0;
    for index in 0..tiles {
        let end = (index + 1) * rows / tiles;
        let (x, y) = (&x[row..], &mut y[row * stride..]);
        macro_rules! tile_of {
            ($($height:literal)*) => {
                match end - row {
                    $($height => if const { $height <= B::TALLEST } {
                        tile::<B, $height, 1>(x, rows, weights, y, stride);
                    } else {
                        unreachable!("a tile of {} rows does not fit the registers", $height)
                    },)*
                    height => unreachable!("a tile of {height} rows"),
                }
            };
        }
        tile_of!(1 2 3 4 5 6);
        row = end;
    }
}

/// One register tile: the first `ROWS` rows of `x`, whose blocks are `pitch` apart.
#[inline(always)]
fn tile<B: ByteVector, const ROWS: usize, const PANELS: usize>(
    x: &[Multiplicand],
    pitch: usize,
    weights: [&[ByteBlock]; PANELS],
    y: &mut [f32],
    stride: usize,
) {
    let mut totals = [[[B::Floats::zero(); 2]; PANELS]; ROWS];
    for (row, totals) in totals.iter_mut().enumerate() {
        for (panel, totals) in totals.iter_mut().enumerate() {
            for (half, total) in totals.iter_mut().enumerate() {
                *total = B::Floats::load(lanes(y, row * stride + panel * PANEL + half * 16));
            }
        }
    }
    for (block, x) in x.chunks(pitch).enumerate() {
        let Some(x) = x.first_chunk::<ROWS>() else { unreachable!("a block has all rows") };
        let mut sums = x.map(|x| [[B::start(x.offset); 2]; PANELS]);
        for group in 0..Q8_BLOCK / GROUP {
            for (panel, stream) in weights.iter().enumerate() {
                let weights = &stream[block];
                if ROWS == 1 {
                    // One row asks for weights faster than the hardware foresees them across pages.
                    let ahead = (&raw const *weights).cast::<u8>().wrapping_add(AHEAD + group * 128);
                    B::Floats::prefetch(ahead);
                    B::Floats::prefetch(ahead.wrapping_add(64));
                }
                for half in 0..2 {
                    let weights = weights.weights::<B>(group, half);
                    for (sums, x) in sums.iter_mut().zip(x) {
                        sums[panel][half] = sums[panel][half].add_products(weights, &x.groups[group]);
                    }
                }
            }
        }
        for (panel, stream) in weights.iter().enumerate() {
            for half in 0..2 {
                let scales = stream[block].scales::<B::Floats>(half);
                for ((totals, sums), x) in totals.iter_mut().zip(&sums).zip(x) {
                    let scale = scales.mul(B::Floats::splat(x.scale));
                    let total = &mut totals[panel][half];
                    *total = sums[panel][half].floats().mul_add(scale, *total);
                }
            }
        }
    }
    for (row, totals) in totals.iter().enumerate() {
        for (panel, totals) in totals.iter().enumerate() {
            for (half, total) in totals.iter().enumerate() {
                total.store(lanes_mut(y, row * stride + panel * PANEL + half * 16));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Blocks;
    use super::super::byte_panel::pack;
    use super::super::isa::{ByteIsa, Isa};
    use super::super::linear::quantised_linear_reference;
    use super::super::quantise::Multiplicands;
    use super::*;

    /// Numbers of very different sizes, with every seventh one zero.
    fn values(seed: u32, count: usize) -> Vec<f32> {
        let number = |at: u32| {
            let word = (at ^ seed).wrapping_mul(0x9e37_79b9) ^ (at >> 3).wrapping_mul(0x85eb_ca6b);
            let size = f32::from_bits((100 + (word >> 9) % 40) << 23);
            if at.is_multiple_of(7) { 0.0 } else { size * ((word >> 8) as f32 / 8_388_608.0 - 1.0) }
        };
        (0..count as u32).map(number).collect()
    }

    /// The product by these instructions: `(rows, n)`.
    fn multiply(kind: ByteIsa, x: &[f32], w: &[f32], k: usize) -> Vec<f32> {
        let outputs: Vec<Option<&[f32]>> = w.chunks_exact(k).map(Some).collect();
        let (panels, n) = (pack(&outputs, k), outputs.len());
        let (count, pitch) = (n.div_ceil(PANEL), k.div_ceil(Q8_BLOCK));
        let multiplicands = Multiplicands::default().filled(&Blocks::of_rows(x, k), Isa::Portable);
        let (x, rows) = multiplicands.blocks(0, 0..pitch);
        let stride = count * PANEL;
        let mut y = vec![0.0; rows * stride];
        kind.run(ByteProduct { x, rows, panels: &panels, pitch, count, y: &mut y, stride });
        y.chunks_exact(stride).flat_map(|row| &row[..n]).copied().collect()
    }

    #[test]
    fn all_instructions_give_the_bits_of_the_definition_around_every_boundary() {
        for k in [1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 255, 256, 257, 700] {
            for (n, rows) in [
                (1, 1),
                (31, 2),
                (32, 3),
                (33, 4),
                (64, 5),
                (65, 6),
                (96, 7),
                (127, 1),
                (128, 1),
                (129, 1),
                (161, 1),
                (40, 12),
                (40, 13),
                (33, 95),
                (33, 96),
            ] {
                let (x, w) = (values(1, rows * k), values(2, n * k));
                let expected = quantised_linear_reference(&x, &w, None, k, n);
                for kind in ByteIsa::ALL.into_iter().filter(|kind| kind.is_available()) {
                    let y = multiply(kind, &x, &w, k);
                    let differs = y.iter().zip(&expected).position(|(a, e)| a.to_bits() != e.to_bits());
                    assert_eq!((differs, y.len()), (None, expected.len()), "{kind:?}: {rows} x {k} x {n}");
                }
            }
        }
    }

    #[test]
    fn the_largest_integers_saturate_no_instruction() {
        for (x, w) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let (x, w) = (vec![x; 2 * 128], vec![w; 40 * 128]);
            for kind in ByteIsa::ALL.into_iter().filter(|kind| kind.is_available()) {
                let y = multiply(kind, &x, &w, 128);
                let expected = quantised_linear_reference(&x, &w, None, 128, 40);
                assert_eq!(y, expected, "{kind:?}");
                assert!((y[0].abs() - 128.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn what_is_not_finite_reaches_all_that_reads_its_block() {
        let mut x = values(3, 3 * 64);
        x[64 + 40] = f32::INFINITY;
        for kind in ByteIsa::ALL.into_iter().filter(|kind| kind.is_available()) {
            let y = multiply(kind, &x, &values(4, 33 * 64), 64);
            for (at, y) in y.iter().enumerate() {
                assert_eq!(y.is_nan(), at / 33 == 1, "{kind:?} {at}");
            }
        }
    }
}
