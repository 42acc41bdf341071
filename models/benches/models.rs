//! The workloads of the suite `smoke` as whole requests, exact against stock candle: `cargo xtask bench`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod shapes;

use std::cell::LazyCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{criterion_group, criterion_main};
use proofmark_bench::Turns;
use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::encoder::{Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision};
use proofmark_workloads::{Input, Task, Workload, embedded_suite, self_check_seed};

type Criterion = criterion::Criterion<Turns>;

/// Loads a workload's model; its request can be made again and again.
fn request(workload: &Workload, numerics: Numerics) -> Box<dyn Fn()> {
    let precision: Precision = workload.precision.parse().unwrap();
    let weights = Weights::synthetic(workload.model.weights.seed().unwrap(), precision);
    let config = &workload.model.config;
    match workload.input(self_check_seed()) {
        Input::Generation { prompts, output_tokens } => {
            let (config, positions) = (DecoderSpec::parse(config).unwrap(), workload.shape.positions());
            let model = Decoder::load(&config, &weights, positions as usize, numerics).unwrap();
            Box::new(move || {
                model.generate(&prompts, output_tokens as usize, &mut |_| {}).unwrap();
            })
        }
        Input::Encoder { sequences, token_types } => {
            let config = EncoderSpec::parse(config).unwrap();
            let input = EncoderInput {
                ids: sequences.concat(),
                token_types: token_types.repeat(sequences.len()),
                lengths: Arc::new(sequences.iter().map(Vec::len).collect()),
            };
            if workload.shape.task() == Task::Embedding {
                let model = Embedder::load(&config, &weights, numerics).unwrap();
                Box::new(move || drop(model.embed(&input).unwrap()))
            } else {
                let model = Reranker::load(&config, &weights, numerics).unwrap();
                Box::new(move || drop(model.score(&input).unwrap()))
            }
        }
        other => panic!("{}: no benchmark of {other:?}", workload.id),
    }
}

fn workloads(criterion: &mut Criterion) {
    let suite = embedded_suite("smoke").unwrap();
    for workload in &suite.workloads {
        let (name, precision) = (workload.id.split("-exact").next().unwrap_or_default(), &workload.precision);
        if !workload.numerics.is_exact() {
            continue;
        }
        let mut group = criterion.benchmark_group(format!("workload {name}"));
        for isa in [Isa::detect(), Isa::Avx2] {
            if isa.is_available() && (isa == Isa::detect() || precision == "f32") {
                // Loaded when first asked for, so that a filter costs nothing.
                let request = LazyCell::new(|| request(workload, Numerics::Exact(isa)));
                group.bench_function(format!("exact {precision} {isa}"), |bencher| bencher.iter(&**request));
            }
        }
        if precision == "f32" {
            let request = LazyCell::new(|| request(workload, Numerics::Native));
            group.bench_function("native f32", |bencher| bencher.iter(&**request));
        }
        group.finish();
    }
}

/// 64 tokens after a prompt of 64, generated one by one and replayed by one prefill.
fn replaying(criterion: &mut Criterion) {
    let prepared = LazyCell::new(|| {
        let weights = Weights::synthetic(1, Precision::F32);
        let numerics = Numerics::Exact(Isa::detect());
        let model = Decoder::load(&shapes::SMOLLM2_135M.spec(), &weights, 128, numerics).unwrap();
        let prompts = [(0..64).map(|i| i * 37).collect::<Vec<u32>>()];
        let tokens = model.generate(&prompts, 64, &mut |_| {}).unwrap().tokens;
        (model, prompts, tokens)
    });
    let mut group = criterion.benchmark_group("64 tokens after 64");
    group.bench_function("generate", |bencher| {
        let (model, prompts, _) = &*prepared;
        bencher.iter(|| model.generate(prompts, 64, &mut |_| {}).unwrap());
    });
    group.bench_function("replay", |bencher| {
        let (model, prompts, tokens) = &*prepared;
        bencher.iter(|| model.replay(prompts, tokens).unwrap());
    });
    group.finish();
}

/// How fast synthetic weights are generated; packing and hashing them is not in it.
fn loading(criterion: &mut Criterion) {
    use proofmark_models::weights::{Init, Synthetic};
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut group = criterion.benchmark_group("synthetic weights, one thread");
    group.throughput(criterion::Throughput::Elements(1 << 24));
    group.bench_function("generate", |bencher| {
        bencher.iter_custom(|count| {
            let started = Instant::now();
            for _ in 0..count {
                let values = pool.install(|| Synthetic::new(1).generate("w", 1 << 24, Init::Matrix));
                std::hint::black_box(&values);
            }
            started.elapsed()
        });
    });
    group.finish();
}

criterion_group! {
    name = models;
    config = criterion::Criterion::default()
        .with_measurement(Turns)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .without_plots();
    targets = workloads, replaying, loading
}
criterion_main!(models);
