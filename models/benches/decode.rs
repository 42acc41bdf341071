//! Decoding in each format of weights, in turns within one run: `cargo bench -p proofmark-models --bench decode`.
//!
//! Tokens of the shape of SmolLM2-135M behind a prompt of 64, one at a time, fed with given ids. `native q8` is stock candle's Q8_0 in the same
//! layers. A round takes the median of its steps; ratios are of one round, because load and clock change from round to round.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod shapes;

use std::hint::black_box;
use std::time::Instant;

use proofmark_models::decoder::{Decoder, DecoderCache, LogitRows};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision};

const ROUNDS: usize = 15;
const PROMPT: u32 = 64;
const STEPS: u32 = 32;
const EXACT_BF16: usize = 1;
const EXACT_Q8: usize = 2;

fn main() {
    if proofmark_bench::is_not_to_measure() {
        return;
    }
    let isa = Isa::detect();
    println!(
        "SmolLM2-135M shape, decode behind {PROMPT} tokens, {isa}, {} threads",
        rayon::current_num_threads()
    );
    let engines = [
        ("exact f32", Numerics::Exact(isa), Precision::F32),
        ("exact bf16", Numerics::Exact(isa), Precision::Bf16),
        ("exact q8", Numerics::Exact(isa), Precision::Q8),
        ("exact q8 on avx2", Numerics::Exact(Isa::Avx2), Precision::Q8),
        ("native q8", Numerics::Native, Precision::Q8),
    ];
    let engines = engines.map(|(name, numerics, precision)| {
        let weights = Weights::synthetic(1, precision);
        let positions = (PROMPT + STEPS) as usize;
        (name, Decoder::load(&shapes::SMOLLM2_135M.spec(), &weights, positions, numerics).unwrap())
    });
    let mut rounds = vec![Vec::new(); engines.len()];
    for round in 0..ROUNDS {
        for place in 0..engines.len() {
            // Whoever comes after a slow one finds other caches and clocks; each comes after each.
            let place = (place + round) % engines.len();
            rounds[place].push(step_ms(&engines[place].1));
        }
    }
    println!(
        "| engine | ms a token, median (least to most of {ROUNDS} rounds) | time by exact bf16's | time by exact q8's |"
    );
    println!("|---|---|---|---|");
    for ((name, _), times) in engines.iter().zip(&rounds) {
        let by = |other: usize| times.iter().zip(&rounds[other]).map(|(a, b)| a / b).collect::<Vec<_>>();
        println!("| {name} | {} | {} | {} |", spread(times), spread(&by(EXACT_BF16)), spread(&by(EXACT_Q8)));
    }
}

/// The median of a step's milliseconds, after a prompt and some steps that are not counted.
fn step_ms(model: &Decoder) -> f64 {
    let mut cache = model.cache(1, (PROMPT + STEPS) as usize).unwrap();
    let id = |place: u32| place * 37 % 49_152;
    let prompt: Vec<u32> = (0..PROMPT).map(id).collect();
    let step = |ids: &[u32], cache: &mut DecoderCache| {
        let started = Instant::now();
        black_box(model.forward(ids, cache, LogitRows::Last).unwrap());
        started.elapsed().as_secs_f64() * 1e3
    };
    step(&prompt, &mut cache);
    let times: Vec<f64> = (PROMPT..PROMPT + STEPS).map(|place| step(&[id(place)], &mut cache)).collect();
    median(&times[4..])
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn spread(numbers: &[f64]) -> String {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2} to {most:.2})", median(numbers))
}
