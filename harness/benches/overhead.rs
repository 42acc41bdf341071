//! What the harness adds to a request, as a share of the shortest workload of `smoke`: `cargo bench -p proofmark --bench overhead`.
//!
//! Inside the clock it adds two readings. Outside it makes the input, hashes the output, goes on in the chain and tells the
//! parent through a pipe. It fails where both together reach 1 % of the workload's median latency.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use proofmark::cell::model::Model;
use proofmark::cell::protocol::{Event, Step};
use proofmark_models::Numerics;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::{Digest, chain};
use proofmark_workloads::{Workload, embedded_suite};

const ROUNDS: usize = 5;
const ITERATIONS: u32 = 2000;
const LIMIT: f64 = 0.01;

fn main() -> ExitCode {
    if proofmark_bench::is_not_to_measure() {
        return ExitCode::SUCCESS;
    }
    let suite = embedded_suite("smoke").unwrap();
    let exact = suite.workloads.iter().filter(|workload| workload.numerics.is_exact());
    let loaded = exact.map(|workload| {
        let model = Model::load(workload, None, Numerics::Exact(Isa::detect())).unwrap();
        (median_latency_ns(&model, workload), workload, model)
    });
    let (latency_ns, workload, model) = loaded.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    println!("shortest workload of smoke: {}, median {:.1} us", workload.id, latency_ns / 1e3);

    let mut shares: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (inside, outside) = (clock_ns(), around_ns(&model, workload));
            let share = (inside + outside) / latency_ns;
            println!(
                "inside the clock {inside:.0} ns, outside {outside:.0} ns a request: {:.2} %",
                share * 100.0
            );
            share
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    let median = shares[ROUNDS / 2];
    println!("median of {ROUNDS} rounds: {:.2} %, limit {:.0} %", median * 100.0, LIMIT * 100.0);
    if median < LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median_latency_ns(model: &Model, workload: &Workload) -> f64 {
    let mut latencies: Vec<u64> = (0..20_u64)
        .map(|request| {
            let input = workload.input(Digest::of(&request.to_le_bytes()));
            model.run(&model.prepare(vec![input]).unwrap()).unwrap().latency_ns
        })
        .collect();
    latencies.sort_unstable();
    latencies[latencies.len() / 2] as f64
}

/// Two readings of the clock.
fn clock_ns() -> f64 {
    let started = Instant::now();
    for _ in 0..ITERATIONS {
        black_box(black_box(Instant::now()).elapsed());
    }
    started.elapsed().as_nanos() as f64 / f64::from(ITERATIONS)
}

/// Everything around the model, with a process at the other end of the pipe.
fn around_ns(model: &Model, workload: &Workload) -> f64 {
    let mut seed = Digest::of(b"overhead");
    let output = model.run(&model.prepare(vec![workload.input(seed)]).unwrap()).unwrap().output;
    let mut parent = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = parent.stdin.take().unwrap();
    let started = Instant::now();
    for step in 0..ITERATIONS {
        black_box(model.prepare(vec![workload.input(seed)]).unwrap());
        let digest = Digest(black_box(&output).digest().unwrap());
        seed = chain::next_seed(seed, u64::from(step), digest);
        let event = Event::Step(Step { latency_ns: u64::from(step), ttft_ns: None, digest });
        let mut line = serde_json::to_vec(&event).unwrap();
        line.push(b'\n');
        pipe.write_all(&line).unwrap();
    }
    let around_ns = started.elapsed().as_nanos() as f64 / f64::from(ITERATIONS);
    drop(pipe);
    parent.wait().unwrap();
    around_ns
}
