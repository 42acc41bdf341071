//! Attention and what it remembers: `attention.cu`.

use super::{Arguments, PANEL, holds, over_columns};
use crate::exact::BLOCK;
use crate::exact::device::Result;
use crate::exact::device::memory::Buffer;

/// Rows of queries a block of attention.
const QUERIES: usize = 4;

/// `AttentionShape` of `attention.cu`.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct AttentionShape {
    pub(in super::super) sequences: usize,
    pub(in super::super) all_tokens: usize,
    pub(in super::super) begin: usize,
    pub(in super::super) tokens: usize,
    pub(in super::super) heads: usize,
    pub(in super::super) kv_heads: usize,
    pub(in super::super) head_dim: usize,
    pub(in super::super) capacity: usize,
    pub(in super::super) stride: usize,
    pub(in super::super) origin: usize,
    pub(in super::super) span: usize,
    pub(in super::super) first: usize,
    /// [`u32::MAX`] where a token sees all keys up to itself.
    pub(in super::super) window: usize,
}

impl AttentionShape {
    /// Rows of queries of one key head.
    fn rows(&self) -> usize {
        self.tokens * (self.heads / self.kv_heads)
    }

    /// Key heads of all sequences.
    fn groups(&self) -> usize {
        self.sequences * self.kv_heads
    }

    /// Bytes of keys, and of values.
    pub(in super::super) fn cache_bytes(&self) -> usize {
        4 * self.groups() * self.capacity * self.head_dim
    }

    /// Bytes of scores.
    pub(in super::super) fn score_bytes(&self) -> usize {
        4 * self.groups() * self.rows() * self.span
    }

    /// Bytes of the sums of weights.
    pub(in super::super) fn total_bytes(&self) -> usize {
        4 * self.groups() * self.rows()
    }

    fn check(&self) {
        assert!(self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads) && self.head_dim > 0);
        assert!(self.capacity.is_multiple_of(PANEL) && self.span.is_multiple_of(PANEL));
        assert!(self.origin.is_multiple_of(BLOCK) && self.origin + self.span <= self.capacity);
        assert!(self.heads * self.head_dim <= self.stride && self.begin + self.tokens <= self.all_tokens);
    }
}

/// Takes over keys and values of `rows`: `(sequences, tokens, stride)`, behind the first `length` of each sequence.
pub(in super::super) fn append_to_cache(
    (keys, values): (&mut Buffer, &mut Buffer),
    rows: &Buffer,
    (key_column, value_column): (usize, usize),
    length: usize,
    shape: &AttentionShape,
) -> Result<()> {
    let AttentionShape { sequences, all_tokens: tokens, kv_heads, head_dim, capacity, stride, .. } = *shape;
    let width = kv_heads * head_dim;
    assert!(length + tokens <= capacity && key_column.max(value_column) + width <= stride);
    holds(keys, shape.cache_bytes());
    holds(values, shape.cache_bytes());
    holds(rows, 4 * sequences * tokens * stride);
    let arguments = Arguments::default().buffer(keys).buffer(values).buffer(rows);
    let arguments = arguments.count(key_column).count(value_column).count(length).attention(shape);
    over_columns(arguments, rows.device(), "append_to_cache", sequences * tokens, width)
}

/// The three passes of attention. Each token sees the first `lengths[s]` keys of its sequence, or without lengths those up to itself: at
/// least one, none before `origin`, none from `origin + span` on. `scores` and `totals` are memory alone.
pub(in super::super) fn attention(
    y: &mut Buffer,
    queries: &Buffer,
    (keys, values): (&Buffer, &Buffer),
    lengths: Option<&Buffer>,
    (scores, totals): (&mut Buffer, &mut Buffer),
    scale: f32,
    shape: &AttentionShape,
) -> Result<()> {
    let AttentionShape { sequences, all_tokens: tokens, heads, head_dim, stride, span, .. } = *shape;
    shape.check();
    holds(y, 4 * sequences * tokens * heads * head_dim);
    holds(queries, 4 * sequences * tokens * stride);
    holds(keys, shape.cache_bytes());
    holds(values, shape.cache_bytes());
    if let Some(lengths) = lengths {
        holds(lengths, 4 * sequences);
    }
    holds(scores, shape.score_bytes());
    holds(totals, shape.total_bytes());
    let (device, groups, tiles) = (queries.device(), shape.groups(), shape.rows().div_ceil(QUERIES));

    let warps = (span / PANEL).clamp(1, 8);
    let arguments = Arguments::default().buffer(scores).buffer(queries).buffer(keys).number(scale);
    let grid = [tiles, (span / PANEL).div_ceil(warps), groups];
    let shared = 4 * QUERIES * head_dim;
    arguments.attention(shape).launch(device, "attention_scores", grid, 32 * warps, shared)?;

    let arguments = Arguments::default().buffer(scores).buffer(totals).optional(lengths).attention(shape);
    arguments.launch(device, "attention_weights", [shape.rows(), groups, 1], 128, 0)?;

    let warps = span.div_ceil(BLOCK).clamp(QUERIES, 16);
    let arguments = Arguments::default().buffer(y).buffer(scores).buffer(totals).buffer(values);
    let arguments = arguments.optional(lengths).attention(shape);
    let grid = [tiles, head_dim.div_ceil(PANEL), groups];
    arguments.launch(device, "attention_values", grid, 32 * warps, 4 * warps * QUERIES * PANEL)
}

impl Arguments {
    fn attention(self, shape: &AttentionShape) -> Self {
        let AttentionShape { all_tokens, begin, tokens, heads, kv_heads, head_dim, .. } = *shape;
        let AttentionShape { capacity, stride, origin, span, first, window, .. } = *shape;
        let queries = [all_tokens, begin, tokens, heads, kv_heads, head_dim];
        self.structure(&[], &[&queries[..], &[capacity, stride, origin, span, first, window]].concat())
    }
}
