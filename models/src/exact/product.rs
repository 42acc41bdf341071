//! Rows times panels: the register tiles behind `linear`, attention and convolution (`EXACT.md`, section 2).
//!
//! A call covers one block of 256 elements at most. Each lane of a tile is one chain of `fma`s in ascending order, so the
//! tile's height and width, which instruction set and number of rows decide, never reach a bit.

use std::ops::Range;

use super::BLOCK;
use super::isa::Kernel;
use super::panel::{PANEL, PanelRow};
use super::vector::Vector;

/// Bytes between the weights in use and those asked for.
const AHEAD: usize = 4096;

/// One block of an activation row; a shorter block uses its beginning.
pub(crate) type Row = [f32; BLOCK];

/// What becomes of a block's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The chains begin at +0, and are the value: the first block.
    First,
    /// The chains begin at +0, and are added to the value so far.
    Later,
    /// The chains go on from the value so far.
    Continue,
}

/// Neighbouring panels, and the part of their `k` that takes part.
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a, W> {
    /// `[panel][k]`
    pub(crate) rows: &'a [W],
    /// Rows from one panel to the next.
    pub(crate) pitch: usize,
    /// How many panels.
    pub(crate) count: usize,
}

impl<'a, W> Panels<'a, W> {
    #[inline(always)]
    fn part(&self, panel: usize, k: &Range<usize>) -> &'a [W] {
        &self.rows[panel * self.pitch + k.start..panel * self.pitch + k.end]
    }
}

/// Multiplies the elements `columns` of each row of `x` with `k` of the panels; as many.
///
/// A kernel of its own, not inlined into others: its tiles are most of this crate's machine code.
pub(crate) struct Product<'a, W> {
    pub(crate) x: &'a [Row],
    pub(crate) columns: Range<usize>,
    pub(crate) panels: Panels<'a, W>,
    pub(crate) k: Range<usize>,
    pub(crate) start: Start,
    /// A row every `stride` elements, 32 a panel.
    pub(crate) y: &'a mut [f32],
    pub(crate) stride: usize,
}

impl<W: PanelRow> Kernel for Product<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { x, columns, panels, k, start, y, stride } = self;
        assert!(columns.len() == k.len() && columns.end <= BLOCK);
        if x.is_empty() {
            return;
        }
        let tiles = x.len().div_ceil(V::TALLEST);
        let tallest = x.len().div_ceil(tiles);
        // The widest tile whose sums stay in registers: many streams of weights at once for few rows.
        let width = [4, 2, 1].into_iter().find(|width| tallest * width * 2 <= V::SUMS);
        let mut panel = 0;
        if width == Some(4) {
            while panel + 4 <= panels.count {
                let weights = [
                    panels.part(panel, &k),
                    panels.part(panel + 1, &k),
                    panels.part(panel + 2, &k),
                    panels.part(panel + 3, &k),
                ];
                all_rows::<V, W, 4, 2, 0>(x, &columns, weights, start, &mut y[panel * PANEL..], stride);
                panel += 4;
            }
        }
        if matches!(width, Some(2 | 4)) {
            while panel + 2 <= panels.count {
                let weights = [panels.part(panel, &k), panels.part(panel + 1, &k)];
                all_rows::<V, W, 2, 2, 0>(x, &columns, weights, start, &mut y[panel * PANEL..], stride);
                panel += 2;
            }
        }
        while panel < panels.count {
            let (weights, y) = ([panels.part(panel, &k)], &mut y[panel * PANEL..]);
            if width.is_some() {
                all_rows::<V, W, 1, 2, 0>(x, &columns, weights, start, y, stride);
            } else {
                all_rows::<V, W, 1, 1, 0>(x, &columns, weights, start, y, stride);
                all_rows::<V, W, 1, 1, 1>(x, &columns, weights, start, &mut y[16..], stride);
            }
            panel += 1;
        }
    }
}

