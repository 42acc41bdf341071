//! How much memory a workload's process needs.
//!
//! Counted are the weights, the f32 copies that exist while tensors are loaded, the buffers of the pass over the most tokens, keys and
//! values as they lie in memory, and the logits that generation keeps for its digest, which are there twice while they are
//! joined. The rest was found by comparing with peaks (`VmHWM`) of cells on Linux with glibc and two threads; tests hold the
//! estimate to 45 of them:
//!
//! - The process by itself takes 10 to 13 MiB; [`PROCESS_BYTES`] is twice that.
//! - glibc takes blocks below [`HEAP_BYTES`] from a heap in which freed ones leave holes, and maps greater ones and gives them back.
//!   So what loading frees, and what an exact pass frees, counts once more up to that size. Native passes showed no such holes.
//! - The joined logits grow, and were a quarter longer than needed after exact passes.
//!
//! Thirteen other shapes, measured once this was written, took 2 to 27 % less than the estimate. Exact numerics took up to 6 MiB more
//! for each thread beyond two (measured with 16): [`THREAD_BYTES`].

use crate::architecture::{Head, Linear};
use crate::{Architecture, Numerics, Shape, Task, Workload};

/// Program, libraries and threads.
const PROCESS_BYTES: u128 = 24 << 20;
/// Of each thread beyond two: its stack and its part of glibc's arenas.
const THREAD_BYTES: u128 = 6 << 20;
/// The largest block that glibc's malloc takes from its heap (`M_MMAP_THRESHOLD`, its upper bound on 64 bits).
const HEAP_BYTES: u128 = 32 << 20;
/// Elements of a block of activations and outputs of a panel, to which exact numerics fill up.
const BLOCK: u64 = 256;
const PANEL: u64 = 32;
const F32_BYTES: u128 = 4;

impl Workload {
    /// An estimate of the peak resident memory of a process that loads the model with synthetic weights and runs `requests` requests
    /// at a time as one batch, with `threads` threads; meant to lie above the truth, by a tenth or two where models are large.
    #[must_use]
    pub fn memory_bytes(&self, requests: u32, threads: u32) -> u64 {
        let sequences = u128::from(requests) * u128::from(self.shape.batch());
        let holes = self.layer_copy_bytes().min(HEAP_BYTES);
        let peak = self.loading_bytes().max(self.resident_bytes() + self.running_bytes(sequences));
        let threads = u128::from(threads.saturating_sub(2)) * THREAD_BYTES;
        u64::try_from(PROCESS_BYTES + threads + holes + peak).unwrap_or(u64::MAX)
    }

    /// All weights in their precision.
    fn resident_bytes(&self) -> u128 {
        let architecture = &self.model.architecture;
        let head = match self.shape.task() {
            Task::Reranking => architecture.ranking_head_parameters(),
            Task::Generation | Task::Embedding => 0,
        };
        u128::from(architecture.parameters() + head) * u128::from(self.weight_bytes())
    }

    /// The peak while loading. Each tensor is f32 first; then it is packed or rounded into a copy, unless it is taken as it is.
    fn loading_bytes(&self) -> u128 {
        let architecture = &self.model.architecture;
        let table = u128::from(architecture.vocab() * architecture.hidden());
        let (is_packed, is_last) = match architecture {
            Architecture::Decoder(decoder) => (true, decoder.head == Head::Own),
            Architecture::Encoder(_) => (false, false),
        };
        let is_copied = self.weight_bytes() < 4 || is_packed && self.numerics == Numerics::Exact1;
        let copy = if is_copied { table * F32_BYTES } else { 0 };
        let first = copy + table * u128::from(self.weight_bytes());
        let last = self.resident_bytes() + if is_last { copy } else { self.layer_copy_bytes() };
        first.max(last)
    }

    /// f32 tensors that exist beside a layer's packed weights: gate and up, or queries, keys and values in a growing vector.
    fn layer_copy_bytes(&self) -> u128 {
        let architecture = &self.model.architecture;
        let hidden = architecture.hidden();
        let joint = 2 * (architecture.query_width() + 2 * architecture.kv_width());
        u128::from(joint.max(2 * architecture.intermediate()) * hidden) * F32_BYTES
    }

