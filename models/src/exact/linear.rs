//! `y = x w^T + b` in blocks of 256 (`EXACT.md`, section 2), over packed weights.
//!
//! Layout of the packed weights: panels of [`PANEL`] outputs, one after another; inside a panel, for each `k` the
//! weights of its outputs, `[panel][k][output]`. The last panel is filled up with zero outputs, which are dropped; `k`
//! is never padded. The packed form replaces the tensor: there is no second copy.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::BLOCK;
use super::isa::{Isa, Kernel};
use super::operand::contiguous;

/// Outputs a panel: two AVX-512 registers, four AVX2 registers.
pub const PANEL: usize = 32;

/// Multiplications that outweigh the cost of handing a task to another thread.
pub(crate) const TASK: usize = 1 << 17;

/// The weights of a linear layer, packed once at load.
#[derive(Clone, Debug)]
pub struct PackedLinear {
    panels: Arc<Vec<f32>>,
    bias: Option<Arc<Vec<f32>>>,
    in_features: usize,
    out_features: usize,
    isa: Isa,
}

impl PackedLinear {
    /// Packs `weight`: `(out_features, in_features)` row by row, with an optional `bias`: `(out_features,)`.
    ///
    /// # Panics
    /// When the lengths do not fit the shape; layers check shapes before.
    #[must_use]
    pub fn new(
        weight: &[f32],
        bias: Option<Vec<f32>>,
        in_features: usize,
        out_features: usize,
        isa: Isa,
    ) -> Self {
        assert_eq!(weight.len(), in_features * out_features);
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == out_features));
        let mut panels = vec![0.0; out_features.div_ceil(PANEL) * PANEL * in_features];
        if in_features > 0 {
            panels.par_chunks_mut(PANEL * in_features).enumerate().for_each(|(panel, packed)| {
                let rows = weight[panel * PANEL * in_features..].chunks_exact(in_features).take(PANEL);
                for (output, row) in rows.enumerate() {
                    for (k, value) in row.iter().enumerate() {
                        packed[k * PANEL + output] = *value;
                    }
                }
            });
        }
        Self { panels: Arc::new(panels), bias: bias.map(Arc::new), in_features, out_features, isa }
    }

    /// The weights of one output again, in ascending `k`: `(in_features,)`. Tied embeddings read their rows here.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn row(&self, output: usize) -> impl Iterator<Item = f32> + '_ {
        assert!(output < self.out_features);
        let panel = &self.panels[output / PANEL * PANEL * self.in_features..][..PANEL * self.in_features];
        panel.chunks_exact(PANEL).map(move |outputs| outputs[output % PANEL])
    }

    /// `(out_features, in_features)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize) {
        (self.out_features, self.in_features)
    }

    /// Multiplies `x`: `(rows, in_features)`, giving `(rows, out_features)`.
    ///
    /// # Panics
    /// When `x` is no whole number of rows.
    #[must_use]
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len().checked_div(self.in_features).unwrap_or(0);
        assert_eq!(x.len(), rows * self.in_features);
        let mut y = multiply_packed(x, &self.panels, rows, self.in_features, self.out_features, self.isa);
        if let Some(bias) = &self.bias {
            for row in y.chunks_exact_mut(self.out_features) {
                for (y, b) in row.iter_mut().zip(bias.iter()) {
                    *y += b;
                }
            }
        }
        y
    }
}

/// Multiplies `x`: `(rows, k)` by packed panels of `n` outputs, giving `(rows, n)`.
pub(crate) fn multiply_packed(
    x: &[f32],
    panels: &[f32],
    rows: usize,
    k: usize,
    n: usize,
    isa: Isa,
) -> Vec<f32> {
    if rows == 0 || n == 0 || k == 0 {
        return vec![0.0; rows * n];
    }
    let tiles = pack_rows(x, k, isa.tile_rows());
    // Each panel's outputs stand together, `[panel][row][output]`, so that panels are written in parallel.
    let mut by_panel = vec![0.0; n.div_ceil(PANEL) * PANEL * rows];
    by_panel
        .par_chunks_mut(PANEL * rows)
        .zip(panels.par_chunks(PANEL * k))
        .with_min_len(TASK / (PANEL * k * rows) + 1)
        .for_each(|(y, panel)| isa.run(PanelProduct { tiles: &tiles, panel, k, y }));
    if rows == 1 {
        by_panel.truncate(n);
        return by_panel;
    }
    let mut y = vec![0.0; rows * n];
    y.par_chunks_mut(n).enumerate().for_each(|(row, y)| {
        for (panel, y) in y.chunks_mut(PANEL).enumerate() {
            let start = (panel * rows + row) * PANEL;
            y.copy_from_slice(&by_panel[start..start + y.len()]);
        }
    });
    y
}

