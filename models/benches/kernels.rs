//! Exact operators against stock candle's, on the same shapes: `cargo xtask bench`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::cell::LazyCell;
use std::time::{Duration, Instant};

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Tensor};
use candle_nn::Module;
use criterion::{BatchSize, Throughput, criterion_group, criterion_main};
use proofmark_bench::Turns;
use proofmark_models::Precision;
use proofmark_models::exact::attention::{Attention, Visibility, score_scale};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::convolution::{Finish, Images, PackedConvolution, Window};
use proofmark_models::exact::crew::with_crew;
use proofmark_models::exact::function::Function;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::kv_cache::{Columns, KvCache};
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::exact::norm::{Norm, NormKind};
use proofmark_models::weights::{Init, Synthetic};

type Criterion = criterion::Criterion<Turns>;
type Bencher<'a> = criterion::Bencher<'a, Turns>;

/// Rows, outputs, inputs: decode, small batches, prefill.
const LINEAR: [(usize, usize, usize); 12] = [
    (1, 1024, 1024),
    (1, 2048, 2048),
    (1, 4096, 4096),
    (1, 11008, 4096),
    (4, 2048, 2048),
    (16, 2048, 2048),
    (64, 2048, 2048),
    (128, 768, 768),
    (128, 3072, 768),
    (128, 768, 3072),
    (512, 2048, 2048),
    (512, 1024, 4096),
];

fn values(name: &str, count: usize) -> Vec<f32> {
    Synthetic::new(1).generate(name, count, Init::Matrix)
}

/// The fastest instruction set, and AVX2 where that is another.
fn instruction_sets() -> Vec<Isa> {
    let mut all = vec![Isa::detect()];
    all.extend([Isa::Avx2].into_iter().filter(|isa| isa.is_available() && *isa != Isa::detect()));
    all
}

/// Times an operator as a part of a pass, on a thread of the pool, its other threads awake.
fn in_a_pass(bencher: &mut Bencher<'_>, mut operator: impl FnMut() + Send) {
    bencher.iter_custom(|count| {
        with_crew(|| {
            let started = Instant::now();
            for _ in 0..count {
                operator();
            }
            started.elapsed()
        })
    });
}

fn linear(criterion: &mut Criterion) {
    for (m, n, k) in LINEAR {
        let mut group = criterion.benchmark_group(format!("linear {m},{n},{k}"));
        group.throughput(Throughput::Elements((m * n * k) as u64));
        // Made when first asked for, so that a filter costs nothing.
        let x = LazyCell::new(|| values("x", m * k));
        let w = LazyCell::new(|| values("w", n * k));
        for isa in instruction_sets() {
            for precision in Precision::ALL {
                let packed = LazyCell::new(|| PackedLinear::new(&w, None, k, precision, isa));
                group.bench_function(format!("exact {precision} {isa}"), |bencher| {
                    let (x, packed, mut y) = (&**x, &*packed, Vec::new());
                    // Bringing the rows into blocks belongs to it; in a model, norms and activations do that in passing.
                    in_a_pass(bencher, || packed.forward(&Blocks::of_rows(x, k), &mut y));
                });
            }
        }
        let matrix = LazyCell::new(|| Tensor::from_vec(w.clone(), (n, k), &Device::Cpu).unwrap());
        let rows = LazyCell::new(|| Tensor::from_vec(x.clone(), (m, k), &Device::Cpu).unwrap());
        group.bench_function("native f32", |bencher| {
            let native = candle_nn::Linear::new(matrix.clone(), None);
            bencher.iter(|| native.forward(&rows).unwrap());
        });
        group.bench_function("native q8", |bencher| {
            let quantized = QTensor::quantize(&matrix, GgmlDType::Q8_0).unwrap();
            let quantized = QMatMul::from_qtensor(quantized).unwrap();
            bencher.iter(|| quantized.forward(&rows).unwrap());
        });
        group.finish();
    }
}

