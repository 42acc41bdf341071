//! `y = x w^T + b` in blocks of 256 (`EXACT.md`, section 2), or in eight bits (section 13), over packed weights.

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;

use super::BLOCK;
use super::blocks::{Blocks, CHUNK};
use super::byte_panel::{self, ByteBlock};
use super::byte_product::ByteProduct;
use super::convolution::Finish;
use super::function::Function;
use super::grid::tiles;
use super::isa::{ByteIsa, Isa, Kernel};
use super::panel::{Bf16Row, F16Row, F32Row, PANEL, PanelRow};
use super::precision::Precision;
use super::product::{Panels, Product, Start};
use super::quantise::{Multiplicands, Q8_BLOCK, Q8Block};
use super::sink::{Activate, AddTo, Assign, Finished, GateUp, Residual, Sink};
use super::vector::Vector;

/// Multiplications that outweigh the cost of handing a task to another thread.
pub(crate) const TASK: usize = 1 << 17;
/// Tasks for each thread, so that one that is held up does not hold up all.
const TASKS_A_THREAD: usize = 4;
/// Panels of the largest task: with 96 rows their outputs, 96 KiB, stay in the second cache.
const MOST_PANELS: usize = 8;
/// Rows of panels that a thread packs at a time.
const ROWS_A_TASK: usize = 4096;
/// Blocks of eight-bit weights that stay in the first cache (18 KiB) for all rows.
const BLOCKS_IN_CACHE: usize = 16;

thread_local! {
    /// The outputs of the task at hand, `[row][panel][output]`.
    static OUTPUTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    /// Memory for quantised activations; taken away while it is in use, for a thread that waits may begin another product.
    static MULTIPLICANDS: RefCell<Multiplicands> = RefCell::default();
}

/// The weights of one or more linear layers that read the same input, packed once at load.
///
/// The packed form replaces the tensors: there is no second copy.
#[derive(Clone, Debug)]
pub struct PackedLinear {
    panels: PackedPanels,
    /// `(out_features,)` or empty
    bias: Arc<Vec<f32>>,
    in_features: usize,
    out_features: usize,
    isa: Isa,
}

#[derive(Clone, Debug)]
enum PackedPanels {
    F32(Arc<Vec<F32Row>>),
    Bf16(Arc<Vec<Bf16Row>>),
    F16(Arc<Vec<F16Row>>),
    Q8(Arc<Vec<ByteBlock>>),
}

impl PackedLinear {
    /// Packs `weight`: `(out_features, in_features)` row by row, with an optional `bias`: `(out_features,)`.
    ///
    /// The weights are numbers of `precision` already; others are rounded to it here, and quantised in eight bits.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    #[must_use]
    pub fn new(
        weight: &[f32],
        bias: Option<Vec<f32>>,
        in_features: usize,
        precision: Precision,
        isa: Isa,
    ) -> Self {
        let outputs: Vec<Option<&[f32]>> = weight.chunks_exact(in_features).map(Some).collect();
        assert_eq!(weight.len(), outputs.len() * in_features);
        let bias = bias.unwrap_or_default();
        assert!(bias.is_empty() || bias.len() == outputs.len());
        Self::of_outputs(&outputs, bias, in_features, precision, isa)
    }

    /// Packs the two layers for [`Self::gated_product`]: panels of `gate` and of `up` in turn.
    ///
    /// Both are `(out_features, in_features)`, their biases `(out_features,)` or absent.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    #[must_use]
    pub fn gated(
        (gate, gate_bias): (&[f32], Option<Vec<f32>>),
        (up, up_bias): (&[f32], Option<Vec<f32>>),
        in_features: usize,
        precision: Precision,
        isa: Isa,
    ) -> Self {
        assert_eq!(gate.len(), up.len());
        let count = gate.len() / in_features;
        let mut outputs = Vec::with_capacity(2 * count.next_multiple_of(PANEL));
        let mut bias = Vec::new();
        for first in (0..count).step_by(PANEL) {
            for (weight, part) in [(gate, &gate_bias), (up, &up_bias)] {
                for output in first..first + PANEL {
                    outputs.push((output < count).then(|| &weight[output * in_features..][..in_features]));
                    bias.extend(part.as_ref().map(|part| part.get(output).copied().unwrap_or(0.0)));
                }
            }
        }
        assert!(bias.is_empty() || bias.len() == outputs.len());
        Self::of_outputs(&outputs, bias, in_features, precision, isa)
    }

