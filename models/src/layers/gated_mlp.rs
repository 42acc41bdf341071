use super::linear::tensors;
use super::native_linear::NativeLinear;
use super::{Activation, Bias, Hidden, Linear, Operand, Part, Workspace};
use crate::exact::device;
use crate::exact::linear::PackedLinear;
use crate::weights::Scope;
use crate::{Numerics, Result};

/// `down(activation(gate(x)) * up(x))`
#[derive(Clone, Debug)]
pub struct GatedMlp {
    gate_up_proj: GateUp,
    down_proj: Linear,
    intermediate: usize,
    activation: Activation,
}

#[derive(Clone, Debug)]
enum GateUp {
    Native {
        gate_proj: NativeLinear,
        up_proj: NativeLinear,
    },
    /// Both in one, panel by panel in turn.
    Exact(PackedLinear),
    /// Both in one, output by output in turn.
    OnDevice(device::Linear),
}

impl GatedMlp {
    /// Loads `gate_proj`, `up_proj` and `down_proj`.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scope: &Scope<'_>,
        hidden: usize,
        intermediate: usize,
        activation: Activation,
        bias: Bias,
        numerics: Numerics,
    ) -> Result<Self> {
        let (gate, up) = (scope.child("gate_proj"), scope.child("up_proj"));
        let gate_up_proj = match numerics {
            Numerics::Native => GateUp::Native {
                gate_proj: NativeLinear::load(&gate, hidden, intermediate, bias)?,
                up_proj: NativeLinear::load(&up, hidden, intermediate, bias)?,
            },
            Numerics::Exact(isa) => {
                let (gate, gate_bias) = tensors(&gate, hidden, intermediate, bias)?;
                let (up, up_bias) = tensors(&up, hidden, intermediate, bias)?;
                let (gate, up) = ((&gate[..], gate_bias), (&up[..], up_bias));
                GateUp::Exact(PackedLinear::gated(gate, up, hidden, scope.precision(), isa))
            }
            Numerics::ExactOn(device) => {
                let (gate, gate_bias) = tensors(&gate, hidden, intermediate, bias)?;
                let (up, up_bias) = tensors(&up, hidden, intermediate, bias)?;
                let (gate, up) = ((&gate[..], gate_bias.as_deref()), (&up[..], up_bias.as_deref()));
                GateUp::OnDevice(device::Linear::gated(device, gate, up, hidden, scope.precision())?)
            }
        };
        let down_proj = Linear::load(&scope.child("down_proj"), intermediate, hidden, bias, numerics)?;
        Ok(Self { gate_up_proj, down_proj, intermediate, activation })
    }

    /// Adds the result for `x` to `residual`, both `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When they are of the other numerics.
    pub fn add_to(&self, x: Operand, residual: Hidden, workspace: &mut Workspace) -> Result<Hidden> {
        let gated = self.gated(x, workspace)?;
        let y = self.down_proj.add_to(&gated, residual)?;
        workspace.keep(gated);
        workspace.ended(Part::Down);
        Ok(y)
    }

    /// The result for `x`: `(batch, seq, hidden)` both.
    ///
    /// # Errors
    /// When `x` is of the other numerics.
    pub fn forward(&self, x: Operand, workspace: &mut Workspace) -> Result<Hidden> {
        let gated = self.gated(x, workspace)?;
        let y = self.down_proj.forward(&gated)?;
        workspace.keep(gated);
        workspace.ended(Part::Down);
        Ok(y)
    }

    fn gated(&self, x: Operand, workspace: &mut Workspace) -> Result<Operand> {
        let gated = match &self.gate_up_proj {
            GateUp::Native { gate_proj, up_proj } => {
                let x = x.tensor()?;
                let gate = self.activation.tensor(&gate_proj.forward(x)?)?;
                Operand::Native((gate * up_proj.forward(x)?)?)
            }
            GateUp::Exact(packed) => {
                let (x, batch) = x.blocks()?;
                let function = self.activation.function();
                let product = packed.gated_product(x, function, self.intermediate, workspace.blocks());
                Operand::Exact(product, batch)
            }
            GateUp::OnDevice(linear) => {
                let (x, batch) = x.matrix()?;
                Operand::on_device(linear.gated_product(x, self.activation.function())?, batch)
            }
        };
        workspace.keep(x);
        workspace.ended(Part::GateUp);
        Ok(gated)
    }
}
