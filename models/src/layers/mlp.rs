use super::{Activation, Bias, Hidden, Linear, Operand, Part, Workspace};
use crate::weights::Scope;
use crate::{Numerics, Result};

/// `down(activation(up(x)))`
#[derive(Clone, Debug)]
pub struct Mlp {
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl Mlp {
    /// Loads both products, each with a bias: `(intermediate, hidden)` and `(hidden, intermediate)`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        (up, down): (&Scope<'_>, &Scope<'_>),
        hidden: usize,
        intermediate: usize,
        activation: Activation,
        numerics: Numerics,
    ) -> Result<Self> {
        Ok(Self {
            up: Linear::load(up, hidden, intermediate, Bias::Present, numerics)?,
            down: Linear::load(down, intermediate, hidden, Bias::Present, numerics)?,
            activation,
        })
    }

    /// Adds the result for `x` to `residual`, both `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When they are of the other numerics.
    pub fn add_to(&self, x: Operand, residual: Hidden, workspace: &mut Workspace) -> Result<Hidden> {
        let widened = self.up.activated(&x, self.activation, workspace)?;
        workspace.keep(x);
        workspace.ended(Part::GateUp);
        let y = self.down.add_to(&widened, residual)?;
        workspace.keep(widened);
        workspace.ended(Part::Down);
        Ok(y)
    }
}