    fn of_outputs(
        outputs: &[Option<&[f32]>],
        bias: Vec<f32>,
        in_features: usize,
        precision: Precision,
        isa: Isa,
    ) -> Self {
        let panels = match precision {
            Precision::F32 => PackedPanels::F32(Arc::new(pack(outputs, in_features))),
            Precision::Bf16 => PackedPanels::Bf16(Arc::new(pack(outputs, in_features))),
            Precision::F16 => PackedPanels::F16(Arc::new(pack(outputs, in_features))),
            Precision::Q8 => PackedPanels::Q8(Arc::new(byte_panel::pack(outputs, in_features))),
        };
        Self { panels, bias: Arc::new(bias), in_features, out_features: outputs.len(), isa }
    }

    /// Writes the weights of one output, in ascending `k`, to `row`: `(in_features,)`. Tied embeddings read their rows here.
    ///
    /// # Panics
    /// When there is no such output, or `row` has another length.
    pub fn copy_row(&self, output: usize, row: &mut [f32]) {
        fn copy<W: PanelRow>(panels: &[W], output: usize, row: &mut [f32]) {
            let panel = &panels[output / PANEL * row.len()..][..row.len()];
            for (slot, weights) in row.iter_mut().zip(panel) {
                *slot = weights.value(output % PANEL);
            }
        }
        assert!(output < self.out_features && row.len() == self.in_features);
        match &self.panels {
            PackedPanels::F32(panels) => copy(panels, output, row),
            PackedPanels::Bf16(panels) => copy(panels, output, row),
            PackedPanels::F16(panels) => copy(panels, output, row),
            PackedPanels::Q8(panels) => {
                let blocks = row.len().div_ceil(Q8_BLOCK);
                let panel = &panels[output / PANEL * blocks..][..blocks];
                for (k, slot) in row.iter_mut().enumerate() {
                    *slot = panel[k / Q8_BLOCK].value(output % PANEL, k % Q8_BLOCK);
                }
            }
        }
    }

