//! What becomes of a product's outputs: bias, then activation, then residual (`EXACT.md`, section 2), while they are in the
//! cache.

use super::convolution::Finish;
use super::function::Function;
use super::grid::Tile;
use super::panel::PANEL;

/// Takes a tile of outputs; inlined for each instruction set.
pub(crate) trait Sink: Send {
    /// `outputs` holds a row of the tile every `stride` elements, filled up to whole panels.
    fn put(self, outputs: &[f32], stride: usize);
}

/// `y = outputs + bias`
pub(crate) struct Assign<'a> {
    pub(crate) y: Tile<'a>,
    /// From the tile's first column on; empty without bias.
    pub(crate) bias: &'a [f32],
}

impl Sink for Assign<'_> {
    #[inline(always)]
    fn put(mut self, outputs: &[f32], stride: usize) {
        for row in 0..self.y.rows() {
            assign(self.y.row(row), &outputs[row * stride..], self.bias);
        }
    }
}

/// `y = function(outputs + bias)`
pub(crate) struct Activate<'a> {
    pub(crate) y: Tile<'a>,
    pub(crate) bias: &'a [f32],
    pub(crate) function: Function,
}

impl Sink for Activate<'_> {
    #[inline(always)]
    fn put(mut self, outputs: &[f32], stride: usize) {
        for row in 0..self.y.rows() {
            let y = self.y.row(row);
            // The last tile of a row reaches to the end of its block, where nothing counts.
            let used = y.len().min(stride);
            assign(&mut y[..used], &outputs[row * stride..], self.bias);
            self.function.apply(&mut y[..used]);
        }
    }
}

/// `y = function(norm(outputs + bias))`, or with `y` added before the function.
pub(crate) struct Finished<'a> {
    pub(crate) y: Tile<'a>,
    pub(crate) bias: &'a [f32],
    pub(crate) finish: Finish<'a>,
    pub(crate) residual: Residual,
    /// The tile's first column.
    pub(crate) first: usize,
}

/// Whether the outputs are added to what stands in their place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Residual {
    Present,
    Absent,
}

impl Sink for Finished<'_> {
    #[inline(always)]
    fn put(mut self, outputs: &[f32], stride: usize) {
        let Finish { norm, function } = self.finish;
        for row in 0..self.y.rows() {
            let y = self.y.row(row);
            let outputs = &outputs[row * stride..][..y.len()];
            for (panel, (y, outputs)) in y.chunks_mut(PANEL).zip(outputs.chunks(PANEL)).enumerate() {
                let mut branch = [0.0; PANEL];
                let branch = &mut branch[..y.len()];
                assign(branch, outputs, self.bias.get(panel * PANEL..).unwrap_or(&[]));
                if let Some(norm) = norm {
                    norm.apply(branch, self.first + panel * PANEL);
                }
                if self.residual == Residual::Present {
                    for (branch, y) in branch.iter_mut().zip(&*y) {
                        *branch += y;
                    }
                }
                if let Some(function) = function {
                    function.apply(branch);
                }
                y.copy_from_slice(branch);
            }
        }
    }
}

/// `y = y + (outputs + bias)`
pub(crate) struct AddTo<'a> {
    pub(crate) y: Tile<'a>,
    pub(crate) bias: &'a [f32],
}

impl Sink for AddTo<'_> {
    #[inline(always)]
    fn put(mut self, outputs: &[f32], stride: usize) {
        for row in 0..self.y.rows() {
            let y = self.y.row(row);
            let outputs = &outputs[row * stride..][..y.len()];
            if self.bias.is_empty() {
                for (y, output) in y.iter_mut().zip(outputs) {
                    *y += output;
                }
            } else {
                for ((y, output), bias) in y.iter_mut().zip(outputs).zip(self.bias) {
                    *y += output + bias;
                }
            }
        }
    }
}

/// `y = function(gate) * up`, where panels of gate and of up come in turn.
pub(crate) struct GateUp<'a> {
    pub(crate) y: Tile<'a>,
    pub(crate) bias: &'a [f32],
    pub(crate) function: Function,
}

impl Sink for GateUp<'_> {
    #[inline(always)]
    fn put(mut self, outputs: &[f32], stride: usize) {
        let (biases, _) = self.bias.as_chunks::<{ 2 * PANEL }>();
        for row in 0..self.y.rows() {
            let (pairs, _) = outputs[row * stride..][..stride].as_chunks::<{ 2 * PANEL }>();
            for (index, (y, pair)) in self.y.row(row).chunks_mut(PANEL).zip(pairs).enumerate() {
                let mut pair = *pair;
                if let Some(bias) = biases.get(index) {
                    for (output, bias) in pair.iter_mut().zip(bias) {
                        *output += bias;
                    }
                }
                let (gate, up) = pair.split_at_mut(PANEL);
                self.function.apply(gate);
                for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
                    *y = *gate * *up;
                }
            }
        }
    }
}

#[inline(always)]
fn assign(y: &mut [f32], outputs: &[f32], bias: &[f32]) {
    let outputs = &outputs[..y.len()];
    if bias.is_empty() {
        y.copy_from_slice(outputs);
    } else {
        for ((y, output), bias) in y.iter_mut().zip(outputs).zip(bias) {
            *y = output + bias;
        }
    }
}
