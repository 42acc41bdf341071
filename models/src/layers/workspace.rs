use std::fmt;
use std::sync::Arc;

use super::Operand;
use crate::exact::blocks::Blocks;

/// Memory that layers use again and again, so that a call allocates next to nothing, and who is told how far a call has come.
#[derive(Clone, Default)]
pub struct Workspace {
    blocks: Vec<Blocks>,
    rows: Vec<Vec<f32>>,
    observer: Option<Arc<Observer>>,
}

/// Is told of each part of a forward pass when it has ended; it may look at a clock, which this crate never does.
pub type Observer = dyn Fn(Part) + Send + Sync;

/// A part of a forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Looking up rows of tables.
    Embedding,
    /// A normalisation.
    Norm,
    /// The projections to queries, keys and values.
    Projections,
    /// Rotary positions, and the cache's new keys and values.
    Positions,
    /// Scores, softmax and weighted values.
    Attention,
    /// The projection of what was attended, and the residual sum.
    Output,
    /// The choice of experts.
    Router,
    /// The first products of the feed-forward part, and the activation.
    GateUp,
    /// The last product of the feed-forward part, and the residual sum.
    Down,
    /// The output layer.
    Head,
}

impl Workspace {
    /// Has `observer` told of each part from now on.
    pub fn observe(&mut self, observer: Arc<Observer>) {
        self.observer = Some(observer);
    }

    /// Takes back the memory of an operand that has been read.
    pub fn keep(&mut self, operand: Operand) {
        if let Operand::Exact(blocks, _) = operand {
            self.blocks.push(blocks);
        }
    }

    pub(crate) fn ended(&self, part: Part) {
        if let Some(observer) = &self.observer {
            observer(part);
        }
    }

    pub(super) fn blocks(&mut self) -> Blocks {
        self.blocks.pop().unwrap_or_default()
    }

    pub(super) fn keep_blocks(&mut self, blocks: Blocks) {
        self.blocks.push(blocks);
    }

    pub(super) fn rows(&mut self) -> Vec<f32> {
        self.rows.pop().unwrap_or_default()
    }

    pub(super) fn keep_rows(&mut self, rows: Vec<f32>) {
        self.rows.push(rows);
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").finish_non_exhaustive()
    }
}
