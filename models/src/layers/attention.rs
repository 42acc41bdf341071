use candle_core::{Device, Tensor};

use crate::exact::attention::{Attention, Visibility};
use crate::{Numerics, Result};

/// `softmax(q k^T / sqrt(head_dim)) v` over the visible keys, with grouped queries.
///
/// `q`: `(batch, heads, q_len, head_dim)`; `k`, `v`: `(batch, kv_heads, k_len, head_dim)`; gives
/// `(batch, q_len, heads * head_dim)`.
///
/// # Errors
/// When the shapes do not fit, or a query sees no key.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    visibility: &Visibility,
    numerics: Numerics,
) -> Result<Tensor> {
    let (batch, heads, q_len, head_dim) = q.dims4()?;
    let output = match numerics {
        Numerics::Exact(isa) => {
            let scale = 1.0 / (head_dim as f32).sqrt();
            let attention = Attention { scale, visibility: visibility.clone(), isa };
            q.apply_op3_no_bwd(k, v, &attention)?
        }
        Numerics::Native => native(q, k, v, visibility)?,
    };
    // (batch, heads, q_len, head_dim) -> (batch, q_len, heads * head_dim)
    Ok(output.transpose(1, 2)?.contiguous()?.reshape((batch, q_len, heads * head_dim))?)
}

/// Stock kernels: two matrix products around a softmax, invisible keys at minus infinity.
fn native(q: &Tensor, k: &Tensor, v: &Tensor, visibility: &Visibility) -> Result<Tensor> {
    let (batch, heads, q_len, head_dim) = q.dims4()?;
    let (_, kv_heads, k_len, _) = k.dims4()?;
    let repeat = |x: &Tensor| -> Result<Tensor> {
        let group = heads / kv_heads;
        let shape = (batch, kv_heads, group, k_len, head_dim);
        Ok(x.unsqueeze(2)?.expand(shape)?.reshape((batch, heads, k_len, head_dim))?)
    };
    let (k, v) =
        if heads == kv_heads { (k.contiguous()?, v.contiguous()?) } else { (repeat(k)?, repeat(v)?) };
    let scores = (q.contiguous()?.matmul(&k.t()?)? * (1.0 / (head_dim as f64).sqrt()))?;
    let scores = match mask(visibility, batch, q_len, k_len)? {
        Some(mask) => scores.broadcast_add(&mask)?,
        None => scores,
    };
    Ok(candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?)
}

/// `(batch, 1, q_len, k_len)`, zero where visible; `None` where all is.
fn mask(visibility: &Visibility, batch: usize, q_len: usize, k_len: usize) -> Result<Option<Tensor>> {
    let rows = || (0..batch).flat_map(|batch| (0..q_len).map(move |query| visibility.keys(batch, query)));
    if rows().all(|keys| keys == (0..k_len)) {
        return Ok(None);
    }
    let values: Vec<f32> = rows()
        .flat_map(|keys| (0..k_len).map(move |key| if keys.contains(&key) { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Ok(Some(Tensor::from_vec(values, (batch, 1, q_len, k_len), &Device::Cpu)?))
}
