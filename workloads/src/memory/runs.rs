use super::{BLOCK, PANEL};
use crate::architecture::{Architecture, Stack};
use crate::{Shape, Workload};

/// Sequences that go through a stack of layers together.
pub(super) struct Run {
    pub(super) stack: Stack,
    pub(super) sequences: u128,
    /// Tokens of the greatest pass.
    tokens: u64,
    /// Tokens of a whole sequence.
    positions: u64,
    /// Layers whose keys and values are kept; an encoder's layers use one cache in turn.
    kept_layers: u64,
    /// Tokens of a source that cross-attention keeps keys and values of.
    source: u64,
    /// Whether scores are masked.
    mask: Mask,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mask {
    Causal,
    Absent,
}

impl Workload {
    /// The stacks of the model, with what goes through them in `requests` requests.
    pub(super) fn runs(&self, requests: u128) -> Vec<Run> {
        let sequences = requests * u128::from(self.shape.batch());
        let positions = u64::from(self.shape.positions());
        let encoder = |stack: Stack, tokens: u64, sequences: u128| Run {
            stack,
            sequences,
            tokens,
            positions: tokens,
            kept_layers: 1,
            source: 0,
            mask: Mask::Absent,
        };
        let tokens = match self.shape {
            Shape::Generation { prompt_tokens, .. } | Shape::SpeechRecognition { prompt_tokens, .. } => {
                u64::from(prompt_tokens)
            }
            _ => positions,
        };
        let decoder = |stack: Stack, source: u64| Run {
            stack,
            sequences,
            tokens,
            positions,
            kept_layers: stack.layers,
            source,
            mask: Mask::Causal,
        };
        match &self.model.architecture {
            Architecture::Decoder(model) => vec![decoder(model.stack, 0)],
            Architecture::Encoder(model) => vec![encoder(model.stack, positions, sequences)],
            Architecture::Vision(model) => vec![encoder(model.stack, model.patches.tokens(), sequences)],
            Architecture::Residual(_) => Vec::new(),
            Architecture::ImageText(model) => vec![
                encoder(model.vision, model.patches.tokens(), requests),
                Run { kept_layers: 1, ..decoder(model.text, 0) },
            ],
            Architecture::Speech(model) => vec![
                encoder(model.encoder, model.source_positions, sequences),
                decoder(model.decoder, model.source_positions),
            ],
        }
    }
}

impl Run {
    /// Two residual streams, the joint projection, what was attended, and three operands in blocks, each as wide as the widest.
    pub(super) fn exact_buffers(&self) -> u128 {
        let stack = &self.stack;
        let (hidden, queries) = (stack.hidden, stack.query_width());
        let operand = hidden.max(queries).max(stack.intermediate()).next_multiple_of(BLOCK);
        let rows = 2 * hidden + 2 * stack.kv_width() + 2 * queries;
        u128::from(self.tokens) * u128::from(rows + 3 * operand)
    }

    /// Keys in panels of tokens, values in panels of dimensions.
    pub(super) fn exact_cache(&self) -> u128 {
        let head_dim = self.stack.head_dim;
        let head = |positions: u64| {
            positions.next_multiple_of(PANEL) * head_dim + head_dim.next_multiple_of(PANEL) * positions
        };
        let source = self.stack.layers * head(self.source);
        u128::from(self.stack.kv_heads) * u128::from(self.kept_layers * head(self.positions) + source)
    }

    /// The greater of attention, with its scores before, between and after mask and softmax, and the feed-forward part.
    pub(super) fn native_buffers(&self) -> u128 {
        let stack = &self.stack;
        let pairs = u128::from(self.tokens * self.tokens);
        let scores = match self.mask {
            Mask::Causal => u128::from(3 * stack.heads + 2) * pairs,
            Mask::Absent => u128::from(2 * stack.heads) * pairs,
        };
        let projections = u128::from(self.tokens * 8 * stack.hidden.max(stack.query_width()));
        let widened = u128::from(self.tokens * 4 * (stack.intermediate() + stack.hidden));
        (scores + projections).max(widened)
    }

    pub(super) fn native_cache(&self) -> u128 {
        let own = match self.mask {
            Mask::Causal => self.kept_layers * self.positions,
            Mask::Absent => 0,
        };
        u128::from(own + self.stack.layers * self.source) * u128::from(2 * self.stack.kv_width())
    }
}
