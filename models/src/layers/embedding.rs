use candle_core::{Device, Tensor};

use crate::exact::linear::PackedLinear;
use crate::weights::{Init, Scope};
use crate::{Error, Numerics, Result};

/// A table of rows by index: `(count, hidden)`.
///
/// The exact form is packed like a linear layer, so that tied output layers share it.
#[derive(Clone, Debug)]
pub enum Embedding {
    /// The table as stored.
    Native(Tensor),
    /// The table in panels.
    Exact(PackedLinear),
}

impl Embedding {
    /// Loads `weight`: `(count, hidden)`.
    ///
    /// # Errors
    /// When the tensor cannot be loaded.
    pub fn load(scope: &Scope<'_>, count: usize, hidden: usize, numerics: Numerics) -> Result<Self> {
        let weight = scope.tensor("weight", &[count, hidden], Init::Matrix)?;
        Ok(match numerics {
            Numerics::Native => Self::Native(Tensor::from_vec(weight, (count, hidden), &Device::Cpu)?),
            Numerics::Exact(isa) => Self::Exact(PackedLinear::new(&weight, None, hidden, count, isa)),
        })
    }

    /// Rows for `ids`, `batch` sequences of equal length one after another: `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When an id is not in the table.
    pub fn forward(&self, ids: &[u32], batch: usize) -> Result<Tensor> {
        let (count, hidden) = match self {
            Self::Native(weight) => weight.dims2()?,
            Self::Exact(packed) => packed.dims(),
        };
        if let Some(id) = ids.iter().find(|id| **id as usize >= count) {
            return Err(Error::InvalidInput(format!("id {id} in a table of {count}")));
        }
        let shape = (batch, ids.len() / batch.max(1), hidden);
        Ok(match self {
            Self::Native(weight) => {
                let index = Tensor::new(ids, &Device::Cpu)?;
                weight.index_select(&index, 0)?.reshape(shape)?
            }
            Self::Exact(packed) => {
                let rows: Vec<f32> = ids.iter().flat_map(|id| packed.row(*id as usize)).collect();
                Tensor::from_vec(rows, shape, &Device::Cpu)?
            }
        })
    }
}
