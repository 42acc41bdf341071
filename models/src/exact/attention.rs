//! Attention over a key range per row, with grouped queries (`EXACT.md`, section 5).

use std::ops::Range;
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::BLOCK;
use super::function::{exp, maximum};
use super::isa::{Isa, Kernel};
use super::linear::{PANEL, TASK, multiply_packed};
use super::operand::Heads;
use super::sum::sum;

/// Which keys a query sees. A key is named by its position from its sequence's own first token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Query `i` of the call stands at position `first + i` and sees every key up to itself.
    Causal {
        /// The position of the call's first query.
        first: usize,
    },
    /// Each query of sequence `b` sees the first `lengths[b]` keys.
    Lengths(Arc<Vec<usize>>),
}

impl Visibility {
    /// The keys that query `query` of sequence `batch` sees.
    #[must_use]
    pub fn keys(&self, batch: usize, query: usize) -> Range<usize> {
        match self {
            Self::Causal { first } => 0..first + query + 1,
            Self::Lengths(lengths) => 0..lengths[batch],
        }
    }
}

/// `softmax(scale * q k^T) v` over the visible keys.
///
/// `q`: `(batch, heads, q_len, head_dim)`; `k`, `v`: `(batch, kv_heads, k_len, head_dim)`, where `kv_heads` divides
/// `heads`; gives `(batch, heads, q_len, head_dim)`.
pub struct Attention {
    /// Multiplies each score.
    pub scale: f32,
    /// Which keys take part at all.
    pub visibility: Visibility,
    /// Where it runs.
    pub isa: Isa,
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "exact-attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let q = Heads::new(self.name(), q, q_layout)?;
        let k = Heads::new(self.name(), k, k_layout)?;
        let v = Heads::new(self.name(), v, v_layout)?;
        self.check(&q, &k, &v)?;
        let [batch, heads, q_len, head_dim] = q.dims;
        let group = heads / k.dims[1];

        let mut output = vec![0.0; batch * heads * q_len * head_dim];
        // The query heads that share a key head go together, so that its keys are packed once.
        let chunks = output.par_chunks_mut((group * q_len * head_dim).max(1)).enumerate();
        let work = 2 * group * q_len * head_dim * k.dims[2];
        chunks.with_min_len(TASK / work.max(1) + 1).for_each(|(index, output)| {
            let (batch, kv_head) = (index / k.dims[1], index % k.dims[1]);
            self.key_head(&q, &k, &v, batch, kv_head, output);
        });
        Ok((CpuStorage::F32(output), Shape::from_dims(&q.dims)))
    }
}

impl Attention {
    fn check(&self, q: &Heads<'_>, k: &Heads<'_>, v: &Heads<'_>) -> Result<()> {
        let [batch, heads, q_len, head_dim] = q.dims;
        let [k_batch, kv_heads, k_len, k_dim] = k.dims;
        if k.dims != v.dims || batch != k_batch || head_dim != k_dim || kv_heads == 0 || heads % kv_heads != 0
        {
            bail!("{}: shapes q {:?}, k {:?}, v {:?} do not fit", self.name(), q.dims, k.dims, v.dims);
        }
        if let Visibility::Lengths(lengths) = &self.visibility
            && lengths.len() != batch
        {
            bail!("{}: {} lengths for a batch of {batch}", self.name(), lengths.len());
        }
        for (batch, query) in (0..batch).flat_map(|batch| (0..q_len).map(move |query| (batch, query))) {
            let keys = self.visibility.keys(batch, query);
            if keys.is_empty() || keys.end > k_len {
                bail!("{}: query {query} of sequence {batch} sees keys {keys:?} of {k_len}", self.name());
            }
        }
        Ok(())
    }

