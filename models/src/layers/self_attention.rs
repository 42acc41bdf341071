use candle_core::{Device, Tensor};
use candle_nn::kv_cache::KvCache as NativeKvCache;

use super::linear::joint;
use super::native_linear::NativeLinear;
use super::{Bias, Hidden, Linear, Norm, Operand, Part, RotaryEmbedding, Workspace};
use crate::exact::attention::{Attention, Visibility, score_scale};
use crate::exact::device;
use crate::exact::kv_cache::{Columns, KvCache};
use crate::exact::linear::PackedLinear;
use crate::weights::Scope;
use crate::{Error, Numerics, Result};

/// Sizes of an attention layer; `kv_heads` divides `heads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionDims {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
}

/// Attention of a sequence to itself, with its four projections.
#[derive(Clone, Debug)]
pub struct SelfAttention {
    projections: Projections,
    output: Linear,
    head_norms: Option<HeadNorms>,
    score_scale: f32,
    dims: AttentionDims,
}

/// Normalisations of each head by itself, before positions are added: `(head_dim,)`.
#[derive(Clone, Debug)]
pub struct HeadNorms {
    /// Of queries.
    pub q_norm: Norm,
    /// Of keys.
    pub k_norm: Norm,
}

#[derive(Clone, Debug)]
enum Projections {
    Native {
        query: NativeLinear,
        key: NativeLinear,
        value: NativeLinear,
    },
    /// All three in one; a row is queries, keys, values.
    Exact(PackedLinear),
    /// As `Exact`.
    OnDevice(device::Linear),
}

/// Where the projections lie in a checkpoint.
pub struct ProjectionScopes<'a> {
    /// `(heads * head_dim, hidden)`
    pub query: Scope<'a>,
    /// `(kv_heads * head_dim, hidden)`
    pub key: Scope<'a>,
    /// `(kv_heads * head_dim, hidden)`
    pub value: Scope<'a>,
    /// `(hidden, heads * head_dim)`
    pub output: Scope<'a>,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectionBiases {
    /// Of the queries.
    pub query: Bias,
    /// Of the keys.
    pub key: Bias,
    /// Of the values.
    pub value: Bias,
    /// Of the output.
    pub output: Bias,
}

/// Keys and values of one layer.
#[derive(Debug)]
pub struct LayerCache(CacheKind);

#[derive(Debug)]
enum CacheKind {
    /// None where nothing outlasts the call.
    Native(Option<NativeKvCache>),
    Exact(KvCache),
    OnDevice(device::KvCache),
}

impl AttentionDims {
    /// As many key heads as query heads, `heads`, which divide the width of the residual stream.
    #[must_use]
    pub fn even(hidden: usize, heads: usize) -> Self {
        Self { hidden, heads, kv_heads: heads, head_dim: hidden / heads }
    }
}

impl LayerCache {
    /// An empty cache for `capacity` tokens of each of `batch` sequences.
    ///
    /// # Errors
    /// When a device has no memory left.
    pub fn growing(dims: AttentionDims, batch: usize, capacity: usize, numerics: Numerics) -> Result<Self> {
        let AttentionDims { kv_heads, head_dim, .. } = dims;
        Ok(Self(match numerics {
            Numerics::Native => CacheKind::Native(Some(NativeKvCache::new(2, capacity))),
            Numerics::Exact(_) => CacheKind::Exact(KvCache::new(batch, kv_heads, head_dim, capacity)),
            Numerics::ExactOn(device) => {
                CacheKind::OnDevice(device::KvCache::new(device, batch, kv_heads, head_dim, capacity)?)
            }
        }))
    }

