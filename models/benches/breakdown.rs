//! Where the time of a whole model goes, part by part: `cargo bench -p proofmark-models --bench breakdown`.
//!
//! One decode step and one prefill of the shape of SmolLM2-135M, exact numerics; medians over the repetitions, each part's as
//! the model's observer sees it end.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod shapes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use proofmark_models::decoder::{Decoder, LogitRows};
use proofmark_models::exact::isa::Isa;
use proofmark_models::layers::Part;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision};

const REPETITIONS: usize = 41;
const PROMPT: usize = 512;

type Times = BTreeMap<Part, u64>;

fn main() {
    if proofmark_bench::is_not_to_measure() {
        return;
    }
    let isa = Isa::detect();
    println!("SmolLM2-135M shape, exact on {isa}, {} threads\n", rayon::current_num_threads());
    for precision in [Precision::F32, Precision::Bf16] {
        let config = shapes::SMOLLM2_135M.spec();
        let weights = Weights::synthetic(1, precision);
        let model = Decoder::load(&config, &weights, 2 * PROMPT, Numerics::Exact(isa)).unwrap();
        let prompt: Vec<u32> = (0..PROMPT as u32).map(|i| i * 37 % 49_152).collect();
        let decode = measure(&model, &prompt[..64], &prompt[64..65]);
        let prefill = measure(&model, &[], &prompt);
        print(precision, &decode, &prefill);
    }
}

/// The parts' times, nanoseconds a pass over `ids` behind `context`, and the pass's.
fn measure(model: &Decoder, context: &[u32], ids: &[u32]) -> (Vec<Times>, Vec<u64>) {
    let (mut parts, mut passes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let mut cache = model.cache(1, context.len() + ids.len()).unwrap();
        if !context.is_empty() {
            model.forward(context, &mut cache, LogitRows::Last).unwrap();
        }
        let seen = Arc::new(Mutex::new((Instant::now(), Times::new())));
        let clock = Arc::clone(&seen);
        cache.observe(Arc::new(move |part| {
            let (last, times) = &mut *clock.lock().unwrap();
            let now = Instant::now();
            *times.entry(part).or_default() += (now - *last).as_nanos() as u64;
            *last = now;
        }));
        seen.lock().unwrap().0 = Instant::now();
        let started = Instant::now();
        model.forward(ids, &mut cache, LogitRows::Last).unwrap();
        passes.push(started.elapsed().as_nanos() as u64);
        parts.push(std::mem::take(&mut seen.lock().unwrap().1));
    }
    (parts, passes)
}

fn print(precision: Precision, decode: &(Vec<Times>, Vec<u64>), prefill: &(Vec<Times>, Vec<u64>)) {
    println!("| {precision} | decode, ms | share | prefill of {PROMPT}, ms | share |\n|---|---|---|---|---|");
    let whole = |(_, passes): &(Vec<Times>, Vec<u64>)| median(passes.clone());
    let part_of = |(parts, _): &(Vec<Times>, Vec<u64>), part: Part| {
        median(parts.iter().map(|times| times.get(&part).copied().unwrap_or(0)).collect())
    };
    let row = |name: &str, decode_ns: u64, prefill_ns: u64| {
        let cell =
            |ns: u64, all: u64| format!("{:.2} | {:.1} %", ns as f64 / 1e6, 100.0 * ns as f64 / all as f64);
        println!("| {name} | {} | {} |", cell(decode_ns, whole(decode)), cell(prefill_ns, whole(prefill)));
    };
    let mut rest = (whole(decode), whole(prefill));
    for (part, name) in [
        (Part::Embedding, "embedding"),
        (Part::Norm, "norms"),
        (Part::Projections, "query, key, value"),
        (Part::Positions, "rotary, cache"),
        (Part::Attention, "attention"),
        (Part::Output, "output projection"),
        (Part::Router, "router"),
        (Part::GateUp, "gate, up, activation"),
        (Part::Down, "down"),
        (Part::Head, "output layer"),
    ] {
        let times = (part_of(decode, part), part_of(prefill, part));
        row(name, times.0, times.1);
        rest = (rest.0.saturating_sub(times.0), rest.1.saturating_sub(times.1));
    }
    row("the rest", rest.0, rest.1);
    row("all", whole(decode), whole(prefill));
    println!();
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}
