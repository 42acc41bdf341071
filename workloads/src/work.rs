//! What a request costs at least, in arithmetic and in bytes from memory.
//!
//! A pass of a stack of layers over `t` new tokens of each of `b` sequences, whose queries see `s` keys in all of one sequence, of which
//! `c` lie in the cache from passes before, costs
//!
//! ```text
//! flops      = 2 b t * (products of all layers' matrices) + 4 b s * layers * (query width)
//! read_bytes = (weights of the layers) * weight_bytes
//!            + 2 b c * layers * (key width) * cache_bytes
//! ```
//! with two operations for a multiplication and an addition. To that come the products of heads, which see a token a sequence, and of
//! convolutions, their weights, norms, and the rows of tables that are looked up. Norms, activations, softmax, biases, pools and the
//! spectrum of a sound are left out of `flops`: they are few. Activations, and the keys and values that a pass makes itself, may stay in
//! caches, so they are left out of `read_bytes`. Weights are read once a pass, whatever the batch. Of experts those that one token goes
//! to are counted: more may be read, but need not.
//!
//! A prompt of `p` tokens has `t = p`, `s = p (p + 1) / 2` and `c = 0`; only its last token needs the head. The pass that makes token
//! `j + 1` of the output has `t = 1`, `s = p + j` and `c = p + j - 1`. An encoder of `n` tokens has `t = n`, `s = n^2` and `c = 0`. Where a
//! layer sees a window of `w` keys, each query's number is at most `w`. A layer with cross-attention sees the whole source besides.

mod passes;

use crate::architecture::{Architecture, Head, Linear};
use crate::{Numerics, Shape, Task, Workload};
use passes::{Cost, Pass};

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
    /// Until the first token; where the output comes whole, all of the request.
    pub first: Work,
    /// All later tokens together; else nothing.
    pub further: Work,
}

impl RequestWork {
    /// Operations of the whole request; more than fit 64 bits are given as the largest number.
    #[must_use]
    pub fn flops(&self) -> u64 {
        self.first.flops.saturating_add(self.further.flops)
    }
}