/// Causal attention of a prompt of 512 tokens to itself, in the shape of SmolLM2-135M.
fn attention(criterion: &mut Criterion) {
    let (heads, kv_heads, head_dim, tokens) = (9, 3, 64, 512);
    let (stride, keys) = ((heads + 2 * kv_heads) * head_dim, heads * head_dim);
    let columns = Columns { stride, keys, values: keys + kv_heads * head_dim };
    let rows = values("qkv", tokens * stride);
    let mut cache = KvCache::new(1, kv_heads, head_dim, tokens);
    cache.append(&rows, columns);
    let visibility = Visibility::Causal { first: 0 };
    let mut group = criterion.benchmark_group("attention 512 tokens");
    for isa in instruction_sets() {
        let attention = Attention {
            cache: &cache,
            visibility: &visibility,
            heads,
            scale: score_scale(head_dim as f32),
            isa,
        };
        let mut output = Vec::new();
        group.bench_function(format!("exact f32 {isa}"), |bencher| {
            in_a_pass(bencher, || attention.forward(&rows, stride, &mut output));
        });
    }
    let tensor = |name: &str| {
        let shape = (1, heads, tokens, head_dim);
        Tensor::from_vec(values(name, heads * tokens * head_dim), shape, &Device::Cpu).unwrap()
    };
    let (q, k, v) = (tensor("q"), tensor("k").t().unwrap(), tensor("v"));
    let mask: Vec<f32> = (0..tokens * tokens)
        .map(|at| if at % tokens > at / tokens { f32::NEG_INFINITY } else { 0.0 })
        .collect();
    let mask = Tensor::from_vec(mask, (tokens, tokens), &Device::Cpu).unwrap();
    group.bench_function("native f32", |bencher| {
        bencher.iter(|| {
            let scores = (q.matmul(&k).unwrap() * 0.125).unwrap().broadcast_add(&mask).unwrap();
            candle_nn::ops::softmax_last_dim(&scores).unwrap().matmul(&v).unwrap()
        });
    });
    group.finish();
}

/// A 3 x 3 convolution of 64 to 64 channels over an image of 56 x 56.
fn convolution(criterion: &mut Criterion) {
    let (channels, outputs, size) = (64, 64, 56);
    let window = Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1), dilation: (1, 1) };
    let (x, w) = (values("x", channels * size * size), values("w", outputs * channels * 9));
    let mut group = criterion.benchmark_group("convolution 3x3 64 to 64 on 56x56");
    for isa in instruction_sets() {
        let packed = PackedConvolution::new(&w, None, channels, window, Precision::F32, isa);
        let images = Images { values: x.clone(), dims: [1, size, size, channels] };
        let mut blocks = Blocks::default();
        group.bench_function(format!("exact f32 {isa}"), |bencher| {
            in_a_pass(bencher, || {
                drop(packed.forward(&images, Finish::default(), Vec::new(), &mut blocks).unwrap());
            });
        });
    }
    let x = Tensor::from_vec(x, (1, channels, size, size), &Device::Cpu).unwrap();
    let w = Tensor::from_vec(w, (outputs, channels, 3, 3), &Device::Cpu).unwrap();
    group.bench_function("native f32", |bencher| bencher.iter(|| x.conv2d(&w, 1, 1, 1, 1).unwrap()));
    group.finish();
}

/// Row operations over 512 rows of 1536.
fn rows(criterion: &mut Criterion) {
    let (count, width) = (512, 1536);
    let x = values("x", count * width);
    let tensor = Tensor::from_vec(x.clone(), (count, width), &Device::Cpu).unwrap();
    let weight = values("weight", width);
    let weight_tensor = Tensor::from_vec(weight.clone(), width, &Device::Cpu).unwrap();

    let mut group = criterion.benchmark_group("layer norm 512x1536");
    for isa in instruction_sets() {
        let kind = NormKind::Layer { bias: weight.clone() };
        let norm = Norm { weight: weight.clone(), kind, eps: 1e-5, isa };
        group.bench_function(format!("exact f32 {isa}"), |bencher| {
            bencher.iter_batched_ref(|| x.clone(), |x| norm.in_place(x), BatchSize::LargeInput);
        });
    }
    group.bench_function("native f32", |bencher| {
        bencher.iter(|| candle_nn::ops::layer_norm(&tensor, &weight_tensor, &weight_tensor, 1e-5).unwrap());
    });
    group.finish();

    let mut group = criterion.benchmark_group("gelu 512x1536, one thread");
    for isa in instruction_sets() {
        group.bench_function(format!("exact f32 {isa}"), |bencher| {
            bencher.iter_batched_ref(|| x.clone(), |x| Function::Gelu.map(x, isa), BatchSize::LargeInput);
        });
    }
    group.bench_function("native f32", |bencher| bencher.iter(|| tensor.gelu_erf().unwrap()));
    group.finish();
}

criterion_group! {
    name = kernels;
    config = criterion::Criterion::default()
        .with_measurement(Turns)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .without_plots();
    targets = linear, attention, convolution, rows
}
criterion_main!(kernels);
