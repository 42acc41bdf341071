//! Attention over a contiguous range of each sequence's keys, with grouped queries (`EXACT.md`, section 5).

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::BLOCK;
use super::function::{exp, maximum};
use super::grid::{Tile, tiles};
use super::isa::{Isa, Kernel};
use super::kv_cache::KvCache;
use super::linear::TASK;
use super::panel::{F32Row, PANEL};
use super::product::{Panels, Product, Row, Start};
use super::sum::Lanes;
use super::vector::Vector;

/// Rows of queries a task: whole tiles of each instruction set.
const ROWS: usize = 12;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Which keys of its sequence a query sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Query `i` of the call stands at position `first + i` and sees every key up to itself.
    Causal {
        /// The position of the call's first query.
        first: usize,
    },
    /// Query `i` of the call stands at position `first + i` and sees the `window` keys up to itself, or all where there are fewer.
    Sliding {
        /// The position of the call's first query.
        first: usize,
        /// Keys that a query sees at most, at least 1.
        window: usize,
    },
    /// Each query of sequence `b` sees the first `lengths[b]` keys.
    Lengths(Arc<Vec<usize>>),
}

impl Visibility {
    /// The keys that query `query` of `sequence` sees. They begin and end no earlier than those of the query before.
    ///
    /// # Panics
    /// When there is no such sequence.
    #[must_use]
    pub fn keys(&self, sequence: usize, query: usize) -> Range<usize> {
        match self {
            Self::Causal { first } => 0..first + query + 1,
            Self::Sliding { first, window } => {
                let end = first + query + 1;
                end.saturating_sub(*window)..end
            }
            Self::Lengths(lengths) => 0..lengths[sequence],
        }
    }
}

/// `softmax(scale * q k^T) v` over the visible keys of a cache.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Keys and values.
    pub cache: &'a KvCache,
    /// The keys that each query sees: at least one, and only those that the cache holds.
    pub visibility: &'a Visibility,
    /// Query heads; a multiple of the cache's.
    pub heads: usize,
    /// What scores are multiplied by.
    pub scale: f32,
    /// Where it runs.
    pub isa: Isa,
}

/// The memory of one task.
#[derive(Default)]
struct Scratch {
    /// `[block of dimensions][row]`
    queries: Vec<Row>,
    /// `[block of keys][row]`
    scores: Vec<Row>,
    /// The sum of each row's weights.
    totals: Vec<f32>,
    /// `[row][dimension]`, filled up to whole panels
    weighted: Vec<f32>,
    /// As `weighted`: the block under way, where the rows of a tile see unlike numbers of keys.
    chains: Vec<f32>,
}

/// `1 / sqrt(width)`: the scale of scores of heads that are so wide.
#[must_use]
pub fn score_scale(width: f32) -> f32 {
    1.0 / width.sqrt()
}

impl Attention<'_> {
    /// Attends from the first `heads * head_dim` elements of each row of `queries`: `(sequences, tokens, stride)`. `output` becomes
    /// `(sequences, tokens, heads * head_dim)`.
    ///
    /// # Panics
    /// When shapes do not fit, or a query sees no key or more than there are; layers check that before.
    pub fn forward(&self, queries: &[f32], stride: usize, output: &mut Vec<f32>) {
        let [sequences, kv_heads, head_dim] = self.cache.dims();
        let width = self.heads * head_dim;
        assert!(kv_heads > 0 && self.heads.is_multiple_of(kv_heads) && width <= stride && sequences > 0);
        let tokens = queries.len() / stride / sequences;
        assert_eq!(queries.len(), sequences * tokens * stride);
        output.resize(sequences * tokens * width, 0.0);
        if output.is_empty() {
            return;
        }
        let group = self.heads / kv_heads;
        let height = (ROWS / group).max(1);
        let by_sequence = output.chunks_mut(tokens * width).enumerate();
        let mut tasks: Vec<_> = by_sequence
            .flat_map(|(sequence, output)| {
                let tiles = tiles(output, width, height, group * head_dim).enumerate();
                tiles.map(move |(index, tile)| (sequence, index % kv_heads, index / kv_heads * height, tile))
            })
            .collect();
        // Head by head, so that its keys stay in the cache.
        tasks.sort_by_key(|(sequence, head, token, _)| (*sequence, *head, *token));
        let longest = (0..sequences)
            .map(|sequence| self.visibility.keys(sequence, tokens - 1).len())
            .max()
            .unwrap_or(0);
        let work = 2 * height.min(tokens) * group * head_dim * longest;
        tasks.into_par_iter().with_min_len(TASK / work.max(1) + 1).for_each(
            |(sequence, head, token, output)| {
                let rows = &queries[(sequence * tokens + token) * stride..];
                let first = head * group * head_dim;
                let visible = (token..token + output.rows())
                    .map(|token| self.visibility.keys(sequence, token))
                    .collect();
                SCRATCH.with_borrow_mut(|scratch| {
                    let tile = HeadTile {
                        queries: rows,
                        stride,
                        columns: first..first + group * head_dim,
                        head_dim,
                        keys: self.cache.keys(sequence, head),
                        values: self.cache.values(sequence, head),
                        length: self.cache.len(),
                        visible,
                        output,
                        scratch,
                        scale: self.scale,
                        isa: self.isa,
                    };
                    tile.attend();
                });
            },
        );
    }
}

