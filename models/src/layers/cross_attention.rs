use std::sync::Arc;

use candle_core::Tensor;

use super::linear::joint;
use super::native_linear::NativeLinear;
use super::self_attention::{native_attention, split};
use super::{AttentionDims, Hidden, Linear, Operand, Part, ProjectionBiases, ProjectionScopes, Workspace};
use crate::exact::attention::{Attention, Visibility, score_scale};
use crate::exact::device;
use crate::exact::kv_cache::{Columns, KvCache};
use crate::exact::linear::PackedLinear;
use crate::weights::Scope;
use crate::{Error, Numerics, Result};

/// Attention of one sequence to another, which an encoder has read as a whole.
#[derive(Clone, Debug)]
pub struct CrossAttention {
    query: Linear,
    key_value: KeyValue,
    output: Linear,
    dims: AttentionDims,
}

#[derive(Clone, Debug)]
enum KeyValue {
    Native {
        key: NativeLinear,
        value: NativeLinear,
    },
    /// Both in one; a row is keys, values.
    Exact(PackedLinear),
    /// As `Exact`.
    OnDevice(device::Linear),
}

/// Keys and values of the encoder's output, for one layer.
#[derive(Debug)]
pub struct Memory(MemoryKind);

#[derive(Debug)]
enum MemoryKind {
    /// `(batch, heads, length, head_dim)` each
    Native(Tensor, Tensor),
    Exact(KvCache),
    OnDevice(device::KvCache),
}

impl CrossAttention {
    /// Loads the projections; query and key heads are as many.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scopes: &ProjectionScopes<'_>,
        dims: AttentionDims,
        biases: ProjectionBiases,
        numerics: Numerics,
    ) -> Result<Self> {
        let (hidden, width) = (dims.hidden, dims.heads * dims.head_dim);
        let linear =
            |scope: &Scope<'_>, inputs, outputs, bias| Linear::load(scope, inputs, outputs, bias, numerics);
        let parts = [(&scopes.key, width, biases.key), (&scopes.value, width, biases.value)];
        let key_value = match numerics {
            Numerics::Native => KeyValue::Native {
                key: NativeLinear::load(&scopes.key, hidden, width, biases.key)?,
                value: NativeLinear::load(&scopes.value, hidden, width, biases.value)?,
            },
            Numerics::Exact(isa) => {
                let (weight, bias) = joint(parts, hidden)?;
                KeyValue::Exact(PackedLinear::new(&weight, bias, hidden, scopes.key.precision(), isa))
            }
            Numerics::ExactOn(device) => {
                let ((weight, bias), precision) = (joint(parts, hidden)?, scopes.key.precision());
                let linear = device::Linear::new(device, &weight, bias.as_deref(), hidden, precision)?;
                KeyValue::OnDevice(linear)
            }
        };
        Ok(Self {
            query: linear(&scopes.query, hidden, width, biases.query)?,
            key_value,
            output: linear(&scopes.output, width, hidden, biases.output)?,
            dims,
        })
    }

    /// Projects an encoder's output, `(batch, length, hidden)`, to keys and values, once for all calls.
    ///
    /// # Errors
    /// When it is of the other numerics.
    pub fn remember(&self, encoded: &Operand, workspace: &mut Workspace) -> Result<Memory> {
        let AttentionDims { heads, head_dim, .. } = self.dims;
        Ok(Memory(match &self.key_value {
            KeyValue::Native { key, value } => {
                let encoded = encoded.tensor()?;
                let project = |linear: &NativeLinear| split(&linear.forward(encoded)?, head_dim);
                MemoryKind::Native(project(key)?, project(value)?)
            }
            KeyValue::Exact(packed) => {
                let (blocks, batch) = encoded.blocks()?;
                let mut projected = workspace.rows();
                packed.forward(blocks, &mut projected);
                let width = heads * head_dim;
                let mut memory = KvCache::new(batch, heads, head_dim, blocks.rows() / batch);
                memory.append(&projected, Columns { stride: 2 * width, keys: 0, values: width });
                workspace.keep_rows(projected);
                MemoryKind::Exact(memory)
            }
            KeyValue::OnDevice(linear) => {
                let (rows, batch) = encoded.matrix()?;
                let projected = linear.forward(rows, None)?;
                let (width, length) = (heads * head_dim, rows.dims().0 / batch);
                let mut memory = device::KvCache::new(linear.device(), batch, heads, head_dim, length)?;
                memory.append(&projected, Columns { stride: 2 * width, keys: 0, values: width })?;
                MemoryKind::OnDevice(memory)
            }
        }))
    }

    /// Attends from the tokens of `x` to all of `memory`, and adds the result to `residual`; both are `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// When `x`, `residual` or the memory are of the other numerics, or of another batch.
    pub fn add_to(
        &self,
        x: Operand,
        residual: Hidden,
        memory: &Memory,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let AttentionDims { heads, head_dim, .. } = self.dims;
        let (batch, _, _) = residual.dims();
        let scale = score_scale(head_dim as f32);
        let everything = |length| Visibility::Lengths(Arc::new(vec![length; batch]));
        let queries = self.query.forward(&x)?;
        workspace.keep(x);
        workspace.ended(Part::Projections);
        let attended = match &memory.0 {
            MemoryKind::Native(keys, values) => {
                let queries = split(queries.tensor()?, head_dim)?;
                let visibility = everything(keys.dim(2)?);
                Operand::Native(native_attention(&queries, keys, values, &visibility, scale)?)
            }
            MemoryKind::Exact(cache) => {
                let KeyValue::Exact(packed) = &self.key_value else { return Err(super::hidden::mixed()) };
                check_batch(cache.dims(), batch)?;
                let visibility = everything(cache.len());
                let attention = Attention { cache, visibility: &visibility, heads, scale, isa: packed.isa() };
                let mut attended = workspace.rows();
                attention.forward(queries.values()?, heads * head_dim, &mut attended);
                let blocks = workspace.blocks().filled(&attended, heads * head_dim);
                workspace.keep_rows(attended);
                workspace.keep_rows(queries.into_values()?);
                Operand::Exact(blocks, batch)
            }
            MemoryKind::OnDevice(cache) => {
                check_batch(cache.dims(), batch)?;
                let visibility = &everything(cache.len());
                let attention = device::Attention { cache, visibility, heads, scale };
                Operand::on_device(attention.forward(queries.matrix()?)?, batch)
            }
        };
        workspace.ended(Part::Attention);
        let y = self.output.add_to(&attended, residual)?;
        workspace.keep(attended);
        workspace.ended(Part::Output);
        Ok(y)
    }
}

fn check_batch([sequences, ..]: [usize; 3], batch: usize) -> Result<()> {
    if sequences != batch {
        return Err(Error::InvalidInput(format!("{batch} sequences attend to a memory of {sequences}")));
    }
    Ok(())
}
