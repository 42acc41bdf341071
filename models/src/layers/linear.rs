use super::native_linear::NativeLinear;
use super::{Activation, Embedding, Hidden, Operand, Workspace};
use crate::exact::device;
use crate::exact::linear::PackedLinear;
use crate::weights::{Init, Scope};
use crate::{Error, Numerics, Result};

/// Whether a layer has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// A tensor `bias` beside `weight`.
    Present,
    /// None.
    Absent,
}

/// `y = x w^T + b`: `(batch, seq, in_features)` to `(batch, seq, out_features)`.
#[derive(Clone, Debug)]
pub struct Linear(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Native(NativeLinear),
    Exact(PackedLinear),
    OnDevice(device::Linear),
}

impl Linear {
    /// Loads `weight`: `(out_features, in_features)` and, if present, `bias`: `(out_features,)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scope: &Scope<'_>,
        in_features: usize,
        out_features: usize,
        bias: Bias,
        numerics: Numerics,
    ) -> Result<Self> {
        Ok(Self(match numerics {
            Numerics::Exact(isa) => {
                let (weight, bias) = tensors(scope, in_features, out_features, bias)?;
                Kind::Exact(PackedLinear::new(&weight, bias, in_features, scope.precision(), isa))
            }
            Numerics::ExactOn(device) => {
                let (weight, bias) = tensors(scope, in_features, out_features, bias)?;
                let (bias, precision) = (bias.as_deref(), scope.precision());
                Kind::OnDevice(device::Linear::new(device, &weight, bias, in_features, precision)?)
            }
            Numerics::Native => Kind::Native(NativeLinear::load(scope, in_features, out_features, bias)?),
        }))
    }

    /// The output layer that shares its weights with the embedding, without a second copy.
    ///
    /// # Errors
    /// When the embedding was loaded for look-up alone.
    pub fn tied(embedding: &Embedding) -> Result<Self> {
        Ok(Self(match embedding {
            Embedding::Native(weight) => {
                Kind::Native(NativeLinear::Dense(candle_nn::Linear::new(weight.clone(), None)))
            }
            Embedding::NativeQuantized(weight) => {
                Kind::Native(NativeLinear::Quantized { weight: weight.clone(), bias: None })
            }
            Embedding::Packed(packed) => Kind::Exact(packed.clone()),
            Embedding::OnDevice(linear) => Kind::OnDevice(linear.clone()),
            Embedding::Table(_) => {
                return Err(Error::InvalidInput("a table for look-up alone is no output layer".to_owned()));
            }
        }))
    }

    /// Multiplies the last axis of `x`.
    ///
    /// # Errors
    /// When `x` is of the other numerics.
    pub fn forward(&self, x: &Operand) -> Result<Hidden> {
        match &self.0 {
            Kind::Native(linear) => Hidden::native(linear.forward(x.tensor()?)?),
            Kind::Exact(packed) => {
                let (x, batch) = x.blocks()?;
                let mut y = Vec::new();
                packed.forward(x, &mut y);
                Ok(Hidden::exact(y, batch, x.rows() / batch))
            }
            Kind::OnDevice(linear) => {
                let (x, batch) = x.matrix()?;
                Ok(Hidden::on_device(linear.forward(x, None)?, batch))
            }
        }
    }

    /// Multiplies the last axis of `x` and adds the result to `residual`.
    ///
    /// # Errors
    /// When they are of the other numerics.
    pub fn add_to(&self, x: &Operand, mut residual: Hidden) -> Result<Hidden> {
        match &self.0 {
            Kind::Native(linear) => Hidden::native((residual.tensor()? + linear.forward(x.tensor()?)?)?),
            Kind::Exact(packed) => {
                packed.add_to(x.blocks()?.0, residual.values_mut()?);
                Ok(residual)
            }
            Kind::OnDevice(linear) => {
                let (batch, ..) = residual.dims();
                let mut sum = residual.into_matrix()?;
                linear.add_to(x.matrix()?.0, &mut sum, None)?;
                Ok(Hidden::on_device(sum, batch))
            }
        }
    }

    /// Multiplies the last axis of `x` and applies `activation`, for the next product to read.
    ///
    /// # Errors
    /// When `x` is of the other numerics.
    pub fn activated(
        &self,
        x: &Operand,
        activation: Activation,
        workspace: &mut Workspace,
    ) -> Result<Operand> {
        match &self.0 {
            Kind::Native(linear) => Ok(Operand::Native(activation.tensor(&linear.forward(x.tensor()?)?)?)),
            Kind::Exact(packed) => {
                let (x, batch) = x.blocks()?;
                Ok(Operand::Exact(packed.activated(x, activation.function(), workspace.blocks()), batch))
            }
            Kind::OnDevice(linear) => {
                let (x, batch) = x.matrix()?;
                Ok(Operand::on_device(linear.forward(x, Some(activation.function()))?, batch))
            }
        }
    }
}

/// Layers that read the same input as one, whose outputs follow each other: their weights and biases. Beside a bias an absent one is -0,
/// which alters no sum.
pub(super) fn joint<const N: usize>(
    parts: [(&Scope<'_>, usize, Bias); N],
    in_features: usize,
) -> Result<(Vec<f32>, Option<Vec<f32>>)> {
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for (scope, outputs, bias) in parts {
        let (weight, bias) = tensors(scope, in_features, outputs, bias)?;
        weights.extend(weight);
        biases.extend(bias.unwrap_or_else(|| vec![-0.0; outputs]));
    }
    let has_bias = parts.iter().any(|(_, _, bias)| *bias == Bias::Present);
    Ok((weights, has_bias.then_some(biases)))
}

/// The tensors of a linear layer: weight and bias.
pub(super) fn tensors(
    scope: &Scope<'_>,
    in_features: usize,
    out_features: usize,
    bias: Bias,
) -> Result<(Vec<f32>, Option<Vec<f32>>)> {
    let weight = scope.tensor("weight", &[out_features, in_features], Init::Matrix)?;
    let bias = match bias {
        Bias::Present => Some(scope.tensor("bias", &[out_features], Init::Bias)?),
        Bias::Absent => None,
    };
    Ok((weight, bias))
}