    /// Where it runs.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `(out_features, in_features)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize) {
        (self.out_features, self.in_features)
    }

    /// Multiplies `x`: `(rows, in_features)`; `y` becomes `(rows, out_features)`, row-major.
    ///
    /// # Panics
    /// When `x` has another width.
    pub fn forward(&self, x: &Blocks, y: &mut Vec<f32>) {
        y.resize(x.rows() * self.out_features, 0.0);
        let group = self.group(x.rows(), MOST_PANELS);
        let tiles = tiles(y, self.out_features, CHUNK, group * PANEL);
        self.run(x, group, tiles.map(|y| move |bias| Assign { y, bias }));
    }

    /// Multiplies `x`: `(rows, in_features)`, and adds the result to `y`: `(rows, out_features)`, row-major.
    ///
    /// # Panics
    /// When a width or the number of rows differs.
    pub fn add_to(&self, x: &Blocks, y: &mut [f32]) {
        assert_eq!(y.len(), x.rows() * self.out_features);
        let group = self.group(x.rows(), MOST_PANELS);
        let tiles = tiles(y, self.out_features, CHUNK, group * PANEL);
        self.run(x, group, tiles.map(|y| move |bias| AddTo { y, bias }));
    }

    /// Multiplies `x`: `(rows, in_features)`, and applies `function`, for the next product to read:
    /// `(rows, out_features)`.
    ///
    /// # Panics
    /// When `x` has another width.
    #[must_use]
    pub fn activated(&self, x: &Blocks, function: Function, y: Blocks) -> Blocks {
        let mut y = y.resized(x.rows(), self.out_features);
        let group = self.group(x.rows(), MOST_PANELS);
        self.run(x, group, y.tiles(group * PANEL).map(|y| move |bias| Activate { y, bias, function }));
        y
    }

    /// Multiplies `x`: `(rows, in_features)`, and writes `function(norm(product))` to `y`: `(rows, out_features)`, row-major.
    ///
    /// # Panics
    /// When a width or the number of rows differs.
    pub(crate) fn finished(&self, x: &Blocks, y: &mut [f32], finish: Finish<'_>) {
        self.finish(x, y, finish, Residual::Absent);
    }

    /// As [`Self::finished`], with what stands in `y` added before the function.
    ///
    /// # Panics
    /// When a width or the number of rows differs.
    pub(crate) fn finished_onto(&self, x: &Blocks, y: &mut [f32], finish: Finish<'_>) {
        self.finish(x, y, finish, Residual::Present);
    }

    fn finish(&self, x: &Blocks, y: &mut [f32], finish: Finish<'_>, residual: Residual) {
        assert_eq!(y.len(), x.rows() * self.out_features);
        let group = self.group(x.rows(), MOST_PANELS);
        let groups = self.out_features.div_ceil(PANEL).div_ceil(group);
        let tiles = tiles(y, self.out_features, CHUNK, group * PANEL).enumerate();
        let sinks = tiles.map(|(index, y)| {
            let first = index % groups * group * PANEL;
            move |bias| Finished { y, bias, finish, residual, first }
        });
        self.run(x, group, sinks);
    }

    /// `function(gate) * up` of layers packed by [`Self::gated`], for the next product to read: `(rows, width)`, where `width` is
    /// that of each of them.
    ///
    /// # Panics
    /// When `x` has another width, or the layers have fewer outputs.
    #[must_use]
    pub fn gated_product(&self, x: &Blocks, function: Function, width: usize, y: Blocks) -> Blocks {
        assert_eq!(2 * width.next_multiple_of(PANEL), self.out_features);
        let mut y = y.resized(x.rows(), width);
        let group = self.group(x.rows(), 2 * MOST_PANELS).max(2);
        self.run(x, group, y.tiles(group * PANEL / 2).map(|y| move |bias| GateUp { y, bias, function }));
        y
    }

    /// Panels a task: a power of two, so that tasks end where blocks do.
    fn group(&self, rows: usize, most: usize) -> usize {
        let tasks = TASKS_A_THREAD * rayon::current_num_threads();
        let panels = self.out_features.div_ceil(PANEL) * rows.div_ceil(CHUNK);
        let fair = panels / tasks;
        if fair == 0 { 1 } else { (1 << fair.ilog2()).min(most) }
    }

    /// Computes each tile and hands it to its sink, tiles in parallel; `sinks` come chunk by chunk, in a chunk in ascending columns.
    fn run<'a, S: Sink>(
        &'a self,
        x: &Blocks,
        group: usize,
        sinks: impl Iterator<Item = impl FnOnce(&'a [f32]) -> S>,
    ) {
        assert_eq!(x.width(), self.in_features, "an input of another width");
        let panels = self.out_features.div_ceil(PANEL);
        let groups = panels.div_ceil(group);
        let tasks: Vec<(usize, usize, S)> = sinks
            .enumerate()
            .map(|(index, sink)| {
                let (chunk, first) = (index / groups, index % groups * group);
                (chunk, first, sink(self.bias.get(first * PANEL..).unwrap_or(&[])))
            })
            .collect();
        let multiplicands = match &self.panels {
            PackedPanels::Q8(_) => Some(MULTIPLICANDS.take().filled(x, self.isa)),
            _ => None,
        };
        let work = CHUNK.min(x.rows()) * self.in_features * group * PANEL;
        tasks.into_par_iter().with_min_len(TASK / work.max(1) + 1).for_each(|(chunk, first, sink)| {
            let count = group.min(panels - first);
            OUTPUTS.with_borrow_mut(|outputs| {
                match &self.panels {
                    PackedPanels::F32(panels) => self.multiply(x, chunk, panels, first, count, outputs),
                    PackedPanels::Bf16(panels) => self.multiply(x, chunk, panels, first, count, outputs),
                    PackedPanels::F16(panels) => self.multiply(x, chunk, panels, first, count, outputs),
                    PackedPanels::Q8(panels) => {
                        if let Some(x) = &multiplicands {
                            self.multiply_bytes(x, chunk, panels, first, count, outputs);
                        }
                    }
                }
                self.isa.run(Put { sink, outputs, stride: count * PANEL });
            });
        });
        if let Some(multiplicands) = multiplicands {
            MULTIPLICANDS.replace(multiplicands);
        }
    }

    fn multiply<W: PanelRow>(
        &self,
        x: &Blocks,
        chunk: usize,
        panels: &[W],
        first: usize,
        count: usize,
        outputs: &mut Vec<f32>,
    ) {
        let pitch = self.in_features;
        let panels = Panels { rows: &panels[first * pitch..(first + count) * pitch], pitch, count };
        let (stride, rows) = (count * PANEL, CHUNK.min(x.rows() - chunk * CHUNK));
        // An empty sum is +0; otherwise the first block writes every output.
        outputs.resize(rows * stride, 0.0);
        // Block after block, so that a panel's block (32 KiB) stays in the first cache for all rows.
        for (block, first) in (0..pitch).step_by(BLOCK).enumerate() {
            let len = BLOCK.min(pitch - first);
            self.isa.run(Product {
                x: x.block(chunk, block),
                columns: 0..len,
                panels,
                k: first..first + len,
                start: if block == 0 { Start::First } else { Start::Later },
                y: outputs,
                stride,
            });
        }
    }

    fn multiply_bytes(
        &self,
        x: &Multiplicands,
        chunk: usize,
        panels: &[ByteBlock],
        first: usize,
        count: usize,
        outputs: &mut Vec<f32>,
    ) {
        let pitch = self.in_features.div_ceil(Q8_BLOCK);
        let panels = &panels[first * pitch..(first + count) * pitch];
        let stride = count * PANEL;
        outputs.clear();
        for start in (0..pitch).step_by(BLOCKS_IN_CACHE) {
            let (x, rows) = x.blocks(chunk, start..pitch.min(start + BLOCKS_IN_CACHE));
            outputs.resize(rows * stride, 0.0);
            let panels = &panels[start..];
            let product = ByteProduct { x, rows, panels, pitch, count, y: outputs, stride };
            ByteIsa::of(self.isa).run(product);
        }
    }
}

