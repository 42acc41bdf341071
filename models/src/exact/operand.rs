//! Reading the inputs of a candle custom operator as f32 slices.

use candle_core::{CpuStorage, DType, Layout, Result, bail};

/// The contiguous f32 data of an operand.
///
/// # Errors
/// When it is not f32 or not contiguous; exact operators never copy silently.
pub(crate) fn contiguous<'a>(op: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let data = values(op, storage)?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&data[start..end]),
        None => bail!("{op} takes a contiguous operand, got strides {:?}", layout.stride()),
    }
}

/// A `(batch, heads, seq, head_dim)` operand whose last axis is contiguous.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    data: &'a [f32],
    start: usize,
    strides: [usize; 3],
    /// `[batch, heads, seq, head_dim]`
    pub(crate) dims: [usize; 4],
}

impl<'a> Heads<'a> {
    pub(crate) fn new(op: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let data = values(op, storage)?;
        let (batch, heads, seq, head_dim) = layout.shape().dims4()?;
        let [s_batch, s_heads, s_seq, s_dim] = layout.stride() else { bail!("{op} takes four axes") };
        if *s_dim != 1 && head_dim != 1 {
            bail!("{op} takes a contiguous last axis, got strides {:?}", layout.stride());
        }
        Ok(Self {
            data,
            start: layout.start_offset(),
            strides: [*s_batch, *s_heads, *s_seq],
            dims: [batch, heads, seq, head_dim],
        })
    }

    /// The `(head_dim,)` vector of one position.
    #[inline]
    pub(crate) fn row(&self, batch: usize, head: usize, position: usize) -> &'a [f32] {
        let [s_batch, s_heads, s_seq] = self.strides;
        let start = self.start + batch * s_batch + head * s_heads + position * s_seq;
        &self.data[start..start + self.dims[3]]
    }
}

fn values<'a>(op: &str, storage: &'a CpuStorage) -> Result<&'a [f32]> {
    match storage {
        CpuStorage::F32(data) => Ok(data),
        other => {
            bail!("{op} takes {:?}, got {:?}", DType::F32, candle_core::backend::BackendStorage::dtype(other))
        }
    }
}