    /// Memory for the keys and values of one call after another, each of `seq` tokens.
    ///
    /// # Errors
    /// When a device has no memory left.
    pub fn of_one_call(dims: AttentionDims, batch: usize, seq: usize, numerics: Numerics) -> Result<Self> {
        match numerics {
            Numerics::Native => Ok(Self(CacheKind::Native(None))),
            Numerics::Exact(_) | Numerics::ExactOn(_) => Self::growing(dims, batch, seq, numerics),
        }
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        match &mut self.0 {
            CacheKind::Native(Some(cache)) => cache.reset(),
            CacheKind::Native(None) => {}
            CacheKind::Exact(cache) => cache.clear(),
            CacheKind::OnDevice(cache) => cache.clear(),
        }
    }
}

impl ProjectionBiases {
    /// The same for all.
    #[must_use]
    pub fn all(bias: Bias) -> Self {
        Self { query: bias, key: bias, value: bias, output: bias }
    }
}

impl SelfAttention {
    /// Loads the projections.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(
        scopes: &ProjectionScopes<'_>,
        dims: AttentionDims,
        biases: ProjectionBiases,
        numerics: Numerics,
    ) -> Result<Self> {
        let AttentionDims { hidden, heads, kv_heads, head_dim } = dims;
        let parts = [
            (&scopes.query, heads * head_dim, biases.query),
            (&scopes.key, kv_heads * head_dim, biases.key),
            (&scopes.value, kv_heads * head_dim, biases.value),
        ];
        let projections = match numerics {
            Numerics::Native => {
                let [query, key, value] =
                    parts.map(|(scope, outputs, bias)| NativeLinear::load(scope, hidden, outputs, bias));
                Projections::Native { query: query?, key: key?, value: value? }
            }
            Numerics::Exact(isa) => {
                let (weight, bias) = joint(parts, hidden)?;
                Projections::Exact(PackedLinear::new(&weight, bias, hidden, scopes.query.precision(), isa))
            }
            Numerics::ExactOn(device) => {
                let ((weight, bias), precision) = (joint(parts, hidden)?, scopes.query.precision());
                let linear = device::Linear::new(device, &weight, bias.as_deref(), hidden, precision)?;
                Projections::OnDevice(linear)
            }
        };
        let output = Linear::load(&scopes.output, heads * head_dim, hidden, biases.output, numerics)?;
        Ok(Self { projections, output, head_norms: None, score_scale: score_scale(head_dim as f32), dims })
    }

    /// With normalised queries and keys.
    #[must_use]
    pub fn with_head_norms(self, head_norms: Option<HeadNorms>) -> Self {
        Self { head_norms, ..self }
    }

    /// With scores multiplied by `scale`, in place of `1 / sqrt(head_dim)`.
    #[must_use]
    pub fn with_score_scale(self, score_scale: f32) -> Self {
        Self { score_scale, ..self }
    }

    /// Attends as [`Self::forward`] does, and adds the result to `residual`; both are `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// As [`Self::forward`], and when `residual` is of the other numerics.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn add_to(
        &self,
        x: Operand,
        residual: Hidden,
        rotary: Option<&RotaryEmbedding>,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let attended = self.attend(x, rotary, visibility, cache, workspace)?;
        let y = self.output.add_to(&attended, residual)?;
        workspace.keep(attended);
        workspace.ended(Part::Output);
        Ok(y)
    }

    /// Attends from the tokens of `x`, `(batch, seq, hidden)`, to those of the cache and to each other, as `visibility` says.
    /// `rotary` turns queries and keys by their positions, from the cache's length on.
    ///
    /// # Errors
    /// When `x` or the cache are of the other numerics, the cache has no room, or a query sees no key or more than there are.
    ///
    /// # Panics
    /// When a position lies beyond the rotary table; models check that before.
    pub fn forward(
        &self,
        x: Operand,
        rotary: Option<&RotaryEmbedding>,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let attended = self.attend(x, rotary, visibility, cache, workspace)?;
        let y = self.output.forward(&attended)?;
        workspace.keep(attended);
        workspace.ended(Part::Output);
        Ok(y)
    }

    /// What each head saw: `(batch, seq, heads * head_dim)`.
    fn attend(
        &self,
        x: Operand,
        rotary: Option<&RotaryEmbedding>,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Operand> {
        let (batch, seq) = x.sequences()?;
        let attended = match (&self.projections, &mut cache.0) {
            (Projections::Native { query, key, value }, CacheKind::Native(cache)) => {
                let x = x.tensor()?;
                let (first, head_dim) =
                    (cache.as_ref().map_or(0, NativeKvCache::current_seq_len), self.dims.head_dim);
                let turn = |x: Tensor| rotary.map_or(Ok(x.clone()), |rotary| rotary.tensor(&x, first));
                let (q, k, v) = (query.forward(x)?, key.forward(x)?, value.forward(x)?);
                workspace.ended(Part::Projections);
                let norm = |x: Tensor, of: fn(&HeadNorms) -> &Norm| match &self.head_norms {
                    Some(norms) => of(norms).tensor(&x),
                    None => Ok(x),
                };
                let q = turn(norm(split(&q, head_dim)?, |norms| &norms.q_norm)?)?;
                let k = turn(norm(split(&k, head_dim)?, |norms| &norms.k_norm)?)?;
                let v = split(&v, head_dim)?;
                let (k, v) = match cache {
                    Some(cache) => cache.append(&k, &v)?,
                    None => (k, v),
                };
                workspace.ended(Part::Positions);
                Operand::Native(native_attention(&q, &k, &v, visibility, self.score_scale)?)
            }
            (Projections::Exact(packed), CacheKind::Exact(cache)) => {
                check(visibility, batch, seq, cache.len() + seq, cache.capacity())?;
                let isa = packed.isa();
                let blocks = x.blocks()?.0;
                let mut projected = workspace.rows();
                packed.forward(blocks, &mut projected);
                workspace.ended(Part::Projections);
                let columns = self.columns();
                if let Some(HeadNorms { q_norm, k_norm }) = &self.head_norms {
                    q_norm.heads_in_place(&mut projected, columns.stride, 0..columns.keys)?;
                    k_norm.heads_in_place(&mut projected, columns.stride, columns.keys..columns.values)?;
                }
                if let Some(rotary) = rotary {
                    let turned = 0..columns.values;
                    rotary.table.rotate(&mut projected, columns.stride, turned, seq, cache.len(), isa);
                }
                cache.append(&projected, columns);
                workspace.ended(Part::Positions);
                let mut attended = workspace.rows();
                let (heads, scale) = (self.dims.heads, self.score_scale);
                let attention = Attention { cache, visibility, heads, scale, isa };
                attention.forward(&projected, columns.stride, &mut attended);
                let width = self.dims.heads * self.dims.head_dim;
                let operand = Operand::Exact(workspace.blocks().filled(&attended, width), batch);
                // The one taken first is given back last, so that each buffer keeps its role and its size.
                workspace.keep_rows(attended);
                workspace.keep_rows(projected);
                operand
            }
            (Projections::OnDevice(linear), CacheKind::OnDevice(cache)) => {
                check(visibility, batch, seq, cache.len() + seq, cache.capacity())?;
                let mut projected = linear.forward(x.matrix()?.0, None)?;
                workspace.ended(Part::Projections);
                let columns = self.columns();
                if let Some(HeadNorms { q_norm, k_norm }) = &self.head_norms {
                    q_norm.heads_on_device(&mut projected, 0..columns.keys)?;
                    k_norm.heads_on_device(&mut projected, columns.keys..columns.values)?;
                }
                if let Some(rotary) = rotary {
                    let heads = self.dims.heads + self.dims.kv_heads;
                    rotary.on_device()?.rotate(&mut projected, heads, seq, cache.len())?;
                }
                cache.append(&projected, columns)?;
                workspace.ended(Part::Positions);
                let (heads, scale) = (self.dims.heads, self.score_scale);
                let attention = device::Attention { cache, visibility, heads, scale };
                Operand::on_device(attention.forward(&projected)?, batch)
            }
            _ => return Err(Error::InvalidInput("a cache of the other numerics".to_owned())),
        };
        workspace.ended(Part::Attention);
        workspace.keep(x);
        Ok(attended)
    }

    /// Where keys and values stand in a row of the joint projection.
    fn columns(&self) -> Columns {
        let AttentionDims { heads, kv_heads, head_dim, .. } = self.dims;
        let (keys, values) = (heads * head_dim, (heads + kv_heads) * head_dim);
        Columns { stride: (heads + 2 * kv_heads) * head_dim, keys, values }
    }
}