    /// What a batch of `sequences` takes beside the weights.
    fn running_bytes(&self, sequences: u128) -> u128 {
        let positions = u64::from(self.shape.positions());
        let (tokens, logits) = match self.shape {
            Shape::Generation { prompt_tokens, output_tokens, .. } => {
                let logits = u128::from(output_tokens) * u128::from(self.model.architecture.vocab());
                (u64::from(prompt_tokens), logits)
            }
            Shape::Embedding { .. } | Shape::Reranking { .. } => (positions, 0),
        };
        let bytes = |f32_elements: u128, cached: u128| {
            sequences * ((f32_elements + 2 * logits) * F32_BYTES + cached * u128::from(self.cache_bytes()))
        };
        match self.numerics {
            Numerics::Exact1 => {
                // Twice the logits, and a quarter more.
                let used = bytes(self.exact_buffers(tokens) + logits / 2, self.exact_cache(positions));
                used + used.min(HEAP_BYTES)
            }
            Numerics::Native => {
                bytes(self.native_buffers(tokens), self.native_cache(positions)) + self.widened() * F32_BYTES
            }
        }
    }

    /// Two residual streams, the joint projection, what was attended, and three operands in blocks, each as wide as the widest.
    fn exact_buffers(&self, tokens: u64) -> u128 {
        let architecture = &self.model.architecture;
        let (hidden, queries) = (architecture.hidden(), architecture.query_width());
        let operand = hidden.max(queries).max(architecture.intermediate()).next_multiple_of(BLOCK);
        let rows = 2 * hidden + 2 * architecture.kv_width() + 2 * queries;
        u128::from(tokens) * u128::from(rows + 3 * operand)
    }

    /// Keys in panels of tokens, values in panels of dimensions; an encoder's layers use one cache in turn.
    fn exact_cache(&self, positions: u64) -> u128 {
        let architecture = &self.model.architecture;
        let head_dim = architecture.query_width() / architecture.heads();
        let kv_heads = architecture.kv_width() / head_dim;
        let head =
            positions.next_multiple_of(PANEL) * head_dim + head_dim.next_multiple_of(PANEL) * positions;
        let layers = match architecture {
            Architecture::Decoder(decoder) => decoder.layers,
            Architecture::Encoder(_) => 1,
        };
        u128::from(layers * kv_heads) * u128::from(head)
    }

    /// The greater of attention, with its scores before, between and after mask and softmax, and the feed-forward part.
    fn native_buffers(&self, tokens: u64) -> u128 {
        let architecture = &self.model.architecture;
        let pairs = u128::from(tokens * tokens);
        let scores = match architecture {
            Architecture::Decoder(decoder) => u128::from(3 * decoder.heads + 2) * pairs,
            Architecture::Encoder(encoder) => u128::from(2 * encoder.heads) * pairs,
        };
        let hidden = architecture.hidden();
        let projections = u128::from(tokens * 8 * hidden.max(architecture.query_width()));
        let widened = u128::from(tokens * 4 * (architecture.intermediate() + hidden));
        (scores + projections).max(widened)
    }

    fn native_cache(&self, positions: u64) -> u128 {
        match &self.model.architecture {
            Architecture::Decoder(decoder) => {
                u128::from(decoder.layers * positions) * u128::from(2 * self.model.architecture.kv_width())
            }
            Architecture::Encoder(_) => 0,
        }
    }

    /// Stock candle multiplies weights of half precision as an f32 copy, a matrix at a time.
    fn widened(&self) -> u128 {
        if self.weight_bytes() == 4 {
            return 0;
        }
        let architecture = &self.model.architecture;
        let layer = architecture.layer_linears().iter().map(Linear::products).max().unwrap_or(0);
        let head = match architecture {
            Architecture::Decoder(decoder) => decoder.vocab * decoder.hidden,
            Architecture::Encoder(_) => 0,
        };
        u128::from(layer.max(head))
    }
}
