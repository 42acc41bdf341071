//! Mean pooling over the visible tokens and L2 normalisation (`EXACT.md`, section 8).

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};

use super::LANES;
use super::operand::contiguous;
use super::sum::{sum, sum_of_squares};

/// The smallest norm that is divided by.
const MIN_NORM: f32 = f32::from_bits(0x2b8c_bccc); // 1e-12

/// The mean of the first `lengths[b]` rows of each sequence, divided by its Euclidean norm:
/// `(batch, seq, hidden)` to `(batch, hidden)`.
pub struct MeanPoolL2 {
    /// Tokens of each sequence.
    pub lengths: Arc<Vec<usize>>,
}

impl CustomOp1 for MeanPoolL2 {
    fn name(&self) -> &'static str {
        "exact-mean-pool-l2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), storage, layout)?;
        let (batch, seq, hidden) = layout.shape().dims3()?;
        if self.lengths.len() != batch || self.lengths.iter().any(|length| !(1..=seq).contains(length)) {
            bail!("{}: lengths {:?} do not fit {:?}", self.name(), self.lengths, layout.dims());
        }
        let mut pooled = Vec::with_capacity(batch * hidden);
        for (x, &length) in x.chunks_exact(seq * hidden).zip(self.lengths.iter()) {
            let means = mean_of_rows(&x[..length * hidden], hidden);
            let norm = sum_of_squares(&means).sqrt();
            let norm = if norm < MIN_NORM { MIN_NORM } else { norm };
            pooled.extend(means.iter().map(|mean| mean / norm));
        }
        Ok((CpuStorage::F32(pooled), Shape::from((batch, hidden))))
    }
}

/// For each column the row sum of section 3 over the tokens, divided by their number.
fn mean_of_rows(rows: &[f32], hidden: usize) -> Vec<f32> {
    let mut lanes = vec![0.0; LANES * hidden];
    for (token, row) in rows.chunks_exact(hidden).enumerate() {
        let lane = &mut lanes[token % LANES * hidden..][..hidden];
        for (lane, x) in lane.iter_mut().zip(row) {
            *lane += x;
        }
    }
    let count = (rows.len() / hidden) as f32;
    // A column of the lanes has 16 elements, one a lane: its own row sum folds them.
    let column = |dim: usize| -> [f32; LANES] { std::array::from_fn(|lane| lanes[lane * hidden + dim]) };
    (0..hidden).map(|dim| sum(&column(dim), 0) / count).collect()
}