/// The definition of section 13: one output at a time, scalar.
#[must_use]
pub fn quantised_linear_reference(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    k: usize,
    n: usize,
) -> Vec<f32> {
    let quantised = |row: &[f32]| row.chunks(Q8_BLOCK).map(Q8Block::of_part_reference).collect::<Vec<_>>();
    let weight: Vec<_> = weight.chunks_exact(k).map(quantised).collect();
    let mut y = Vec::with_capacity(x.len() / k * n);
    for x in x.chunks_exact(k).map(quantised) {
        for (output, weight) in weight.iter().enumerate() {
            let dot = x.iter().zip(weight).fold(0.0_f32, |sum, (x, w)| {
                let products = x.integers.iter().zip(&w.integers).map(|(x, w)| i32::from(*x) * i32::from(*w));
                (products.sum::<i32>() as f32).mul_add(x.scale * w.scale, sum)
            });
            y.push(bias.map_or(dot, |bias| dot + bias[output]));
        }
    }
    y
}

/// Weights by output, `None` for a zero output, as panels. Each row is written once, by one of all threads: fresh memory is slow
/// to touch.
fn pack<W: PanelRow>(outputs: &[Option<&[f32]>], in_features: usize) -> Vec<W> {
    let count = outputs.len().div_ceil(PANEL);
    let row = |place: usize| {
        let (panel, k) = (place / in_features, place % in_features);
        let mut row = W::ZERO;
        for (output, weights) in outputs[panel * PANEL..].iter().take(PANEL).enumerate() {
            if let Some(weights) = weights {
                row.set(output, weights[k]);
            }
        }
        row
    };
    (0..count * in_features).into_par_iter().with_min_len(ROWS_A_TASK).map(row).collect()
}

struct Put<'a, S> {
    sink: S,
    outputs: &'a [f32],
    stride: usize,
}

impl<S: Sink> Kernel for Put<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        self.sink.put(self.outputs, self.stride);
    }
}

/// The definition: one output at a time, scalar.
#[must_use]
pub fn linear_reference(x: &[f32], weight: &[f32], bias: Option<&[f32]>, k: usize, n: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len() / k * n);
    for x in x.chunks_exact(k) {
        for (output, weight) in weight.chunks_exact(k).enumerate() {
            let product = dot(x, weight);
            y.push(bias.map_or(product, |bias| product + bias[output]));
        }
    }
    y
}

/// The dot product of section 2.
pub(crate) fn dot(x: &[f32], weight: &[f32]) -> f32 {
    let block = |(x, w): (&[f32], &[f32])| x.iter().zip(w).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum));
    x.chunks(BLOCK).zip(weight.chunks(BLOCK)).map(block).reduce(|total, block| total + block).unwrap_or(0.0)
}