    /// The outputs `(group, q_len, head_dim)` of the query heads that share `kv_head`.
    fn key_head(
        &self,
        q: &Heads<'_>,
        k: &Heads<'_>,
        v: &Heads<'_>,
        batch: usize,
        kv_head: usize,
        output: &mut [f32],
    ) {
        let [_, heads, q_len, head_dim] = q.dims;
        let [_, kv_heads, _, _] = k.dims;
        let group = heads / kv_heads;
        let longest = (0..q_len).map(|query| self.visibility.keys(batch, query).end).max().unwrap_or(0);

        let panels = pack_keys(k, batch, kv_head, longest);
        let queries: Vec<f32> = (0..group * q_len)
            .flat_map(|row| q.row(batch, kv_head * group + row / q_len, row % q_len).iter().copied())
            .collect();
        let mut scores = multiply_packed(&queries, &panels, group * q_len, head_dim, longest, self.isa);

        let rows = output.chunks_exact_mut(head_dim).zip(scores.chunks_exact_mut(longest));
        for (row, (output, scores)) in rows.enumerate() {
            let keys = self.visibility.keys(batch, row % q_len);
            let scores = &mut scores[keys.clone()];
            let scale = self.scale;
            let total = self.isa.run(Softmax { scores, scale, first: keys.start });
            let value = |position: usize| v.row(batch, kv_head, position);
            self.isa.run(WeightedValues { weights: scores, keys, value, total, output });
        }
    }
}

/// Keys as the panels of `linear`: `[panel][head_dim][key]`, the last panel filled up with zeros.
fn pack_keys(k: &Heads<'_>, batch: usize, kv_head: usize, count: usize) -> Vec<f32> {
    let [_, _, _, head_dim] = k.dims;
    let mut panels = vec![0.0; count.div_ceil(PANEL) * PANEL * head_dim];
    for key in 0..count {
        let panel = &mut panels[key / PANEL * PANEL * head_dim..][..PANEL * head_dim];
        for (dim, value) in k.row(batch, kv_head, key).iter().enumerate() {
            panel[dim * PANEL + key % PANEL] = *value;
        }
    }
    panels
}

/// Turns scores into `exp(scale * score - maximum)` and returns their sum; the division comes last, on the output.
struct Softmax<'a> {
    scores: &'a mut [f32],
    scale: f32,
    first: usize,
}

impl Kernel for Softmax<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<const ROWS: usize>(self) -> f32 {
        for score in self.scores.iter_mut() {
            *score *= self.scale;
        }
        // The order is free: only the sign of a zero maximum depends on it, and exp(0) = exp(-0).
        let mut largest = [f32::NEG_INFINITY; 16];
        let (groups, tail) = self.scores.as_chunks::<16>();
        for group in groups {
            for (largest, score) in largest.iter_mut().zip(group) {
                *largest = maximum(*largest, *score);
            }
        }
        let largest = largest.iter().chain(tail).fold(f32::NEG_INFINITY, |a, b| maximum(a, *b));
        for score in self.scores.iter_mut() {
            *score = exp(*score - largest);
        }
        sum(self.scores, self.first)
    }
}

/// `output[d] = (sum_j weights[j] * value(j)[d]) / total`, keys in blocks of 256 by position.
struct WeightedValues<'a, V> {
    weights: &'a [f32],
    keys: Range<usize>,
    value: V,
    total: f32,
    output: &'a mut [f32],
}

impl<'v, V: Fn(usize) -> &'v [f32]> Kernel for WeightedValues<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        let Self { weights, keys, value, total, output } = self;
        for (group, output) in output.chunks_mut(PANEL).enumerate() {
            let mut start = keys.start;
            let mut sums = [0.0_f32; PANEL];
            while start < keys.end {
                let end = (start / BLOCK + 1) * BLOCK;
                let end = end.min(keys.end);
                let mut block = [0.0_f32; PANEL];
                for key in start..end {
                    let weight = weights[key - keys.start];
                    let values = &value(key)[group * PANEL..];
                    if let Some((values, _)) = values.split_first_chunk::<PANEL>() {
                        for (sum, value) in block.iter_mut().zip(values) {
                            *sum = weight.mul_add(*value, *sum);
                        }
                    } else {
                        for (sum, value) in block.iter_mut().zip(values) {
                            *sum = weight.mul_add(*value, *sum);
                        }
                    }
                }
                for (sum, block) in sums.iter_mut().zip(block) {
                    *sum = if start == keys.start { block } else { *sum + block };
                }
                start = end;
            }
            for (output, sum) in output.iter_mut().zip(sums) {
                *output = sum / total;
            }
        }
    }
}
