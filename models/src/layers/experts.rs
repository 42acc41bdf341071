use candle_core::{DType, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::{Activation, Bias, GatedMlp, Hidden, Linear, Operand, Part, Workspace};
use crate::exact::device::Matrix;
use crate::exact::routing::{Choice, ExpertWeights, choose, softmax};
use crate::weights::Scope;
use crate::{Error, Numerics, Result};

/// Sizes of a mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpertDims {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of an expert.
    pub intermediate: usize,
    /// How many experts.
    pub experts: usize,
    /// Experts that a token goes to.
    pub chosen: usize,
}

/// A feed-forward part that sends each token to some of its experts.
#[derive(Clone, Debug)]
pub struct Experts {
    gate: Linear,
    experts: Vec<GatedMlp>,
    dims: ExpertDims,
    weights: ExpertWeights,
}

/// The tokens of a call that go to one expert.
#[derive(Clone, Debug, Default)]
struct Share {
    tokens: Vec<u32>,
    weights: Vec<f32>,
}

impl Experts {
    /// Loads the router `gate` and `experts`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scope: &Scope<'_>,
        dims: ExpertDims,
        weights: ExpertWeights,
        activation: Activation,
        numerics: Numerics,
    ) -> Result<Self> {
        let ExpertDims { hidden, intermediate, experts, .. } = dims;
        let gate = Linear::load(&scope.child("gate"), hidden, experts, Bias::Absent, numerics)?;
        let expert = |index: usize| {
            let scope = scope.child("experts").child(index);
            GatedMlp::load(&scope, hidden, intermediate, activation, Bias::Absent, numerics)
        };
        Ok(Self { gate, experts: (0..experts).map(expert).collect::<Result<_>>()?, dims, weights })
    }

    /// The result for `x`: `(batch, seq, hidden)` both. Experts take part in ascending order.
    ///
    /// # Errors
    /// When `x` is of the other numerics, or the router gives a NaN.
    pub fn forward(&self, x: Operand, workspace: &mut Workspace) -> Result<Hidden> {
        let shares = self.shares(self.gate.forward(&x)?)?;
        workspace.ended(Part::Router);
        let ((batch, seq), hidden) = (x.sequences()?, self.dims.hidden);
        let busy = self.experts.iter().zip(&shares).filter(|(_, share)| !share.tokens.is_empty());
        if let Ok(x) = x.tensor() {
            let rows = x.reshape((batch * seq, hidden))?;
            let mut sum = rows.zeros_like()?;
            for (expert, Share { tokens, weights }) in busy {
                let tokens = Tensor::new(&tokens[..], rows.device())?;
                let own = Operand::Native(rows.index_select(&tokens, 0)?.unsqueeze(0)?);
                let output = expert.forward(own, workspace)?;
                let output = output.tensor()?.squeeze(0)?;
                let weights = Tensor::new(&weights[..], rows.device())?.unsqueeze(1)?;
                let output = output.broadcast_mul(&weights.to_dtype(output.dtype())?)?;
                sum = sum.index_add(&tokens, &output, 0)?;
            }
            return Hidden::native(sum.reshape((batch, seq, hidden))?);
        }
        if let Ok((rows, _)) = x.matrix() {
            return self.forward_on_device(rows, batch, busy, workspace);
        }
        let (rows, _) = x.blocks()?;
        let mut sums = vec![0.0; rows.rows() * hidden];
        let mut is_begun = vec![false; batch * seq];
        for (expert, Share { tokens, weights }) in busy {
            let own = Operand::Exact(workspace.blocks().picked(rows, tokens), 1);
            let output = expert.forward(own, workspace)?.into_values()?;
            for ((output, token), weight) in output.chunks_exact(hidden).zip(tokens).zip(weights) {
                let token = *token as usize;
                let sum = sums[token * hidden..][..hidden].iter_mut().zip(output);
                // The first product is the starting value: 0 + -0 would be +0.
                if std::mem::replace(&mut is_begun[token], true) {
                    sum.for_each(|(sum, output)| *sum += output * weight);
                } else {
                    sum.for_each(|(sum, output)| *sum = output * weight);
                }
            }
        }
        workspace.keep(x);
        Ok(Hidden::exact(sums, batch, seq))
    }

    fn forward_on_device<'a>(
        &self,
        rows: &Matrix,
        batch: usize,
        busy: impl Iterator<Item = (&'a GatedMlp, &'a Share)>,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let (count, hidden) = rows.dims();
        // Each token goes to an expert, so each row gets a starting value.
        let mut sums = Matrix::uninitialised(rows.device(), count, hidden)?;
        let mut is_begun = vec![false; count];
        for (expert, Share { tokens, weights }) in busy {
            let own = Operand::on_device(rows.picked(tokens)?, 1);
            let output = expert.forward(own, workspace)?;
            let is_first =
                tokens.iter().map(|token| !std::mem::replace(&mut is_begun[*token as usize], true));
            let is_first: Vec<u32> = is_first.map(u32::from).collect();
            sums.add_weighted(output.matrix()?, tokens, weights, &is_first)?;
        }
        Ok(Hidden::on_device(sums, batch))
    }

    /// The tokens of each expert, by the router's logits: `(batch, seq, experts)`.
    fn shares(&self, logits: Hidden) -> Result<Vec<Share>> {
        let probabilities = match logits.tensor() {
            Ok(logits) => softmax_last_dim(&logits.to_dtype(DType::F32)?)?.flatten_all()?.to_vec1()?,
            Err(_) => {
                let mut logits = logits.into_values()?;
                logits.chunks_exact_mut(self.dims.experts).for_each(softmax);
                logits
            }
        };
        let mut shares = vec![Share::default(); self.dims.experts];
        for (token, probabilities) in probabilities.chunks_exact(self.dims.experts).enumerate() {
            let chosen = choose(probabilities, self.dims.chosen, self.weights);
            let chosen = chosen.ok_or_else(|| Error::InvalidInput(format!("a NaN routes token {token}")))?;
            for Choice { expert, weight } in chosen {
                shares[expert].tokens.push(token as u32);
                shares[expert].weights.push(weight);
            }
        }
        Ok(shares)
    }
}
