use candle_core::Tensor;

use super::hidden::mixed;
use crate::exact::device;
use crate::exact::rotary::RotaryTable;
use crate::{NativeForm, Numerics, Result};

/// Rotary position embedding; both numerics use the same correctly rounded tables.
#[derive(Clone, Debug)]
pub struct RotaryEmbedding {
    pub(super) table: RotaryTable,
    on_device: Option<device::RotaryTable>,
    native: NativeForm,
}

impl RotaryEmbedding {
    /// For positions below `positions` and the given inverse frequencies: `(head_dim / 2,)`.
    ///
    /// # Errors
    /// When a device has no memory left.
    pub fn new(
        frequencies: &[f32],
        positions: usize,
        native: NativeForm,
        numerics: Numerics,
    ) -> Result<Self> {
        let table = RotaryTable::new(frequencies, positions);
        let on_device = match numerics {
            Numerics::ExactOn(device) => Some(device::RotaryTable::new(device, &table)?),
            Numerics::Native | Numerics::Exact(_) => None,
        };
        Ok(Self { table, on_device, native })
    }

    /// Positions that the table reaches.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.table.positions()
    }

    pub(super) fn on_device(&self) -> Result<&device::RotaryTable> {
        self.on_device.as_ref().ok_or_else(mixed)
    }

    /// Rotates `x`: `(batch, heads, seq, head_dim)`, contiguous, whose first token stands at position `first`, with
    /// stock candle.
    pub(super) fn tensor(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        let (_, _, seq, _) = x.dims4()?;
        let half = self.table.half;
        let rows = |table: &[f32]| {
            self.native.tensor(table[first * half..(first + seq) * half].to_vec(), &[seq, half])
        };
        Ok(candle_nn::rotary_emb::rope(x, &rows(&self.table.cos)?, &rows(&self.table.sin)?)?)
    }
}
