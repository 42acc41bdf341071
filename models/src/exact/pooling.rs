//! Mean pooling over the visible tokens and L2 normalisation (`EXACT.md`, section 8).

use super::LANES;
use super::sum::{sum, sum_of_squares};

/// The smallest norm that is divided by.
const MIN_NORM: f32 = f32::from_bits(0x2b8c_bccc); // 1e-12

/// The mean of the first `lengths[b]` rows of each sequence of `x`: `(sequences, tokens, hidden)`, divided by its Euclidean norm:
/// `(sequences, hidden)`.
///
/// # Panics
/// When a length is zero or above the number of tokens, or the shapes do not fit.
#[must_use]
pub fn mean_pool_l2(x: &[f32], lengths: &[usize], hidden: usize) -> Vec<f32> {
    let mut pooled = Vec::with_capacity(lengths.len() * hidden);
    let sequence_len = x.len().checked_div(lengths.len()).unwrap_or(0);
    assert!(x.len() == lengths.len() * sequence_len && sequence_len.is_multiple_of(hidden));
    for (x, &length) in x.chunks_exact(sequence_len.max(1)).zip(lengths) {
        assert!(length > 0);
        let means = mean_of_rows(&x[..length * hidden], hidden);
        let norm = sum_of_squares(&means).sqrt();
        let norm = if norm < MIN_NORM { MIN_NORM } else { norm };
        pooled.extend(means.iter().map(|mean| mean / norm));
    }
    pooled
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
