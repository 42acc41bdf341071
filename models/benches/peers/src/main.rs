//! Measures the exact kernels, candle and candle-transformers on request: one JSON object a line in, one a line out.
//!
//! A server, so that its caller can alternate with an engine in another process while models stay loaded.

mod bandwidth;
mod candle_linear;
mod candle_llama;
mod decoder;
mod exact;
mod pseudo_random;
mod request;
mod smollm2;
mod stopwatch;

use std::io::{self, BufRead, Write};

use anyhow::Result;
use serde_json::{Value, json};

use decoder::Decoders;
use request::{LinearEngine, Request};
use stopwatch::median_ns;

fn main() -> Result<()> {
    let mut decoders = Decoders::default();
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = answer(&line?, &mut decoders);
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

fn answer(line: &str, decoders: &mut Decoders) -> Result<Value> {
    match serde_json::from_str(line)? {
        Request::About => {
            Ok(json!({ "isa": exact::isa_name(), "threads": candle_core::utils::get_num_threads() }))
        }
        Request::Bandwidth { mebibytes, threads } => {
            Ok(json!({ "gigabytes_per_s": bandwidth::best_gigabytes_per_s(mebibytes, threads)? }))
        }
        Request::Linear { m, n, k, precision, engine, seconds } => {
            let durations = match engine {
                LinearEngine::Exact => {
                    let linear = exact::linear(m, n, k, precision);
                    exact::in_a_pass(|| stopwatch::repeat_for(seconds, linear))?
                }
                LinearEngine::Candle => {
                    stopwatch::repeat_for(seconds, candle_linear::linear(m, n, k, precision)?)?
                }
            };
            Ok(timing(durations))
        }
        Request::Prefill { tokens, precision, engine, repetitions } => {
            let decoder = decoders.load(engine, precision)?;
            let prompt = smollm2::prompt(tokens);
            let prefill = || decoder.start(&prompt, tokens);
            Ok(timing(stopwatch::repeat(repetitions, prefill)?))
        }
        Request::Decode { context, tokens, precision, engine, repetitions } => {
            let decoder = decoders.load(engine, precision)?;
            let ids = smollm2::prompt(context + tokens);
            let (prompt, continuation) = ids.split_at(context);
            let mut durations = Vec::with_capacity(repetitions * tokens);
            for _ in 0..repetitions {
                decoder.start(prompt, context + tokens)?;
                for id in continuation {
                    durations.push(stopwatch::time_ns(|| decoder.step(*id))?);
                }
            }
            Ok(timing(durations))
        }
    }
}

fn timing(durations_ns: Vec<u64>) -> Value {
    json!({ "repetitions": durations_ns.len(), "median_ns": median_ns(durations_ns) })
}