/// The query heads of one key head for some neighbouring tokens.
struct HeadTile<'a> {
    queries: &'a [f32],
    stride: usize,
    columns: Range<usize>,
    head_dim: usize,
    keys: Panels<'a, F32Row>,
    values: Panels<'a, F32Row>,
    length: usize,
    /// The keys that each token sees; both ends ascend.
    visible: Vec<Range<usize>>,
    output: Tile<'a>,
    scratch: &'a mut Scratch,
    scale: f32,
    isa: Isa,
}

impl HeadTile<'_> {
    fn attend(mut self) {
        let (starts, ends) =
            (self.visible.iter().map(|keys| keys.start), self.visible.iter().map(|keys| keys.end));
        assert!(starts.is_sorted() && ends.clone().is_sorted());
        assert!(self.visible.iter().all(|keys| !keys.is_empty()) && ends.max() <= Some(self.length));
        let group = self.columns.len() / self.head_dim;
        self.gather(group);
        self.score(group);
        let (blocks, scale) = (self.blocks(), self.scale);
        let Scratch { scores, totals, .. } = &mut *self.scratch;
        self.isa.run(Weigh { scores, totals, visible: &self.visible, origin: blocks.start, group, scale });
        self.combine(group);
        for token in 0..self.visible.len() {
            let output = self.output.row(token);
            for (head, output) in output.chunks_exact_mut(self.head_dim).enumerate() {
                let row = token * group + head;
                let weighted = &self.scratch.weighted[row * self.values.count * PANEL..];
                let total = self.scratch.totals[row];
                for (output, weighted) in output.iter_mut().zip(weighted) {
                    *output = weighted / total;
                }
            }
        }
    }

    /// From the block of the first key that a token sees to the last key that one sees.
    fn blocks(&self) -> Range<usize> {
        self.visible[0].start / BLOCK * BLOCK..self.visible[self.visible.len() - 1].end
    }

    /// The queries as rows, token by token, in a token head by head.
    fn gather(&mut self, group: usize) {
        let rows = self.visible.len() * group;
        self.scratch.queries.resize(rows * self.head_dim.div_ceil(BLOCK), [0.0; BLOCK]);
        for token in 0..self.visible.len() {
            let heads = &self.queries[token * self.stride..][self.columns.clone()];
            for (head, query) in heads.chunks_exact(self.head_dim).enumerate() {
                for (block, query) in query.chunks(BLOCK).enumerate() {
                    let row = &mut self.scratch.queries[block * rows + token * group + head];
                    row[..query.len()].copy_from_slice(query);
                }
            }
        }
    }

    /// `q k^T` for whole blocks of the keys that any token sees, panel by panel.
    fn score(&mut self, group: usize) {
        let rows = self.visible.len() * group;
        let keys = self.blocks();
        let Scratch { queries, scores, .. } = &mut *self.scratch;
        scores.resize(rows * keys.len().div_ceil(BLOCK), [0.0; BLOCK]);
        for (scores, start) in scores.chunks_exact_mut(rows).zip(keys.clone().step_by(BLOCK)) {
            let first = start / PANEL * self.head_dim;
            let count = (keys.end - start).min(BLOCK).div_ceil(PANEL);
            let panels = Panels { rows: &self.keys.rows[first..], pitch: self.head_dim, count };
            for (queries, dim) in queries.chunks_exact(rows).zip((0..self.head_dim).step_by(BLOCK)) {
                let len = BLOCK.min(self.head_dim - dim);
                self.isa.run(Product {
                    x: queries,
                    columns: 0..len,
                    panels,
                    k: dim..dim + len,
                    start: if dim == 0 { Start::First } else { Start::Later },
                    y: scores.as_flattened_mut(),
                    stride: BLOCK,
                });
            }
        }
    }

    /// The values weighted, keys in blocks of 256 by position.
    fn combine(&mut self, group: usize) {
        let rows = self.visible.len() * group;
        let (values, stride) = (self.values, self.values.count * PANEL);
        let (keys, visible) = (self.blocks(), &self.visible);
        // The keys that all tokens see.
        let common = visible[visible.len() - 1].start..visible[0].end;
        let Scratch { scores, weighted, chains, .. } = &mut *self.scratch;
        weighted.resize(rows * stride, 0.0);
        let multiply = |x: &[Row], columns: Range<usize>, k: Range<usize>, start: Start, y: &mut [f32]| {
            self.isa.run(Product { x, columns, panels: values, k, start, y, stride });
        };
        for (weights, start) in scores.chunks_exact(rows).zip(keys.clone().step_by(BLOCK)) {
            let block = start..keys.end.min(start + BLOCK);
            let is_first = |keys: &Range<usize>| keys.start >= start;
            let is_whole = common.start <= start && block.end <= common.end;
            if is_whole && visible.iter().all(is_first) {
                multiply(weights, 0..block.len(), block, Start::First, weighted);
                continue;
            }
            if is_whole && !visible.iter().any(is_first) {
                multiply(weights, 0..block.len(), block, Start::Later, weighted);
                continue;
            }
            // Each token's keys before those that all see, those, and its keys behind them: one chain. An invisible key takes no
            // part, not even with weight zero: that would turn -0 into +0.
            chains.clear();
            chains.resize(rows * stride, 0.0);
            let shared = intersection(&common, &block);
            let own = |part: Range<usize>, chains: &mut [f32]| {
                for (token, visible) in visible.iter().enumerate() {
                    let own = intersection(visible, &part);
                    if !own.is_empty() {
                        let (weights, chains) =
                            (&weights[token * group..][..group], &mut chains[token * group * stride..]);
                        multiply(weights, own.start - start..own.end - start, own, Start::Continue, chains);
                    }
                }
            };
            own(block.start..shared.start, chains);
            if !shared.is_empty() {
                let columns = shared.start - start..shared.end - start;
                multiply(weights, columns, shared.clone(), Start::Continue, chains);
            }
            own(shared.end..block.end, chains);
            for (token, visible) in visible.iter().enumerate() {
                if !intersection(visible, &block).is_empty() {
                    let range = token * group * stride..(token + 1) * group * stride;
                    for (weighted, chain) in weighted[range.clone()].iter_mut().zip(&chains[range]) {
                        *weighted = if is_first(visible) { *chain } else { *weighted + chain };
                    }
                }
            }
        }
    }
}

