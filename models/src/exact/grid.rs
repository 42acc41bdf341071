//! A row-major matrix cut into tiles that tasks may write at the same time.
#![expect(unsafe_code, reason = "the borrow checker cannot see that columns are disjoint")]

use std::marker::PhantomData;
use std::slice;

/// Some neighbouring columns of some neighbouring rows, for one task alone.
pub(crate) struct Tile<'a> {
    start: *mut f32,
    rows: usize,
    width: usize,
    stride: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: a tile is an exclusive reference to its elements, like `&mut [f32]`.
unsafe impl Send for Tile<'_> {}

/// Cuts `(rows, stride)` into tiles of `height` rows and `width` columns, smaller at the edges: first all tiles of the first rows.
pub(crate) fn tiles(
    matrix: &mut [f32],
    stride: usize,
    height: usize,
    width: usize,
) -> impl Iterator<Item = Tile<'_>> {
    assert!(stride > 0 && height > 0 && width > 0 && matrix.len().is_multiple_of(stride));
    let rows = matrix.len() / stride;
    let start = matrix.as_mut_ptr();
    let corners =
        (0..rows).step_by(height).flat_map(move |row| (0..stride).step_by(width).map(move |c| (row, c)));
    corners.map(move |(row, column)| Tile {
        // SAFETY: row < rows and column < stride, so the corner lies inside the matrix, which is borrowed as long as the tile.
        start: unsafe { start.add(row * stride + column) },
        rows: height.min(rows - row),
        width: width.min(stride - column),
        stride,
        matrix: PhantomData,
    })
}

impl Tile<'_> {
    /// How many rows.
    #[inline(always)]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// One row of the tile.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows);
        // SAFETY: tiles of one matrix share no element, and the exclusive borrow of `self` keeps its rows apart.
        unsafe { slice::from_raw_parts_mut(self.start.add(row * self.stride), self.width) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_each_element_once() {
        for (rows, stride, height, width) in [(1, 1, 1, 1), (5, 7, 2, 3), (4, 8, 4, 8), (3, 5, 9, 9)] {
            let mut matrix = vec![0.0; rows * stride];
            for (index, mut tile) in tiles(&mut matrix, stride, height, width).enumerate() {
                for row in 0..tile.rows() {
                    tile.row(row).iter_mut().for_each(|x| *x += 1.0 + index as f32);
                }
            }
            assert!(matrix.iter().all(|x| *x >= 1.0));
            let columns = stride.div_ceil(width);
            for (at, x) in matrix.iter().enumerate() {
                let expected = at / stride / height * columns + at % stride / width;
                assert_eq!(*x as usize, expected + 1);
            }
        }
    }
}
