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

mod runs;

use crate::architecture::{Architecture, Head};
use crate::suite::Q8;
use crate::{Numerics, Shape, Workload};
use runs::Run;

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
        let holes = self.layer_copy_bytes().min(HEAP_BYTES) + self.expert_holes_bytes();
        let peak = self.loading_bytes().max(self.resident_bytes() + self.running_bytes(sequences));
        let threads = u128::from(threads.saturating_sub(2)) * THREAD_BYTES;
        u64::try_from(PROCESS_BYTES + threads + holes + peak).unwrap_or(u64::MAX)
    }

    /// All weights in their precision.
    fn resident_bytes(&self) -> u128 {
        let matrices = self.weights_in_products();
        let bytes = self.bytes_of_weights(matrices, self.parameters() - matrices);
        // Stock candle packs blocks anew when it first multiplies them, and keeps both.
        let is_packed_anew = self.precision == Q8 && self.numerics == Numerics::Native;
        bytes + if is_packed_anew { self.bytes_of_weights(matrices, 0) } else { 0 }
    }

    /// The peak while loading. Each tensor is f32 first; then it is packed or rounded into a copy, unless it is taken as it is.
    fn loading_bytes(&self) -> u128 {
        let table = self.table();
        let (is_packed, is_last) = match &self.model.architecture {
            Architecture::Decoder(decoder) => (true, decoder.head == Head::Own),
            Architecture::Speech(_) => (true, false),
            _ => (false, false),
        };
        let is_copied = self.precision != "f32" || is_packed && self.numerics.is_exact();
        let copy = if is_copied { table * F32_BYTES } else { 0 };
        let is_multiplied = match &self.model.architecture {
            Architecture::Decoder(decoder) => decoder.head == Head::Tied,
            Architecture::Speech(_) => true,
            _ => false,
        };
        let packed =
            if is_multiplied { self.bytes_of_weights(table, 0) } else { self.bytes_of_weights(0, table) };
        let first = copy + packed;
        let last = self.resident_bytes() + if is_last { copy } else { self.layer_copy_bytes() };
        first.max(last)
    }

    /// Weights of the table of tokens.
    fn table(&self) -> u128 {
        let table = |vocab: u64, hidden: u64| u128::from(vocab * hidden);
        match &self.model.architecture {
            Architecture::Decoder(decoder) => table(decoder.vocab, decoder.stack.hidden),
            Architecture::Encoder(encoder) => table(encoder.vocab, encoder.stack.hidden),
            Architecture::ImageText(model) => table(model.vocab, model.text.hidden),
            Architecture::Speech(speech) => table(speech.vocab, speech.decoder.hidden),
            Architecture::Vision(_) | Architecture::Residual(_) => 0,
        }
    }

    /// f32 tensors that exist beside a layer's packed weights: gate and up, or queries, keys and values in a growing vector.
    fn layer_copy_bytes(&self) -> u128 {
        let stacks = self.runs(1).into_iter().map(|run| run.stack);
        let copies = stacks.map(|stack| {
            let joint = 2 * (stack.query_width() + 2 * stack.kv_width());
            u128::from(joint.max(2 * stack.intermediate()) * stack.hidden) * F32_BYTES
        });
        let convolutions = match &self.model.architecture {
            Architecture::Residual(residual) => residual.windows(1),
            _ => Vec::new(),
        };
        let kernels = convolutions.iter().map(|(convolution, _)| 2 * convolution.parameters() * F32_BYTES);
        copies.chain(kernels).max().unwrap_or(0)
    }

    /// Copies of experts are small and many: what freeing them leaves between weights that stay.
    fn expert_holes_bytes(&self) -> u128 {
        if self.precision == "f32" {
            return 0;
        }
        let stacks = self.runs(1).into_iter().map(|run| run.stack);
        stacks
            .filter_map(|stack| stack.sparse.map(|sparse| (stack, sparse)))
            .map(|(stack, sparse)| {
                let layer = 3 * u128::from(sparse.experts * sparse.intermediate) * u128::from(stack.hidden);
                2 * layer * F32_BYTES
            })
            .sum()
    }

    /// What a batch of `sequences` takes beside the weights.
    fn running_bytes(&self, sequences: u128) -> u128 {
        let logits = match (self.shape.output_tokens(), self.model.architecture.vocab()) {
            (Some(output_tokens), Some(vocab)) => u128::from(output_tokens) * u128::from(vocab) * sequences,
            _ => 0,
        };
        let requests = sequences / u128::from(self.shape.batch().max(1));
        let runs = self.runs(requests);
        let sum = |of: &dyn Fn(&Run) -> u128| runs.iter().map(|run| run.sequences * of(run)).sum::<u128>();
        let images = self.image_elements() * sequences;
        let cached = |elements: u128| elements * u128::from(self.cache_bytes());
        match self.numerics {
            Numerics::Exact1 | Numerics::ExactQ8 => {
                // Twice the logits, and a quarter more.
                let elements = sum(&Run::exact_buffers) + images + 2 * logits + logits / 2;
                let used = elements * F32_BYTES + cached(sum(&Run::exact_cache));
                used + used.min(HEAP_BYTES)
            }
            Numerics::Native => {
                let elements = sum(&Run::native_buffers) + images + 2 * logits + self.widened();
                elements * F32_BYTES + cached(sum(&Run::native_cache))
            }
        }
    }

    /// The greatest input and output of a convolution of one image or sound, with the windows that native numerics gather.
    fn image_elements(&self) -> u128 {
        let of = |convolutions: Vec<(crate::architecture::Convolution, u64)>| {
            let elements = convolutions.into_iter().map(|(convolution, windows)| {
                let (outputs, channels) = (convolution.outputs, convolution.channels);
                let gathered = match self.numerics {
                    Numerics::Exact1 | Numerics::ExactQ8 => 0,
                    Numerics::Native => 2 * channels * convolution.area * windows,
                };
                let input = channels * windows * convolution.stride.pow(2);
                u128::from(2 * input + 3 * outputs * windows + gathered)
            });
            elements.max().unwrap_or(0)
        };
        match (&self.model.architecture, self.shape) {
            (Architecture::Residual(residual), Shape::ImageClassification { image_size, .. }) => {
                of(residual.windows(u64::from(image_size)))
            }
            (Architecture::Vision(vision), _) => {
                of(vec![(vision.patches.convolution(vision.stack.hidden), vision.patches.count())])
            }
            (Architecture::ImageText(model), _) => {
                of(vec![(model.patches.convolution(model.vision.hidden), model.patches.count())])
            }
            (Architecture::Speech(speech), _) => of(speech.convolutions().to_vec()),
            _ => 0,
        }
    }

    /// Stock candle multiplies weights of half precision as an f32 copy, a matrix at a time.
    fn widened(&self) -> u128 {
        if self.has_f32_activations() {
            return 0;
        }
        let layer = self.runs(1).iter().map(|run| u128::from(run.stack.greatest_products())).max();
        let head = match &self.model.architecture {
            Architecture::Decoder(_) | Architecture::Speech(_) => self.table(),
            _ => 0,
        };
        layer.unwrap_or(0).max(head)
    }
}
