use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::Workspace;
use crate::exact::blocks::Blocks;
use crate::exact::device::Matrix;
use crate::{Error, Result};

/// Activations between layers: `(batch, seq, width)`.
#[derive(Clone, Debug)]
pub struct Hidden {
    values: Values,
    batch: usize,
    seq: usize,
    width: usize,
}

#[derive(Clone, Debug)]
enum Values {
    Native(Tensor),
    /// Row-major.
    Exact(Vec<f32>),
    /// `(batch * seq, width)`
    OnDevice(Arc<Matrix>),
}

/// Activations as a product reads them: `(batch, seq, width)`.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A contiguous tensor.
    Native(Tensor),
    /// In blocks, with the number of sequences.
    Exact(Blocks, usize),
    /// On a device, with the number of sequences.
    OnDevice(Arc<Matrix>, usize),
}

impl Hidden {
    pub(crate) fn native(values: Tensor) -> Result<Self> {
        let (batch, seq, width) = values.dims3()?;
        Ok(Self { values: Values::Native(values), batch, seq, width })
    }

    pub(crate) fn exact(values: Vec<f32>, batch: usize, seq: usize) -> Self {
        let width = values.len().checked_div(batch * seq).unwrap_or(0);
        debug_assert_eq!(values.len(), batch * seq * width);
        Self { values: Values::Exact(values), batch, seq, width }
    }

    pub(crate) fn on_device(values: Matrix, batch: usize) -> Self {
        let (rows, width) = values.dims();
        let seq = rows.checked_div(batch).unwrap_or(0);
        Self { values: Values::OnDevice(Arc::new(values)), batch, seq, width }
    }

    /// `(batch, seq, width)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize, usize) {
        (self.batch, self.seq, self.width)
    }

    /// The tokens from `first` on of each sequence.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn tokens_from(self, first: usize) -> Result<Self> {
        let (batch, seq, width) = self.dims();
        if first >= seq {
            return Err(Error::InvalidInput(format!("token {first} of {seq}")));
        }
        if first == 0 {
            return Ok(self);
        }
        match self.values {
            Values::Native(values) => Self::native(values.narrow(1, first, seq - first)?.contiguous()?),
            Values::Exact(values) => {
                let sequences = values.chunks_exact(seq * width);
                let kept = sequences.flat_map(|sequence| &sequence[first * width..]).copied().collect();
                Ok(Self::exact(kept, batch, seq - first))
            }
            Values::OnDevice(values) => {
                let kept = (0..batch).flat_map(|sequence| sequence * seq + first..(sequence + 1) * seq);
                picked(&values, kept, batch)
            }
        }
    }

    /// The first token of each sequence: `(batch, 1, width)`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn first_token(self) -> Result<Self> {
        let (batch, seq, width) = self.dims();
        match self.values {
            Values::Native(values) => Self::native(values.narrow(1, 0, 1)?.contiguous()?),
            Values::Exact(values) => {
                let first = values.chunks_exact(seq * width).flat_map(|sequence| &sequence[..width]);
                Ok(Self::exact(first.copied().collect(), batch, 1))
            }
            Values::OnDevice(values) => picked(&values, (0..batch).map(|sequence| sequence * seq), batch),
        }
    }

    /// The sum with `other`, element by element: `(batch, seq, width)` both.
    ///
    /// # Errors
    /// When they are of unlike numerics or shapes.
    pub fn plus(mut self, other: &Self) -> Result<Self> {
        if self.dims() != other.dims() {
            return Err(Error::InvalidInput(format!("a sum of {:?} and {:?}", self.dims(), other.dims())));
        }
        match &mut self.values {
            Values::Native(values) => Self::native((&*values + other.tensor()?)?),
            Values::Exact(values) => {
                values.iter_mut().zip(other.values()?).for_each(|(x, y)| *x += y);
                Ok(self)
            }
            Values::OnDevice(_) => {
                let batch = self.batch;
                let mut sum = self.into_matrix()?;
                sum.add(other.matrix()?)?;
                Ok(Self::on_device(sum, batch))
            }
        }
    }

    /// Each number multiplied by `factor`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn times(mut self, factor: f32) -> Result<Self> {
        match &mut self.values {
            Values::Native(values) => Self::native((&*values * f64::from(factor))?),
            Values::Exact(values) => {
                values.iter_mut().for_each(|x| *x *= factor);
                Ok(self)
            }
            Values::OnDevice(_) => {
                let batch = self.batch;
                let mut scaled = self.into_matrix()?;
                scaled.scale(factor)?;
                Ok(Self::on_device(scaled, batch))
            }
        }
    }

    /// Of each sequence the token at its place in `places`: `(batch, 1, width)`.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn token_of_each(self, places: &[usize]) -> Result<Self> {
        let (batch, seq, width) = self.dims();
        if places.len() != batch || places.iter().any(|place| *place >= seq) {
            return Err(Error::InvalidInput(format!("tokens {places:?} of {batch} sequences of {seq}")));
        }
        match self.values {
            Values::Native(values) => {
                let tokens = places.iter().enumerate();
                let tokens = tokens.map(|(sequence, place)| values.get(sequence)?.narrow(0, *place, 1));
                Self::native(Tensor::stack(&tokens.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
            }
            Values::Exact(values) => {
                let tokens = values.chunks_exact(seq * width).zip(places);
                let tokens = tokens.flat_map(|(sequence, place)| &sequence[place * width..][..width]);
                Ok(Self::exact(tokens.copied().collect(), batch, 1))
            }
            Values::OnDevice(values) => {
                let rows = places.iter().enumerate().map(|(sequence, place)| sequence * seq + place);
                picked(&values, rows, batch)
            }
        }
    }

    /// For a product to read.
    #[must_use]
    pub fn operand(&self, workspace: &mut Workspace) -> Operand {
        match &self.values {
            Values::Native(values) => Operand::Native(values.clone()),
            Values::Exact(values) => {
                Operand::Exact(workspace.blocks().filled(values, self.width), self.batch)
            }
            Values::OnDevice(values) => Operand::OnDevice(values.clone(), self.batch),
        }
    }

    /// The numbers row by row, as binary32.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn into_values(self) -> Result<Vec<f32>> {
        match self.values {
            Values::Native(values) => Ok(values.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?),
            Values::Exact(values) => Ok(values),
            Values::OnDevice(values) => Ok(values.download()?),
        }
    }

    pub(crate) fn tensor(&self) -> Result<&Tensor> {
        match &self.values {
            Values::Native(values) => Ok(values),
            Values::Exact(_) | Values::OnDevice(_) => Err(mixed()),
        }
    }

    pub(crate) fn values(&self) -> Result<&[f32]> {
        match &self.values {
            Values::Exact(values) => Ok(values),
            Values::Native(_) | Values::OnDevice(_) => Err(mixed()),
        }
    }

    pub(crate) fn values_mut(&mut self) -> Result<&mut [f32]> {
        match &mut self.values {
            Values::Exact(values) => Ok(values),
            Values::Native(_) | Values::OnDevice(_) => Err(mixed()),
        }
    }
}