/// What two ranges share; where nothing, an empty range at the end of `b`'s part that lies before `a`.
fn intersection(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.clamp(b.start, b.end);
    start..a.end.clamp(start, b.end)
}

/// Turns scores into weights `exp(scale * score - maximum)`, and sums them; the division comes last, on the output.
struct Weigh<'a> {
    scores: &'a mut [Row],
    totals: &'a mut Vec<f32>,
    visible: &'a [Range<usize>],
    /// The key of the first score.
    origin: usize,
    group: usize,
    scale: f32,
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { scores, totals, visible, origin, group, scale } = self;
        let rows = visible.len() * group;
        totals.clear();
        for row in 0..rows {
            let keys = &visible[row / group];
            let keys = keys.start - origin..keys.end - origin;
            let blocks = keys.start / BLOCK..keys.end.div_ceil(BLOCK);
            let part = |block: usize| {
                let first = block * BLOCK;
                let part = intersection(&keys, &(first..first + BLOCK));
                part.start - first..part.end - first
            };
            // The order is free: only the sign of a zero maximum depends on it, and exp(0) = exp(-0).
            let mut largest = [f32::NEG_INFINITY; 16];
            for block in blocks.clone() {
                let scores = &mut scores[block * rows + row][part(block)];
                for score in scores.iter_mut() {
                    *score *= scale;
                }
                let (groups, tail) = scores.as_chunks::<16>();
                for group in groups {
                    for (largest, score) in largest.iter_mut().zip(group) {
                        *largest = maximum(*largest, *score);
                    }
                }
                for (largest, score) in largest.iter_mut().zip(tail) {
                    *largest = maximum(*largest, *score);
                }
            }
            let largest = largest.iter().fold(f32::NEG_INFINITY, |a, b| maximum(a, *b));
            let mut lanes = Lanes::ZERO;
            for block in blocks {
                let part = part(block);
                let first = part.start;
                let scores = &mut scores[block * rows + row][part];
                for score in scores.iter_mut() {
                    *score = exp(*score - largest);
                }
                lanes.take(scores, first, |lane, weight| lane + weight);
            }
            totals.push(lanes.fold());
        }
    }
}
