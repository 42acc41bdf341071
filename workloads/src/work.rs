//! What a request costs at least, in arithmetic and in bytes from memory.
//!
//! A pass of a stack of layers over `t` new tokens of each of `b` sequences, whose queries see `s` keys in all of one sequence, of which
//! `c` lie in the cache from passes before, costs
//!
//! ```text
//! flops      = 2 b t * (products of all layers' matrices) / speed + 4 b s * layers * (query width)
//! read_bytes = (weights of the layers) * weight_bytes
//!            + 2 b c * layers * (key width) * cache_bytes
//! ```
//! with two operations for a multiplication and an addition. `speed` is 1, but 4 in q8: instructions multiply and add four times as many bytes
//! as binary32 numbers (AVX-512 VNNI, AVX-VNNI, DotProd), and a ceiling of f32 operations is what `flops` is held against. In q8 a weight of a
//! matrix has 9/8 bytes in exact numerics, which have a scale of four bytes a block of 32, and 17/16 in native ones; others have four. To that come the products of heads, which see a token a sequence, and of
//! convolutions, their weights, norms, and the rows of tables that are looked up. Norms, activations, softmax, biases, pools and the
//! spectrum of a sound are left out of `flops`: they are few. Activations, and the keys and values that a pass makes itself, may stay in
//! caches, so they are left out of `read_bytes`. Weights are read once a pass, whatever the batch. Of experts those that one token goes
//! to are counted: more may be read, but need not.
//!
//! A prompt of `p` tokens has `t = p`, `s = p (p + 1) / 2` and `c = 0`; only its last token needs the head. The pass that makes token
//! `j + 1` of the output has `t = 1`, `s = p + j` and `c = p + j - 1`. An encoder of `n` tokens has `t = n`, `s = n^2` and `c = 0`. Where a
//! layer sees a window of `w` keys, each query's number is at most `w`. A layer with cross-attention sees the whole source besides.

mod passes;

use crate::architecture::{Architecture, Bias, Head, Linear};
use crate::suite::Q8;
use crate::{Numerics, Shape, Task, Workload};
use passes::{Cost, Pass};

/// Multiplications of bytes that take as long as one of binary32 numbers.
const BYTES_AT_ONCE: u128 = 4;
/// Weights of a block with one scale, and its bytes.
const Q8_BLOCK: u128 = 32;
const EXACT_Q8_BYTES: u128 = 36;
const NATIVE_Q8_BYTES: u128 = 34;