/// All rows times `PANELS` panels, `HALVES` halves of each from half `FIRST` on; rows in tiles of even height.
#[inline(always)]
fn all_rows<V: Vector, W: PanelRow, const PANELS: usize, const HALVES: usize, const FIRST: usize>(
    x: &[Row],
    columns: &Range<usize>,
    weights: [&[W]; PANELS],
    start: Start,
    y: &mut [f32],
    stride: usize,
) {
    let tiles = x.len().div_ceil(V::TALLEST);
    let mut row = 0;
    for index in 0..tiles {
        let end = (index + 1) * x.len() / tiles;
        let (x, y) = (&x[row..end], &mut y[row * stride..]);
        macro_rules! tile_of {
            ($($height:literal)*) => {
                match x.len() {
                    $($height => if const { $height * PANELS * HALVES <= V::SUMS && $height <= V::TALLEST } {
                        if let Some(x) = x.first_chunk::<$height>() {
                            tile::<V, W, $height, PANELS, HALVES, FIRST>(x, columns, weights, start, y, stride);
                        }
                    } else {
                        unreachable!("a tile of {} rows does not fit the registers", $height)
                    },)*
                    height => unreachable!("a tile of {height} rows"),
                }
            };
        }
        tile_of!(1 2 3 4 5 6 7 8 9 10 11 12);
        row = end;
    }
}

/// One register tile.
#[inline(always)]
fn tile<
    V: Vector,
    W: PanelRow,
    const ROWS: usize,
    const PANELS: usize,
    const HALVES: usize,
    const FIRST: usize,
>(
    x: &[Row; ROWS],
    columns: &Range<usize>,
    weights: [&[W]; PANELS],
    start: Start,
    y: &mut [f32],
    stride: usize,
) {
    let mut sums = [[[V::zero(); HALVES]; PANELS]; ROWS];
    if start == Start::Continue {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (panel, sums) in sums.iter_mut().enumerate() {
                for (half, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(lanes(y, row * stride + panel * PANEL + half * 16));
                }
            }
        }
    }
    let len = columns.len();
    let mut rows = [&[][..]; ROWS];
    for (slot, x) in rows.iter_mut().zip(x) {
        *slot = &x[columns.start..columns.end][..len];
    }
    let mut streams = [&[][..]; PANELS];
    for (slot, weights) in streams.iter_mut().zip(weights) {
        *slot = &weights[..len];
    }
    for k in 0..len {
        let mut w = [[V::zero(); HALVES]; PANELS];
        for (w, stream) in w.iter_mut().zip(&streams) {
            if ROWS == 1 {
                // One row asks for weights faster than the hardware foresees them across pages.
                let ahead = (&raw const stream[k]).cast::<u8>().wrapping_add(AHEAD);
                for line in (0..size_of::<W>()).step_by(64) {
                    V::prefetch(ahead.wrapping_add(line));
                }
            }
            if HALVES == 2 || FIRST == 0 {
                w[0] = stream[k].first();
            }
            if HALVES == 2 || FIRST == 1 {
                w[HALVES - 1] = stream[k].second();
            }
        }
        for row in 0..ROWS {
            let x = V::splat(rows[row][k]);
            for panel in 0..PANELS {
                for offset in 0..HALVES {
                    sums[row][panel][offset] = x.mul_add(w[panel][offset], sums[row][panel][offset]);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (panel, sums) in sums.iter().enumerate() {
            for (half, sum) in sums.iter().enumerate() {
                let y = lanes_mut(y, row * stride + panel * PANEL + half * 16);
                let value = if start == Start::Later { V::load(y).add(*sum) } else { *sum };
                value.store(y);
            }
        }
    }
}

/// Sixteen outputs from `at` on.
#[inline(always)]
pub(crate) fn lanes(y: &[f32], at: usize) -> &[f32; 16] {
    match y[at..].first_chunk() {
        Some(lanes) => lanes,
        None => unreachable!("rows end on a panel"),
    }
}

/// Sixteen outputs from `at` on, to be written.
#[inline(always)]
pub(crate) fn lanes_mut(y: &mut [f32], at: usize) -> &mut [f32; 16] {
    match y[at..].first_chunk_mut() {
        Some(lanes) => lanes,
        None => unreachable!("rows end on a panel"),
    }
}
