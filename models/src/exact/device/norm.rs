use std::ops::Range;
use std::sync::Arc;

use super::kernels::{self, Heads};
use super::memory::Buffer;
use super::{Device, Matrix, Result};
use crate::exact::norm::{Norm as HostNorm, NormKind};

/// A normalisation of rows, as [`HostNorm`].
#[derive(Clone, Debug)]
pub struct Norm {
    weight: Arc<Buffer>,
    bias: Option<Arc<Buffer>>,
    width: usize,
    eps: f32,
}

impl Norm {
    /// Takes a normalisation to a device.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn new(device: &'static Device, norm: &HostNorm) -> Result<Self> {
        let bias = match &norm.kind {
            NormKind::RootMeanSquare => None,
            NormKind::Layer { bias } => Some(Arc::new(Buffer::of_f32(device, bias)?)),
        };
        let weight = Arc::new(Buffer::of_f32(device, &norm.weight)?);
        Ok(Self { weight, bias, width: norm.weight.len(), eps: norm.eps })
    }

    /// Normalises each row.
    ///
    /// # Errors
    /// When rows are too wide for the kernel, or the device failed.
    ///
    /// # Panics
    /// When `x` has another width.
    pub fn in_place(&self, x: &mut Matrix) -> Result<()> {
        self.columns_in_place(x, 0..self.width)
    }

    /// Normalises each row into another matrix.
    ///
    /// # Errors
    /// When rows are too wide for the kernel, or the device failed.
    ///
    /// # Panics
    /// When `x` has another width.
    pub fn forward(&self, x: &Matrix) -> Result<Matrix> {
        assert_eq!(x.width, self.width);
        let mut y = Matrix::uninitialised(x.device(), x.rows, x.width)?;
        let heads = Heads { rows: x.rows, stride: x.width, first: 0, heads: 1, width: self.width };
        let bias = self.bias.as_deref();
        kernels::normalise(&x.buffer, &mut y.buffer, heads, &self.weight, bias, self.eps)?;
        Ok(y)
    }

    /// Normalises each head in `columns` of each row by itself.
    ///
    /// # Errors
    /// When heads are too wide for the kernel, or the device failed.
    ///
    /// # Panics
    /// When the columns are no whole number of heads, or lie beyond a row.
    pub fn columns_in_place(&self, x: &mut Matrix, columns: Range<usize>) -> Result<()> {
        assert!(columns.len().is_multiple_of(self.width) && columns.end <= x.width);
        let heads = columns.len() / self.width;
        let heads = Heads { rows: x.rows, stride: x.width, first: columns.start, heads, width: self.width };
        kernels::normalise_in_place(&mut x.buffer, heads, &self.weight, self.bias.as_deref(), self.eps)
    }
}