fn check(visibility: &Visibility, batch: usize, seq: usize, length: usize, capacity: usize) -> Result<()> {
    if seq == 0 || length > capacity {
        return Err(Error::InvalidInput(format!("{length} tokens in a cache for {capacity}, {seq} new")));
    }
    if let Visibility::Lengths(lengths) = visibility
        && lengths.len() != batch
    {
        return Err(Error::InvalidInput(format!("{} lengths for a batch of {batch}", lengths.len())));
    }
    for (sequence, query) in (0..batch).flat_map(|sequence| [(sequence, 0), (sequence, seq - 1)]) {
        let keys = visibility.keys(sequence, query);
        if keys.is_empty() || keys.end > length {
            let fact = format!("query {query} of sequence {sequence} sees the keys {keys:?} of {length}");
            return Err(Error::InvalidInput(fact));
        }
    }
    Ok(())
}

/// `(batch, length, heads * head_dim)` as `(batch, heads, length, head_dim)`
pub(super) fn split(x: &Tensor, head_dim: usize) -> Result<Tensor> {
    let (batch, length, width) = x.dims3()?;
    Ok(x.reshape((batch, length, width / head_dim, head_dim))?.transpose(1, 2)?.contiguous()?)
}

/// Stock kernels: two matrix products around a softmax, invisible keys at minus infinity. `q`: `(batch, heads, q_len, head_dim)`;
/// gives `(batch, q_len, heads * head_dim)`.
pub(super) fn native_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    visibility: &Visibility,
    scale: f32,
) -> Result<Tensor> {
    let (batch, heads, q_len, head_dim) = q.dims4()?;
    let (_, kv_heads, k_len, _) = k.dims4()?;
    let repeat = |x: &Tensor| -> Result<Tensor> {
        let group = heads / kv_heads;
        let shape = (batch, kv_heads, group, k_len, head_dim);
        Ok(x.unsqueeze(2)?.expand(shape)?.reshape((batch, heads, k_len, head_dim))?)
    };
    let (k, v) =
        if heads == kv_heads { (k.contiguous()?, v.contiguous()?) } else { (repeat(k)?, repeat(v)?) };
    let scores = (q.contiguous()?.matmul(&k.t()?)? * f64::from(scale))?;
    let scores = match mask(visibility, batch, q_len, k_len, q.device())? {
        Some(mask) => scores.broadcast_add(&mask.to_dtype(scores.dtype())?)?,
        None => scores,
    };
    let output = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?;
    Ok(output.transpose(1, 2)?.contiguous()?.reshape((batch, q_len, heads * head_dim))?)
}

/// `(batch, 1, q_len, k_len)`, zero where visible; `None` where all is.
fn mask(
    visibility: &Visibility,
    batch: usize,
    q_len: usize,
    k_len: usize,
    device: &Device,
) -> Result<Option<Tensor>> {
    let rows = || (0..batch).flat_map(|batch| (0..q_len).map(move |query| visibility.keys(batch, query)));
    if rows().all(|keys| keys == (0..k_len)) {
        return Ok(None);
    }
    let values: Vec<f32> = rows()
        .flat_map(|keys| (0..k_len).map(move |key| if keys.contains(&key) { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Ok(Some(Tensor::from_vec(values, (batch, 1, q_len, k_len), device)?))
}