/// Rows in tiles of `height`, each as `[k][row]`, so that a kernel reads them in one stream; rows that fill no tile follow as
/// they are.
fn pack_rows(x: &[f32], k: usize, height: usize) -> Vec<f32> {
    let mut tiles = x.to_vec();
    let whole = x.len() / (height * k) * (height * k);
    tiles[..whole].par_chunks_mut(height * k).zip(x.par_chunks(height * k)).for_each(|(tile, rows)| {
        for (row, values) in rows.chunks_exact(k).enumerate() {
            for (slot, value) in tile.iter_mut().skip(row).step_by(height).zip(values) {
                *slot = *value;
            }
        }
    });
    tiles
}

/// All rows times one panel: `y[row][output]`.
struct PanelProduct<'a> {
    tiles: &'a [f32],
    panel: &'a [f32],
    k: usize,
    y: &'a mut [f32],
}

impl Kernel for PanelProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        let Self { tiles, panel, k, y } = self;
        // Block by block, so that a block of the panel (32 KiB) stays in the first cache for all rows.
        for (block, panel) in panel.chunks(BLOCK * PANEL).enumerate() {
            let start = block * BLOCK;
            let mut row = 0;
            while row + ROWS <= tiles.len() / k {
                tile::<ROWS>(
                    &tiles[(row * k) + start * ROWS..],
                    start,
                    panel,
                    &mut y[row * PANEL..][..ROWS * PANEL],
                );
                row += ROWS;
            }
            while row < tiles.len() / k {
                tile::<1>(&tiles[row * k + start..], start, panel, &mut y[row * PANEL..][..PANEL]);
                row += 1;
            }
        }
    }
}

/// One block of `ROWS` rows times the panel, kept in registers; the first block is stored, later ones are added.
///
/// `x` begins with the block's rows as `[k][row]`.
#[inline(always)]
fn tile<const ROWS: usize>(x: &[f32], start: usize, panel: &[f32], y: &mut [f32]) {
    let (x, _) = x.as_chunks::<ROWS>();
    let (weights, _) = panel.as_chunks::<PANEL>();
    let mut sums = [[0.0_f32; PANEL]; ROWS];
    for (x, weights) in x.iter().zip(weights) {
        for row in 0..ROWS {
            for output in 0..PANEL {
                sums[row][output] = x[row].mul_add(weights[output], sums[row][output]);
            }
        }
    }
    for (y, sums) in y.chunks_exact_mut(PANEL).zip(sums) {
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = if start == 0 { sum } else { *y + sum };
        }
    }
}

impl CustomOp1 for PackedLinear {
    fn name(&self) -> &'static str {
        "exact-linear"
    }

    /// `x`: `(.., in_features)` contiguous f32, giving `(.., out_features)`.
    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), storage, layout)?;
        let mut dims = layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.in_features => *last = self.out_features,
            _ => bail!("{} takes a last axis of {}, got {:?}", self.name(), self.in_features, layout.dims()),
        }
        Ok((CpuStorage::F32(self.forward(x)), Shape::from_dims(&dims)))
    }
}

/// The definition: one output at a time, scalar.
#[must_use]
pub fn linear_reference(x: &[f32], weight: &[f32], bias: Option<&[f32]>, k: usize, n: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len() / k * n);
    for x in x.chunks_exact(k) {
        for (output, weight) in weight.chunks_exact(k).enumerate() {
            let dot = dot_reference(x, weight);
            y.push(bias.map_or(dot, |bias| dot + bias[output]));
        }
    }
    y
}

/// The dot product of section 2.
pub(crate) fn dot_reference(x: &[f32], weight: &[f32]) -> f32 {
    let block = |(x, w): (&[f32], &[f32])| x.iter().zip(w).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum));
    x.chunks(BLOCK).zip(weight.chunks(BLOCK)).map(block).reduce(|total, block| total + block).unwrap_or(0.0)
}
