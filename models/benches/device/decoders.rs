//! A decoder of the shape of Llama 3.2 1B: tokens one at a time, and a prompt.

use std::cell::RefCell;
use std::rc::Rc;

use proofmark_models::decoder::{Decoder, LogitRows};
use proofmark_models::exact::device::Device;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision};

use crate::Native;
use crate::engine::{Engine, Extent, bytes, fitting};
use crate::peaks::Peaks;
use crate::shapes::{LLAMA_1B, Llama};
use crate::table;

const SMALL_SHAPE: Llama =
    Llama { vocab: 100, hidden: 64, intermediate: 96, layers: 2, heads: 4, kv_heads: 2 };
/// Tokens before those that are decoded.
const CONTEXT: usize = 64;
/// Tokens that are decoded one at a time.
const STEPS: usize = 64;
const PROMPT: usize = 512;
const SMALL_PROMPT: usize = 8;

pub(crate) fn run(gpu: &'static Device, native: Option<&Native>, peaks: Peaks, extent: Extent) {
    let (shape, prompt) = match extent {
        Extent::Whole => (LLAMA_1B, PROMPT),
        Extent::Small => (SMALL_SHAPE, SMALL_PROMPT),
    };
    let load = |numerics, precision| {
        let weights = Weights::synthetic(1, precision);
        let weights = match native {
            Some(native) if numerics == Numerics::Native => weights.on(native.models.clone()),
            _ => weights,
        };
        let decoder = Decoder::load(&shape.spec(), &weights, prompt.max(CONTEXT + STEPS), numerics)
            .map(|decoder| Loaded { decoder: Rc::new(decoder), shape, numerics, precision });
        fitting(if numerics == Numerics::Native { "native" } else { "exact" }, precision, decoder)
    };
    let exact = Precision::ALL.into_iter().filter_map(|precision| load(Numerics::ExactOn(gpu), precision));
    let stock = [Precision::F32, Precision::Bf16, Precision::F16].into_iter().filter(|_| native.is_some());
    let stock = stock.filter_map(|precision| load(Numerics::Native, precision));
    let loaded: Vec<Loaded> = exact.chain(stock).collect();

    let decode: Vec<Engine> = loaded.iter().map(Loaded::decode).collect();
    table::print(&format!("a token behind {CONTEXT} and more"), &decode, peaks, extent);
    let prefill: Vec<Engine> = loaded.iter().map(|loaded| loaded.prefill(prompt)).collect();
    table::print(&format!("a prompt of {prompt}"), &prefill, peaks, extent);
}

struct Loaded {
    decoder: Rc<Decoder>,
    shape: Llama,
    numerics: Numerics,
    precision: Precision,
}

/// A call ends when its logits are on the processor, where the next token would be chosen.
impl Loaded {
    fn decode(&self) -> Engine {
        let (decoder, ids) = (Rc::clone(&self.decoder), self.ids(CONTEXT + STEPS));
        let cache = Rc::new(RefCell::new(decoder.cache(1, CONTEXT + STEPS).unwrap()));
        let (prepared, all, model) = (Rc::clone(&cache), ids.clone(), Rc::clone(&decoder));
        let prepare = move || {
            let cache = &mut *prepared.borrow_mut();
            *cache = model.cache(1, CONTEXT + STEPS).unwrap();
            // The last one alone: the first step finds its memory made.
            for tokens in [&all[..CONTEXT - 1], &all[CONTEXT - 1..CONTEXT]] {
                model.forward(tokens, cache, LogitRows::Last).unwrap();
            }
        };
        let call = move |step: usize| {
            let token = &ids[CONTEXT + step..][..1];
            decoder.forward(token, &mut cache.borrow_mut(), LogitRows::Last).unwrap();
        };
        Engine { prepare: Box::new(prepare), fixed_calls: Some(STEPS), ..self.engine(1, Box::new(call)) }
    }

    fn prefill(&self, tokens: usize) -> Engine {
        let (decoder, ids) = (Rc::clone(&self.decoder), self.ids(tokens));
        let call = move |_| {
            let mut cache = decoder.cache(1, ids.len()).unwrap();
            decoder.forward(&ids, &mut cache, LogitRows::Last).unwrap();
        };
        self.engine(tokens, Box::new(call))
    }

    fn engine(&self, tokens: usize, call: Box<dyn Fn(usize)>) -> Engine {
        let Llama { vocab, hidden, intermediate, layers, heads, kv_heads } = self.shape;
        let of_keys = hidden / heads * kv_heads;
        let of_layers = layers * (2 * hidden * hidden + 2 * hidden * of_keys + 3 * hidden * intermediate);
        let of_head = vocab * hidden;
        let numerics = if self.numerics == Numerics::Native { "native" } else { "exact" };
        Engine {
            name: format!("{numerics} {}", self.precision),
            prepare: Box::new(|| {}),
            call,
            wait: Box::new(|| {}),
            fixed_calls: None,
            weight_bytes: bytes(of_layers + of_head, self.precision),
            flops: 2 * (tokens * of_layers + of_head),
        }
    }

    fn ids(&self, count: usize) -> Vec<u32> {
        (0..count).map(|place| (place * 37 % self.shape.vocab) as u32).collect()
    }
}
