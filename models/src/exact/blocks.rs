//! Activations as products read them: each row cut into the arithmetic's blocks of 256.
//!
//! ```text
//! rows 0..96:   block 0: row 0: element 0..256   | row 1: element 0..256   | ... | row 95
//!               block 1: row 0: element 256..512 | ...
//! rows 96..192: block 0: ...
//! ```
//! The last block of a row is filled up, and the filling never read. So one block of 96 rows is contiguous and stays in the
//! second cache while panel after panel passes by, whatever power of two the width may be.

use std::ops::Range;

use rayon::prelude::*;

use super::BLOCK;
use super::grid::{Tile, tiles};
use super::product::Row;

/// Rows that lie together: whole tiles of each instruction set.
pub(crate) const CHUNK: usize = 96;

/// `(rows, width)` activations, `[chunk][block][row][256]`.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    values: Vec<Row>,
    rows: usize,
    width: usize,
}

/// One row of a [`Blocks`], to be written block by block.
pub(crate) struct BlockRow<'a> {
    chunk: &'a mut [Row],
    rows: usize,
    row: usize,
    width: usize,
}

impl Blocks {
    /// Room for `rows` of `width` elements, which hold anything; the memory of `self` is used again.
    #[must_use]
    pub(crate) fn resized(mut self, rows: usize, width: usize) -> Self {
        self.values.resize(rows * width.div_ceil(BLOCK), [0.0; BLOCK]);
        Self { values: self.values, rows, width }
    }

    /// Takes row-major `x`: `(rows, width)`; the memory of `self` is used again.
    #[must_use]
    pub(crate) fn filled(self, x: &[f32], width: usize) -> Self {
        assert!(width > 0 && x.len().is_multiple_of(width));
        let mut blocks = self.resized(x.len() / width, width);
        blocks.fill(|row, mut blocks| blocks.copy_from(&x[row * width..][..width]));
        blocks
    }

    /// Takes some rows of `x`, one after another; the memory of `self` is used again.
    #[must_use]
    pub(crate) fn picked(self, x: &Self, rows: &[u32]) -> Self {
        let mut blocks = self.resized(rows.len(), x.width);
        blocks.fill(|row, mut own| {
            let row = rows[row] as usize;
            for block in 0..x.width.div_ceil(BLOCK) {
                let own = own.block(block);
                own.copy_from_slice(&x.block(row / CHUNK, block)[row % CHUNK][..own.len()]);
            }
        });
        blocks
    }

    /// Row-major `x`: `(rows, width)`.
    ///
    /// # Panics
    /// When `x` is no whole number of rows.
    #[must_use]
    pub fn of_rows(x: &[f32], width: usize) -> Self {
        Self::default().filled(x, width)
    }

    /// One row, for tests and look-ups; products read block by block.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<f32> {
        assert!(row < self.rows);
        let blocks =
            (0..self.width.div_ceil(BLOCK)).map(|block| &self.block(row / CHUNK, block)[row % CHUNK]);
        blocks.flatten().copied().take(self.width).collect()
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Elements a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// One block of a chunk's rows.
    pub(crate) fn block(&self, chunk: usize, block: usize) -> &[Row] {
        let rows = CHUNK.min(self.rows - chunk * CHUNK);
        let start = chunk * CHUNK * self.width.div_ceil(BLOCK) + block * rows;
        &self.values[start..start + rows]
    }

    /// Writes each row; chunks in parallel.
    pub(crate) fn fill(&mut self, write: impl Fn(usize, BlockRow<'_>) + Sync) {
        let (rows, width) = (self.rows, self.width);
        let chunks = self.values.par_chunks_mut((CHUNK * width.div_ceil(BLOCK)).max(1)).enumerate();
        chunks.for_each(|(index, chunk)| {
            let first = index * CHUNK;
            let rows = CHUNK.min(rows - first);
            for row in 0..rows {
                write(first + row, BlockRow { chunk: &mut *chunk, rows, row, width });
            }
        });
    }

    /// Tiles of `width` columns, a power of two up to 256: chunk by chunk, in a chunk in ascending columns.
    pub(crate) fn tiles(&mut self, width: usize) -> impl Iterator<Item = Tile<'_>> {
        let (rows, count) = (self.rows, self.width.div_ceil(BLOCK));
        let per_block = BLOCK / width;
        let used = self.width.div_ceil(width);
        self.values.chunks_mut((CHUNK * count).max(1)).enumerate().flat_map(move |(index, chunk)| {
            let rows = CHUNK.min(rows - index * CHUNK);
            chunk.chunks_mut(rows).enumerate().flat_map(move |(block, values)| {
                tiles(values.as_flattened_mut(), BLOCK, rows, width)
                    .take(used.saturating_sub(block * per_block))
            })
        })
    }
}

impl BlockRow<'_> {
    /// Copies a whole row.
    pub(crate) fn copy_from(&mut self, x: &[f32]) {
        for (block, x) in x.chunks(BLOCK).enumerate() {
            self.block(block).copy_from_slice(x);
        }
    }

    /// Writes neighbouring elements, from `first` on.
    pub(crate) fn put(&mut self, mut first: usize, mut x: &[f32]) {
        while !x.is_empty() {
            let (now, later) = x.split_at(x.len().min(BLOCK - first % BLOCK));
            self.block(first / BLOCK)[first % BLOCK..][..now.len()].copy_from_slice(now);
            (first, x) = (first + now.len(), later);
        }
    }

    /// Writes +0 to neighbouring elements.
    pub(crate) fn put_zeros(&mut self, mut elements: Range<usize>) {
        while !elements.is_empty() {
            let end = elements.end.min((elements.start / BLOCK + 1) * BLOCK);
            let within = elements.start % BLOCK;
            self.block(elements.start / BLOCK)[within..within + end - elements.start].fill(0.0);
            elements.start = end;
        }
    }

    /// The elements of one block that count.
    #[inline(always)]
    pub(crate) fn block(&mut self, block: usize) -> &mut [f32] {
        let len = (self.width - block * BLOCK).min(BLOCK);
        &mut self.chunk[block * self.rows + self.row][..len]
    }
}
