//! Keys and values of the tokens so far, as the two products of attention read them.
//!
//! ```text
//! keys:   [sequence][head][panel of 32 keys][dimension][key]          scores are a product over dimensions
//! values: [sequence][head][panel of 32 dimensions][key][dimension]    weighted values are a product over keys
//! ```

use rayon::prelude::*;

use super::panel::{F32Row, PANEL, PanelRow};
use super::product::Panels;

/// The cache of one layer.
#[derive(Clone, Debug)]
pub struct KvCache {
    keys: Vec<F32Row>,
    values: Vec<F32Row>,
    /// `[sequences, kv_heads, head_dim]`
    dims: [usize; 3],
    capacity: usize,
    length: usize,
}

/// Where keys and values stand in the rows of a joint projection.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Elements a row.
    pub stride: usize,
    /// The first key element.
    pub keys: usize,
    /// The first value element.
    pub values: usize,
}

impl KvCache {
    /// An empty cache for `capacity` tokens of each of `sequences`.
    #[must_use]
    pub fn new(sequences: usize, kv_heads: usize, head_dim: usize, capacity: usize) -> Self {
        let heads = sequences * kv_heads;
        Self {
            keys: vec![F32Row::ZERO; heads * capacity.div_ceil(PANEL) * head_dim],
            values: vec![F32Row::ZERO; heads * head_dim.div_ceil(PANEL) * capacity],
            dims: [sequences, kv_heads, head_dim],
            capacity,
            length: 0,
        }
    }

    /// Tokens so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Tokens that each sequence has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// `[sequences, kv_heads, head_dim]`
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Appends the tokens of `rows`: `(sequences, tokens, stride)`, the same number to each sequence.
    ///
    /// # Panics
    /// When there is no room, or the rows are no whole number of tokens a sequence.
    pub fn append(&mut self, rows: &[f32], columns: Columns) {
        let [sequences, kv_heads, head_dim] = self.dims;
        let tokens = rows.len() / columns.stride / sequences.max(1);
        assert_eq!(rows.len(), sequences * tokens * columns.stride);
        assert!(self.length + tokens <= self.capacity, "no room in the cache");
        let (length, capacity) = (self.length, self.capacity);
        let keys = self.keys.par_chunks_mut((capacity.div_ceil(PANEL) * head_dim).max(1));
        let values = self.values.par_chunks_mut((head_dim.div_ceil(PANEL) * capacity).max(1));
        let heads = keys.zip(values).enumerate().with_min_len((4096 / (tokens * head_dim).max(1)).max(1));
        heads.for_each(|(index, (keys, values))| {
            let (sequence, head) = (index / kv_heads, index % kv_heads);
            let rows = &rows[sequence * tokens * columns.stride..][..tokens * columns.stride];
            for (token, row) in rows.chunks_exact(columns.stride).enumerate() {
                let position = length + token;
                let key = &row[columns.keys + head * head_dim..][..head_dim];
                let panel = &mut keys[position / PANEL * head_dim..][..head_dim];
                for (slot, key) in panel.iter_mut().zip(key) {
                    slot.set(position % PANEL, *key);
                }
                let value = &row[columns.values + head * head_dim..][..head_dim];
                for (panel, value) in value.chunks(PANEL).enumerate() {
                    values[panel * capacity + position].fill(value);
                }
            }
        });
        self.length += tokens;
    }

    /// The keys of one head, 32 a panel: `[panel][dimension]`.
    pub(crate) fn keys(&self, sequence: usize, head: usize) -> Panels<'_, F32Row> {
        let [_, kv_heads, head_dim] = self.dims;
        let count = self.capacity.div_ceil(PANEL);
        let start = (sequence * kv_heads + head) * count * head_dim;
        Panels { rows: &self.keys[start..start + count * head_dim], pitch: head_dim, count }
    }

    /// The values of one head, 32 dimensions a panel: `[panel][key]`.
    pub(crate) fn values(&self, sequence: usize, head: usize) -> Panels<'_, F32Row> {
        let [_, kv_heads, head_dim] = self.dims;
        let count = head_dim.div_ceil(PANEL);
        let start = (sequence * kv_heads + head) * count * self.capacity;
        Panels { rows: &self.values[start..start + count * self.capacity], pitch: self.capacity, count }
    }
}
