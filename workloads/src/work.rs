//! What a request costs at least, in arithmetic and in bytes from memory.
//!
//! A pass over `t` new tokens of each of `b` sequences, whose queries see `s` keys in all of one sequence, of which `c` lie in
//! the cache from passes before, costs
//!
//! ```text
//! flops      = 2 b t * layers * (products of a layer's matrices)
//!            + 4 b s * layers * (query width)
//!            + 2 b   * (products of the head)
//! read_bytes = (weights of layers, norms and head) * weight_bytes
//!            + (rows of tables that are looked up) * hidden * weight_bytes
//!            + 2 b c * layers * (key width) * cache_bytes
//! ```
//! with two operations for a multiplication and an addition. Norms, activations, softmax and biases are left out of `flops`: they are
//! few. Activations, and the keys and values that a pass makes itself, may stay in caches, so they are left out of `read_bytes`. Weights
//! are read once a pass, whatever the batch.
//!
//! A prompt of `p` tokens has `t = p`, `s = p (p + 1) / 2` and `c = 0`; only its last token needs the head. The pass that makes token
//! `j + 1` of the output has `t = 1`, `s = p + j` and `c = p + j - 1`. An encoder of `n` tokens has `t = n`, `s = n^2` and `c = 0`.

use crate::architecture::{Head, Linear};
use crate::{Architecture, Numerics, Shape, Task, Workload};

/// Operations and bytes; more than fit 64 bits are given as the largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Floating-point operations; a multiplication with addition is two.
    pub flops: u64,
    /// Bytes that must come from memory.
    pub read_bytes: u64,
}

/// The work of a request, by the times that limit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestWork {
    /// Until the first token; of an encoder the whole request.
    pub first: Work,
    /// All later tokens of generation together; else nothing.
    pub further: Work,
}

/// One pass, or the sum of several.
struct Passes {
    count: u64,
    /// New tokens of each sequence.
    tokens: u64,
    /// Keys that the queries of one sequence see, summed over the queries.
    seen: u64,
    /// Keys of one sequence that come from earlier passes.
    cached: u64,
    /// Rows of tables, over all sequences.
    rows: u128,
}

impl Workload {
    /// The least work of `requests` requests of this workload that run together as one batch.
    #[must_use]
    pub fn work(&self, requests: u32) -> RequestWork {
        let sequences = u128::from(self.shape.batch()) * u128::from(requests);
        let positions = u64::from(self.shape.positions());
        let nothing = Work { flops: 0, read_bytes: 0 };
        let Shape::Generation { prompt_tokens, output_tokens, .. } = self.shape else {
            let pass = Passes {
                count: 1,
                tokens: positions,
                seen: positions * positions,
                cached: 0,
                rows: self.rows(sequences, positions),
            };
            return RequestWork { first: self.of_passes(&pass, sequences), further: nothing };
        };
        let prompt = u64::from(prompt_tokens);
        let prefill = Passes {
            count: 1,
            tokens: prompt,
            seen: prompt * (prompt + 1) / 2,
            cached: 0,
            rows: self.rows(sequences, prompt),
        };
        let further = u64::from(output_tokens.saturating_sub(1));
        let seen = further * prompt + further * (further + 1) / 2;
        let decode = Passes {
            count: further,
            tokens: further,
            seen,
            cached: seen - further,
            rows: u128::from(further) * self.rows(sequences, 1),
        };
        RequestWork {
            first: self.of_passes(&prefill, sequences),
            further: self.of_passes(&decode, sequences),
        }
    }

    fn of_passes(&self, passes: &Passes, sequences: u128) -> Work {
        let architecture = &self.model.architecture;
        let layers = u128::from(architecture.layers());
        let products = |linears: &[Linear]| u128::from(linears.iter().map(Linear::products).sum::<u64>());

        let tokens = u128::from(passes.tokens) * layers * products(&architecture.layer_linears());
        let attention = u128::from(passes.seen) * layers * u128::from(architecture.query_width());
        let head = u128::from(passes.count) * u128::from(self.head_products());
        let flops = sequences * (2 * tokens + 4 * attention + 2 * head);

        let weights = u128::from(passes.count) * u128::from(self.weights_of_a_pass());
        let looked_up = passes.rows * u128::from(architecture.hidden());
        let cached = u128::from(passes.cached) * layers * u128::from(2 * architecture.kv_width());
        let read_bytes = (weights + looked_up) * u128::from(self.weight_bytes())
            + sequences * cached * u128::from(self.cache_bytes());
        let fitting = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        Work { flops: fitting(flops), read_bytes: fitting(read_bytes) }
    }

    /// Multiplications of the head for one sequence.
    fn head_products(&self) -> u64 {
        match (&self.model.architecture, self.shape.task()) {
            (Architecture::Decoder(decoder), _) => decoder.vocab * decoder.hidden,
            (encoder, Task::Reranking) => encoder.ranking_head().iter().map(Linear::products).sum(),
            (Architecture::Encoder(_), _) => 0,
        }
    }

    /// Weights that each pass reads whole: all but the tables that are only looked up.
    fn weights_of_a_pass(&self) -> u64 {
        let architecture = &self.model.architecture;
        let head = match (architecture, self.shape.task()) {
            (Architecture::Decoder(decoder), _) => decoder.vocab * decoder.hidden,
            (encoder, Task::Reranking) => encoder.ranking_head_parameters(),
            (Architecture::Encoder(_), _) => 0,
        };
        architecture.layers() * architecture.layer_parameters() + architecture.norm_parameters() + head
    }

    /// Rows looked up in tables by one pass over `tokens` new tokens of each sequence. A tied table is read whole by the head; of
    /// others no row is read twice. The positions of an encoder are the same in all sequences.
    fn rows(&self, sequences: u128, tokens: u64) -> u128 {
        let words = |vocab: u64| (sequences * u128::from(tokens)).min(u128::from(vocab));
        match &self.model.architecture {
            Architecture::Decoder(decoder) if decoder.head == Head::Tied => 0,
            Architecture::Decoder(decoder) => words(decoder.vocab),
            Architecture::Encoder(encoder) => {
                let segments = if self.shape.task() == Task::Reranking { 2 } else { 1 };
                words(encoder.vocab) + u128::from(tokens) + segments
            }
        }
    }

    /// Bytes of a weight.
    pub(crate) fn weight_bytes(&self) -> u64 {
        if self.precision == "f32" { 4 } else { 2 }
    }

    /// Bytes of an element of the cache: exact keys and values are f32, native ones of the workload's precision.
    pub(crate) fn cache_bytes(&self) -> u64 {
        match self.numerics {
            Numerics::Exact1 => 4,
            Numerics::Native => self.weight_bytes(),
        }
    }
}
