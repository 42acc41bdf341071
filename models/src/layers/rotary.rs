use candle_core::{Device, Tensor};

use crate::exact::rotary::{Rotary, RotaryTable};
use crate::{Numerics, Result};

/// Rotary position embedding; both numerics use the same correctly rounded tables.
#[derive(Clone, Debug)]
pub struct RotaryEmbedding {
    table: RotaryTable,
    numerics: Numerics,
}

impl RotaryEmbedding {
    /// For positions below `positions` and the given inverse frequencies: `(head_dim / 2,)`.
    #[must_use]
    pub fn new(frequencies: &[f32], positions: usize, numerics: Numerics) -> Self {
        Self { table: RotaryTable::new(frequencies, positions), numerics }
    }

    /// Positions that the table reaches.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.table.positions()
    }

    /// Rotates `x`: `(batch, heads, seq, head_dim)`, contiguous, whose first token stands at position `first`.
    ///
    /// # Errors
    /// When a position lies beyond the table.
    pub fn forward(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        let (_, _, seq, _) = x.dims4()?;
        Ok(match self.numerics {
            Numerics::Exact(isa) => x.apply_op1_no_bwd(&Rotary { table: self.table.clone(), first, isa })?,
            Numerics::Native => {
                let half = self.table.half;
                let rows = |table: &[f32]| {
                    let rows = table[first * half..(first + seq) * half].to_vec();
                    Tensor::from_vec(rows, (seq, half), &Device::Cpu)
                };
                candle_nn::rotary_emb::rope(x, &rows(&self.table.cos)?, &rows(&self.table.sin)?)?
            }
        })
    }
}