impl Workload {
    /// The least work of `requests` requests of this workload that run together as one batch.
    #[must_use]
    pub fn work(&self, requests: u32) -> RequestWork {
        let requests = u128::from(requests);
        let sequences = u128::from(self.shape.batch()) * requests;
        let (first, further) = match &self.model.architecture {
            Architecture::Decoder(decoder) => {
                let head = u128::from(decoder.vocab * decoder.stack.hidden);
                let fixed = head + u128::from(decoder.stack.hidden);
                // A tied table is read whole by the head; of others no row is read twice.
                let rows = |tokens: u64| match decoder.head {
                    Head::Tied => 0,
                    Head::Own => (sequences * u128::from(tokens)).min(u128::from(decoder.vocab)),
                };
                let (prompt, further) = self.tokens();
                let hidden = u128::from(decoder.stack.hidden);
                let prefill = Cost::of_stack(&decoder.stack, &Pass::causal(0, prompt), sequences)
                    .with_weights(fixed + rows(prompt) * hidden)
                    .with_products(sequences * head);
                let steps = u128::from(further);
                let decode = Cost::of_stack(&decoder.stack, &Pass::steps(prompt, further), sequences)
                    .with_weights(steps * (fixed + rows(1) * hidden))
                    .with_products(steps * sequences * head);
                (prefill, decode)
            }
            Architecture::Encoder(encoder) => {
                let tokens = u64::from(self.shape.positions());
                let hidden = u128::from(encoder.stack.hidden);
                let words = (sequences * u128::from(tokens)).min(u128::from(encoder.vocab));
                let segments = match self.shape.task() {
                    Task::Reranking => encoder.segments.min(2),
                    _ => encoder.segments.min(1),
                };
                // The positions are the same in all sequences.
                let rows = words + u128::from(tokens + segments);
                let head = self.encoder_head();
                let whole = Cost::of_stack(&encoder.stack, &Pass::whole(tokens), sequences)
                    .with_weights((rows + 2) * hidden + weights(&head))
                    .with_products(sequences * products(&head));
                (whole, Cost::NOTHING)
            }
            Architecture::Vision(vision) => {
                let (patches, hidden) = (vision.patches, vision.stack.hidden);
                let convolution = patches.convolution(hidden);
                let tables = u128::from((1 + patches.tokens() + 2) * hidden);
                let head = [vision.head()];
                let whole = Cost::of_stack(&vision.stack, &Pass::whole(patches.tokens()), sequences)
                    .with_weights(convolution.parameters() + tables + weights(&head))
                    .with_products(sequences * u128::from(patches.count()) * convolution.products())
                    .with_products(sequences * products(&head));
                (whole, Cost::NOTHING)
            }
            Architecture::Residual(residual) => {
                let image_size = match self.shape {
                    Shape::ImageClassification { image_size, .. } => u64::from(image_size),
                    _ => 0,
                };
                let windows = residual.windows(image_size);
                let convolved: u128 = windows
                    .iter()
                    .map(|(convolution, count)| convolution.products() * u128::from(*count))
                    .sum();
                let whole = Cost::NOTHING
                    .with_weights(u128::from(self.model.architecture.parameters()))
                    .with_products(sequences * (convolved + products(&[residual.head()])));
                (whole, Cost::NOTHING)
            }
            Architecture::ImageText(model) => {
                let (patches, [image, text]) = (model.patches, model.projections());
                let convolution = patches.convolution(model.vision.hidden);
                let tokens = u64::from(self.shape.positions());
                let words = (sequences * u128::from(tokens)).min(u128::from(model.vocab));
                let tables = (words + u128::from(tokens) + 2) * u128::from(model.text.hidden)
                    + u128::from((1 + patches.tokens() + 4) * model.vision.hidden + 1);
                let vision = Cost::of_stack(&model.vision, &Pass::whole(patches.tokens()), requests);
                let whole = Cost::of_stack(&model.text, &Pass::causal(0, tokens), sequences)
                    .and(vision)
                    .with_weights(convolution.parameters() + tables + weights(&[image, text]))
                    .with_products(requests * u128::from(patches.count()) * convolution.products())
                    .with_products(requests * products(&[image]) + sequences * products(&[text]));
                (whole, Cost::NOTHING)
            }
            Architecture::Speech(speech) => {
                let (source, hidden) = (speech.source_positions, u128::from(speech.decoder.hidden));
                let convolutions = speech.convolutions();
                let convolved: u128 = convolutions
                    .iter()
                    .map(|(convolution, windows)| convolution.products() * u128::from(*windows))
                    .sum();
                let kernels: u128 =
                    convolutions.iter().map(|(convolution, _)| convolution.parameters()).sum();
                // Keys and values of the source, of each layer of the decoder.
                let source_keys = u128::from(source * speech.decoder.layers) * 2 * hidden * hidden;
                let encoder = Cost::of_stack(&speech.encoder, &Pass::whole(source), sequences)
                    .with_weights(kernels + u128::from(source + 2) * hidden)
                    .with_products(sequences * (convolved + source_keys));
                let head = u128::from(speech.vocab) * hidden;
                let (prompt, further) = self.tokens();
                let prefill =
                    Cost::of_stack(&speech.decoder, &Pass::causal(0, prompt).over(source), sequences)
                        .with_weights(head + (u128::from(prompt) + 2) * hidden)
                        .with_products(sequences * head);
                let steps = u128::from(further);
                let decode =
                    Cost::of_stack(&speech.decoder, &Pass::steps(prompt, further).over(source), sequences)
                        .with_weights(steps * (head + 3 * hidden))
                        .with_products(steps * sequences * head);
                (encoder.and(prefill), decode)
            }
        };
        RequestWork { first: self.of_cost(&first), further: self.of_cost(&further) }
    }

    fn of_cost(&self, cost: &Cost) -> Work {
        let read_bytes = self.weight_bytes_of(cost.weights) + cost.cached * u128::from(self.cache_bytes());
        let fitting = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        Work { flops: fitting(2 * cost.products), read_bytes: fitting(read_bytes) }
    }

    /// Tokens of the prompt, and those of the output behind the first.
    fn tokens(&self) -> (u64, u64) {
        match self.shape {
            Shape::Generation { prompt_tokens, output_tokens, .. }
            | Shape::SpeechRecognition { prompt_tokens, output_tokens, .. } => {
                (u64::from(prompt_tokens), u64::from(output_tokens.saturating_sub(1)))
            }
            _ => (u64::from(self.shape.positions()), 0),
        }
    }

    /// The head that the task needs of an encoder.
    pub(crate) fn encoder_head(&self) -> Vec<Linear> {
        match (&self.model.architecture, self.shape.task()) {
            (Architecture::Encoder(encoder), Task::Reranking) => encoder.head(1).to_vec(),
            (Architecture::Encoder(encoder), Task::TextClassification) => {
                encoder.head(encoder.labels).to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// All weights that the task needs.
    pub(crate) fn parameters(&self) -> u128 {
        u128::from(self.model.architecture.parameters()) + weights(&self.encoder_head())
    }

    /// Bytes of so many weights.
    pub(crate) fn weight_bytes_of(&self, weights: u128) -> u128 {
        weights * u128::from(self.weight_bytes())
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

fn products(linears: &[Linear]) -> u128 {
    linears.iter().map(|linear| u128::from(linear.products())).sum()
}

fn weights(linears: &[Linear]) -> u128 {
    linears.iter().map(|linear| u128::from(linear.weights())).sum()
}
