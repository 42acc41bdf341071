use candle_core::Tensor;

use super::{Hidden, NativeMatrix};
use crate::exact::device;
use crate::exact::linear::PackedLinear;
use crate::exact::table::Table;
use crate::weights::{Init, Scope};
use crate::{Error, Numerics, Precision, Result};

/// A table of rows by index: `(count, hidden)`.
#[derive(Clone, Debug)]
pub enum Embedding {
    /// Stock candle's.
    Native(Tensor),
    /// Stock candle's in blocks, because the output layer shares it.
    NativeQuantized(NativeMatrix),
    /// For look-up alone.
    Table(Table),
    /// Packed like a linear layer, because the output layer shares it.
    Packed(PackedLinear),
    /// On a device, packed like a linear layer whether or not the output layer shares it.
    OnDevice(device::Linear),
}

/// What an embedding table serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Look-up alone.
    LookUp,
    /// Look-up, and the output layer.
    Tied,
}

impl Embedding {
    /// Loads `weight`: `(count, hidden)`.
    ///
    /// # Errors
    /// When the tensor cannot be loaded.
    pub fn load(
        scope: &Scope<'_>,
        count: usize,
        hidden: usize,
        usage: Use,
        numerics: Numerics,
    ) -> Result<Self> {
        let weight = scope.tensor("weight", &[count, hidden], Init::Matrix)?;
        let precision = scope.precision();
        Ok(match (numerics, usage) {
            (Numerics::Native, Use::Tied) if precision == Precision::Q8 => {
                Self::NativeQuantized(NativeMatrix::new(scope, weight, (count, hidden))?)
            }
            (Numerics::Native, _) => Self::Native(scope.native_form().tensor(weight, &[count, hidden])?),
            (Numerics::Exact(_), Use::LookUp) => Self::Table(Table::new(weight, hidden, precision)),
            (Numerics::Exact(isa), Use::Tied) => {
                Self::Packed(PackedLinear::new(&weight, None, hidden, precision, isa))
            }
            (Numerics::ExactOn(device), _) => {
                let precision = if usage == Use::Tied { precision } else { precision.outside_products() };
                Self::OnDevice(device::Linear::new(device, &weight, None, hidden, precision)?)
            }
        })
    }

    /// Rows for `ids`, `batch` sequences of equal length one after another: `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When an id is not in the table.
    pub fn forward(&self, ids: &[u32], batch: usize) -> Result<Hidden> {
        self.check(ids)?;
        let (_, hidden) = self.dims()?;
        let seq = ids.len().checked_div(batch).unwrap_or(0);
        if seq == 0 || ids.len() != batch * seq {
            return Err(Error::InvalidInput(format!("{} ids in {batch} sequences", ids.len())));
        }
        let exact = |copy: &dyn Fn(usize, &mut [f32])| {
            let mut rows = vec![0.0; ids.len() * hidden];
            rows.chunks_exact_mut(hidden).zip(ids).for_each(|(row, id)| copy(*id as usize, row));
            Ok(Hidden::exact(rows, batch, seq))
        };
        match self {
            Self::Native(weight) => {
                let rows = weight.index_select(&Tensor::new(ids, weight.device())?, 0)?;
                Hidden::native(rows.reshape((batch, seq, hidden))?)
            }
            Self::NativeQuantized(weight) => {
                let rows = weight.look_up(ids)?;
                Hidden::native(rows.reshape((batch, seq, hidden))?)
            }
            Self::Table(table) => exact(&|id, row| table.copy_row(id, row)),
            Self::Packed(packed) => exact(&|id, row| packed.copy_row(id, row)),
            Self::OnDevice(linear) => Ok(Hidden::on_device(linear.look_up(ids)?, batch)),
        }
    }

    /// # Errors
    /// When an id is not in the table.
    pub(crate) fn check(&self, ids: &[u32]) -> Result<()> {
        let (count, _) = self.dims()?;
        match ids.iter().find(|id| **id as usize >= count) {
            Some(id) => Err(Error::InvalidInput(format!("id {id} in a table of {count}"))),
            None => Ok(()),
        }
    }

    /// Adds the rows for `ids` to `x`: `(batch, seq, hidden)`, the same to each sequence if `ids` are those of one.
    ///
    /// # Errors
    /// When an id is not in the table, or the ids are no whole number of sequences.
    pub fn add_to(&self, ids: &[u32], mut x: Hidden) -> Result<Hidden> {
        let (_, seq, _) = x.dims();
        let rows = self.forward(ids, ids.len().checked_div(seq).unwrap_or(0))?;
        if let Self::Native(_) | Self::NativeQuantized(_) = self {
            return Hidden::native(x.tensor()?.broadcast_add(rows.tensor()?)?);
        }
        if let Self::OnDevice(_) = self {
            let (batch, ..) = x.dims();
            let mut x = x.into_matrix()?;
            x.add(rows.matrix()?)?;
            return Ok(Hidden::on_device(x, batch));
        }
        let rows = rows.values()?;
        for x in x.values_mut()?.chunks_mut(rows.len().max(1)) {
            for (x, row) in x.iter_mut().zip(rows) {
                *x += row;
            }
        }
        Ok(x)
    }

    fn dims(&self) -> Result<(usize, usize)> {
        Ok(match self {
            Self::Native(weight) => weight.dims2()?,
            Self::NativeQuantized(weight) => weight.dims(),
            Self::Table(table) => table.dims(),
            Self::Packed(packed) => packed.dims(),
            Self::OnDevice(linear) => linear.dims(),
        })
    }
}
