use std::sync::Arc;

use super::memory::Buffer;
use super::{Device, Matrix, Result, kernels};
use crate::exact::rotary::RotaryTable as HostTable;

/// Cosines and sines on a device, as [`HostTable`].
#[derive(Clone, Debug)]
pub struct RotaryTable {
    cos: Arc<Buffer>,
    sin: Arc<Buffer>,
    positions: usize,
    half: usize,
}

impl RotaryTable {
    /// Takes a table to a device.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn new(device: &'static Device, table: &HostTable) -> Result<Self> {
        Ok(Self {
            cos: Arc::new(Buffer::of_f32(device, &table.cos)?),
            sin: Arc::new(Buffer::of_f32(device, &table.sin)?),
            positions: table.positions(),
            half: table.half,
        })
    }

    /// Rotates the first `heads` heads of each row of `x`, `(sequences * tokens, stride)`, whose first token stands at `first`.
    ///
    /// # Errors
    /// When the device failed.
    ///
    /// # Panics
    /// When a position lies beyond the table.
    pub fn rotate(&self, x: &mut Matrix, heads: usize, tokens: usize, first: usize) -> Result<()> {
        assert!(first + tokens <= self.positions);
        let tables = (&*self.cos, &*self.sin);
        kernels::rotate(&mut x.buffer, x.rows, x.width, heads, self.half, tables, tokens, first)
    }
}
