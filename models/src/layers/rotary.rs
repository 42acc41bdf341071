use candle_core::Tensor;

use crate::Result;
use crate::exact::precision::Precision;
use crate::exact::rotary::RotaryTable;

/// Rotary position embedding; both numerics use the same correctly rounded tables.
#[derive(Clone, Debug)]
pub struct RotaryEmbedding {
    pub(super) table: RotaryTable,
    /// Of native tensors.
    precision: Precision,
}

impl RotaryEmbedding {
    /// For positions below `positions` and the given inverse frequencies: `(head_dim / 2,)`.
    #[must_use]
    pub fn new(frequencies: &[f32], positions: usize, precision: Precision) -> Self {
        Self { table: RotaryTable::new(frequencies, positions), precision }
    }

    /// Positions that the table reaches.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.table.positions()
    }

    /// Rotates `x`: `(batch, heads, seq, head_dim)`, contiguous, whose first token stands at position `first`, with
    /// stock candle.
    pub(super) fn tensor(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        let (_, _, seq, _) = x.dims4()?;
        let half = self.table.half;
        let rows = |table: &[f32]| {
            self.precision.tensor(table[first * half..(first + seq) * half].to_vec(), &[seq, half])
        };
        Ok(candle_nn::rotary_emb::rope(x, &rows(&self.table.cos)?, &rows(&self.table.sin)?)?)
    }
}