/// Operations and bytes; more than fit 64 bits are given as the largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Floating-point operations; a multiplication with addition is two. Those of bytes count as many as take as long.
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
                let head = [output_layer(decoder.vocab, decoder.stack.hidden)];
                // A tied table is read whole by the head; of others no row is read twice.
                let rows = |tokens: u64| match decoder.head {
                    Head::Tied => 0,
                    Head::Own => (sequences * u128::from(tokens)).min(u128::from(decoder.vocab)),
                };
                let (prompt, further) = self.tokens();
                let hidden = u128::from(decoder.stack.hidden);
                let prefill = Cost::of_stack(&decoder.stack, &Pass::causal(0, prompt), sequences)
                    .with_weights(hidden + rows(prompt) * hidden)
                    .with_linears(&head, 1, sequences);
                let steps = u128::from(further);
                let decode = Cost::of_stack(&decoder.stack, &Pass::steps(prompt, further), sequences)
                    .with_weights(steps * (hidden + rows(1) * hidden))
                    .with_linears(&head, steps, steps * sequences);
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
                    .with_weights((rows + 2) * hidden)
                    .with_linears(&head, 1, sequences);
                (whole, Cost::NOTHING)
            }
            Architecture::Vision(vision) => {
                let (patches, hidden) = (vision.patches, vision.stack.hidden);
                let convolution = patches.convolution(hidden);
                let tables = u128::from((1 + patches.tokens() + 2) * hidden);
                let whole = Cost::of_stack(&vision.stack, &Pass::whole(patches.tokens()), sequences)
                    .with_weights(convolution.parameters() + tables)
                    .with_products(sequences * u128::from(patches.count()) * convolution.products())
                    .with_linears(&[vision.head()], 1, sequences);
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
                let head = [residual.head()];
                let kernels = u128::from(self.model.architecture.parameters()) - weights(&head);
                let whole = Cost::NOTHING
                    .with_weights(kernels)
                    .with_products(sequences * convolved)
                    .with_linears(&head, 1, sequences);
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
                    .with_weights(convolution.parameters() + tables)
                    .with_products(requests * u128::from(patches.count()) * convolution.products())
                    .with_linears(&[image], 1, requests)
                    .with_linears(&[text], 1, sequences);
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
                let source_keys = speech.decoder.source_keys();
                let encoder = Cost::of_stack(&speech.encoder, &Pass::whole(source), sequences)
                    .with_weights(kernels + u128::from(source + 2) * hidden)
                    .with_products(sequences * convolved)
                    .with_linears(&source_keys, 0, sequences * u128::from(source));
                let head = [output_layer(speech.vocab, speech.decoder.hidden)];
                let (prompt, further) = self.tokens();
                let prefill =
                    Cost::of_stack(&speech.decoder, &Pass::causal(0, prompt).over(source), sequences)
                        .with_weights((u128::from(prompt) + 2) * hidden)
                        .with_linears(&head, 1, sequences);
                let steps = u128::from(further);
                let decode =
                    Cost::of_stack(&speech.decoder, &Pass::steps(prompt, further).over(source), sequences)
                        .with_weights(steps * 3 * hidden)
                        .with_linears(&head, steps, steps * sequences);
                (encoder.and(prefill), decode)
            }
        };
        RequestWork { first: self.of_cost(&first), further: self.of_cost(&further) }
    }

    fn of_cost(&self, cost: &Cost) -> Work {
        let speed = if self.precision == Q8 { BYTES_AT_ONCE } else { 1 };
        let flops = 2 * cost.linear_products / speed + 2 * cost.products;
        let read_bytes =
            self.bytes_of_weights(cost.matrices, cost.weights) + cost.cached * u128::from(self.cache_bytes());
        let fitting = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        Work { flops: fitting(flops), read_bytes: fitting(read_bytes) }
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

    /// Weights of all matrices of linear layers.
    pub(crate) fn weights_in_products(&self) -> u128 {
        let of_model = match &self.model.architecture {
            Architecture::Decoder(decoder) => {
                decoder.stack.matrices() + products(&[output_layer(decoder.vocab, decoder.stack.hidden)])
            }
            Architecture::Encoder(encoder) => encoder.stack.matrices(),
            Architecture::Vision(vision) => vision.stack.matrices() + products(&[vision.head()]),
            Architecture::Residual(residual) => products(&[residual.head()]),
            Architecture::ImageText(model) => {
                model.vision.matrices() + model.text.matrices() + products(&model.projections())
            }
            Architecture::Speech(speech) => {
                let head = output_layer(speech.vocab, speech.decoder.hidden);
                speech.encoder.matrices() + speech.decoder.matrices() + products(&[head])
            }
        };
        of_model + products(&self.encoder_head())
    }

    /// Bytes of weights: of matrices of linear layers, and of others.
    pub(crate) fn bytes_of_weights(&self, matrices: u128, others: u128) -> u128 {
        match (self.precision.as_str(), self.numerics) {
            (Q8, Numerics::Native) => matrices * NATIVE_Q8_BYTES / Q8_BLOCK + others * 4,
            (Q8, _) => matrices * EXACT_Q8_BYTES / Q8_BLOCK + others * 4,
            ("f32", _) => (matrices + others) * 4,
            _ => (matrices + others) * 2,
        }
    }

    /// Bytes of an element of the cache: exact keys and values are f32, native ones of the workload's precision; f32 in q8.
    pub(crate) fn cache_bytes(&self) -> u64 {
        if self.numerics.is_exact() || self.has_f32_activations() { 4 } else { 2 }
    }

    /// Whether stock candle computes with binary32 numbers outside of products.
    pub(crate) fn has_f32_activations(&self) -> bool {
        matches!(self.precision.as_str(), "f32" | Q8)
    }
}

/// The output layer of a vocabulary, tied or not.
fn output_layer(vocab: u64, hidden: u64) -> Linear {
    Linear { outputs: vocab, inputs: hidden, bias: Bias::Absent }
}

fn products(linears: &[Linear]) -> u128 {
    linears.iter().map(|linear| u128::from(linear.products())).sum()
}

fn weights(linears: &[Linear]) -> u128 {
    linears.iter().map(|linear| u128::from(linear.weights())).sum()
}