impl Hidden {
    pub(crate) fn matrix(&self) -> Result<&Matrix> {
        match &self.values {
            Values::OnDevice(values) => Ok(values),
            Values::Native(_) | Values::Exact(_) => Err(mixed()),
        }
    }

    /// To be written; a copy where an operand still reads it.
    pub(crate) fn into_matrix(self) -> Result<Matrix> {
        match self.values {
            Values::OnDevice(values) => match Arc::try_unwrap(values) {
                Ok(values) => Ok(values),
                Err(shared) => Ok(shared.copied()?),
            },
            Values::Native(_) | Values::Exact(_) => Err(mixed()),
        }
    }
}

impl Operand {
    pub(crate) fn on_device(values: Matrix, batch: usize) -> Self {
        Self::OnDevice(Arc::new(values), batch)
    }

    /// `(batch, seq)`
    pub(crate) fn sequences(&self) -> Result<(usize, usize)> {
        match self {
            Self::Native(values) => {
                let (batch, seq, _) = values.dims3()?;
                Ok((batch, seq))
            }
            Self::Exact(blocks, batch) => Ok((*batch, blocks.rows() / (*batch).max(1))),
            Self::OnDevice(values, batch) => Ok((*batch, values.dims().0 / (*batch).max(1))),
        }
    }

    pub(crate) fn tensor(&self) -> Result<&Tensor> {
        match self {
            Self::Native(values) => Ok(values),
            Self::Exact(..) | Self::OnDevice(..) => Err(mixed()),
        }
    }

    pub(crate) fn matrix(&self) -> Result<(&Matrix, usize)> {
        match self {
            Self::OnDevice(values, batch) => Ok((values, *batch)),
            Self::Native(_) | Self::Exact(..) => Err(mixed()),
        }
    }

    pub(crate) fn blocks(&self) -> Result<(&Blocks, usize)> {
        match self {
            Self::Exact(blocks, batch) => Ok((blocks, *batch)),
            Self::Native(_) | Self::OnDevice(..) => Err(mixed()),
        }
    }
}

/// Some tokens of `batch` sequences, as many of each.
fn picked(values: &Matrix, rows: impl Iterator<Item = usize>, batch: usize) -> Result<Hidden> {
    Ok(Hidden::on_device(values.picked(&rows.map(|row| row as u32).collect::<Vec<_>>())?, batch))
}

pub(super) fn mixed() -> Error {
    Error::InvalidInput("layers of one numerics got activations of the other".to_owned())
}
