//! The work of a request against a walk through the model's matrices, pass by pass and key by key.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_workloads::{RequestWork, Suite, Work, Workload, embedded};
use proptest::prelude::*;

/// A suite with one workload in both numerics; `config` is its model's, `shape` a member of the workload.
fn workloads(config: &str, shape: &str, precision: &str) -> Vec<Workload> {
    let limits = if shape.starts_with("generation") { "ttft_ms = 1\ntpot_ms = 1" } else { "latency_ms = 1" };
    let exact = if precision == "q8" { "exact/q8" } else { "exact/1" };
    let text = format!(
        r#"format = 1
name = "work"
version = "1.0.0"
description = "one workload"
[timing]
rounds = 1
warm_up_ms = 1
warm_up_cap_ms = 1
measure_ms = 1
min_iterations = 1
max_iterations = 2
time_limit_s = 10
capacity_ms = 0
ceilings_ms = 0
[[slo]]
name = "slo"
{limits}
share_ppm = 900000
[[model]]
name = "m"
seed = 1
tokens = {{ start = 1, separator = 2, ordinary_from = 3 }}
[model.config]
{config}
[[workload]]
name = "w"
model = "m"
class = "c"
slo = "slo"
requests_per_hour = 1
{shape}
variant = [
  {{ numerics = "{exact}", precision = "{precision}", share_ppm = 1000000 }},
  {{ numerics = "native", precision = "{precision}", share_ppm = 0 }},
]
"#
    );
    Suite::parse("work.toml", &text).unwrap().workloads
}

/// How a workload's weights are stored and multiplied.
#[derive(Clone, Copy, Debug)]
struct Format {
    /// Bytes of 32 weights of a matrix that products read.
    matrix_bytes: u64,
    /// Bytes of any other weight.
    weight_bytes: u64,
    cache_bytes: u64,
    /// Multiplications at once, by those of binary32 numbers.
    speed: u64,
}

/// In exact numerics and in native ones.
fn formats(precision: &str) -> [Format; 2] {
    let of = |matrix_bytes, weight_bytes, cache_bytes, speed| Format {
        matrix_bytes,
        weight_bytes,
        cache_bytes,
        speed,
    };
    match precision {
        "f32" => [of(128, 4, 4, 1); 2],
        "q8" => [of(36, 4, 4, 4), of(34, 4, 4, 4)],
        _ => [of(64, 2, 4, 1), of(64, 2, 2, 1)],
    }
}

#[derive(Clone, Copy, Debug)]
struct DecoderSizes {
    vocab: u64,
    hidden: u64,
    intermediate: u64,
    layers: u64,
    kv_heads: u64,
    group: u64,
    head_dim: u64,
    tied: bool,
    attention_bias: bool,
}

impl DecoderSizes {
    fn config(self) -> String {
        let Self { vocab, hidden, intermediate, layers, kv_heads, group, head_dim, tied, attention_bias } =
            self;
        let heads = kv_heads * group;
        format!(
            "model_type = \"llama\"\nvocab_size = {vocab}\nhidden_size = {hidden}\nintermediate_size = {intermediate}
num_hidden_layers = {layers}\nnum_attention_heads = {heads}\nnum_key_value_heads = {kv_heads}\nhead_dim = {head_dim}
max_position_embeddings = 4096\ntie_word_embeddings = {tied}\nattention_bias = {attention_bias}"
        )
    }

    /// One pass of `sequences` over `tokens` new tokens behind `before` others.
    fn pass_reference(self, sequences: u64, tokens: u64, before: u64, format: Format) -> Work {
        let (queries, keys) = (self.kv_heads * self.group * self.head_dim, self.kv_heads * self.head_dim);
        let (mut flops, mut products, mut weights, mut matrices, mut cached) = (0, 0, 0, 0, 0);
        for _layer in 0..self.layers {
            let (h, i) = (self.hidden, self.intermediate);
            for (outputs, inputs) in
                [(queries, h), (keys, h), (keys, h), (h, queries), (i, h), (i, h), (h, i)]
            {
                matrices += outputs * inputs;
                for _token in 0..sequences * tokens {
                    products += 2 * outputs * inputs;
                }
            }
            weights += if self.attention_bias { queries + 2 * keys + h } else { 0 };
            weights += 2 * h;
            for _sequence in 0..sequences {
                for query in 0..tokens {
                    for _key in 0..=before + query {
                        // q k, and weight by value, of every query head
                        flops += 2 * queries + 2 * queries;
                    }
                }
                cached += before * 2 * keys;
            }
        }
        weights += self.hidden;
        matrices += self.vocab * self.hidden;
        products += sequences * 2 * self.vocab * self.hidden;
        if !self.tied {
            weights += (sequences * tokens).min(self.vocab) * self.hidden;
        }
        flops += products / format.speed;
        let read_bytes = matrices * format.matrix_bytes / 32 + weights * format.weight_bytes;
        Work { flops, read_bytes: read_bytes + cached * format.cache_bytes }
    }
}

/// One encoder pass. A `ranking` one has pooler, classifier and two segments.
fn encoder_reference(
    [vocab, hidden, intermediate, layers]: [u64; 4],
    sequences: u64,
    tokens: u64,
    ranking: bool,
    format: Format,
) -> Work {
    let (mut flops, mut products, mut matrices, mut weights) = (0, 0, 0, 2 * hidden);
    for _layer in 0..layers {
        for (outputs, inputs) in [
            [hidden; 2],
            [hidden; 2],
            [hidden; 2],
            [hidden; 2],
            [intermediate, hidden],
            [hidden, intermediate],
        ]
        .map(<(u64, u64)>::from)
        {
            matrices += outputs * inputs;
            weights += outputs;
            products += sequences * tokens * 2 * outputs * inputs;
        }
        weights += 2 * 2 * hidden;
        for _query in 0..sequences * tokens {
            for _key in 0..tokens {
                flops += 4 * hidden;
            }
        }
    }
    let segments = if ranking { 2 } else { 1 };
    weights += ((sequences * tokens).min(vocab) + tokens + segments) * hidden;
    if ranking {
        matrices += hidden * hidden + hidden;
        weights += hidden + 1;
        products += sequences * (2 * hidden * hidden + 2 * hidden);
    }
    flops += products / format.speed;
    Work { flops, read_bytes: matrices * format.matrix_bytes / 32 + weights * format.weight_bytes }
}

fn plus(a: Work, b: Work) -> Work {
    Work { flops: a.flops + b.flops, read_bytes: a.read_bytes + b.read_bytes }
}

const NOTHING: Work = Work { flops: 0, read_bytes: 0 };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generation_costs_what_a_walk_through_its_passes_counts(
        (vocab, hidden, intermediate) in (5_u64..40, 1_u64..9, 1_u64..9),
        (layers, kv_heads, group, half) in (1_u64..4, 1_u64..4, 1_u64..4, 1_u64..4),
        (tied, attention_bias, precision) in (any::<bool>(), any::<bool>(), prop::sample::select(vec!["f32", "bf16", "f16", "q8"])),
        (prompt, output, batch, requests) in (2_u64..12, 2_u64..9, 1_u64..4, 1_u32..4),
    ) {
        // So that a quarter of the products, and the bytes of a matrix in blocks, are whole numbers.
        let (head_dim, hidden) = (2 * half, 16 * hidden);
        let sizes = DecoderSizes { vocab, hidden, intermediate, layers, kv_heads, group, head_dim, tied, attention_bias };
        let shape = format!("generation = {{ prompt_tokens = {prompt}, output_tokens = {output}, batch = {batch} }}");
        for (workload, format) in workloads(&sizes.config(), &shape, precision).iter().zip(formats(precision)) {
            let sequences = batch * u64::from(requests);
            let pass = |tokens, before| sizes.pass_reference(sequences, tokens, before, format);
            let further = (1..output).map(|step| pass(1, prompt + step - 1)).fold(NOTHING, plus);
            prop_assert_eq!(workload.work(requests), RequestWork { first: pass(prompt, 0), further });
        }
    }

    #[test]
    fn an_encoder_costs_what_a_walk_through_its_matrices_counts(
        (vocab, head_dim, heads, intermediate, layers) in (5_u64..40, 1_u64..5, 1_u64..4, 1_u64..9, 1_u64..4),
        (tokens, batch, requests) in (5_u64..20, 1_u64..4, 1_u32..4),
        (ranking, precision) in (any::<bool>(), prop::sample::select(vec!["f32", "bf16", "q8"])),
    ) {
        let hidden = 2 * head_dim * heads;
        let config = format!(
            "model_type = \"bert\"\nvocab_size = {vocab}\nhidden_size = {hidden}\nintermediate_size = {intermediate}
num_hidden_layers = {layers}\nnum_attention_heads = {heads}\nmax_position_embeddings = 64"
        );
        let shape = if ranking {
            format!("reranking = {{ query_tokens = 1, document_tokens = {}, documents = {batch} }}", tokens - 4)
        } else {
            format!("embedding = {{ tokens = {tokens}, batch = {batch} }}")
        };
        let sizes = [vocab, hidden, intermediate, layers];
        for (workload, format) in workloads(&config, &shape, precision).iter().zip(formats(precision)) {
            let first = encoder_reference(sizes, batch * u64::from(requests), tokens, ranking, format);
            prop_assert_eq!(workload.work(requests), RequestWork { first, further: NOTHING });
        }
    }
}

/// Worked out by hand: one layer, 2 query heads of 2, 1 key head, hidden 4, intermediate 3, 5 tokens in the vocabulary.
#[test]
fn a_small_decoder_costs_what_a_hand_counts() {
    let sizes = DecoderSizes {
        vocab: 5,
        hidden: 4,
        intermediate: 3,
        layers: 1,
        kv_heads: 1,
        group: 2,
        head_dim: 2,
        tied: true,
        attention_bias: false,
    };
    let shape = "generation = { prompt_tokens = 3, output_tokens = 3, batch = 1 }";
    let workload = workloads(&sizes.config(), shape, "bf16").remove(0);
    // q 16 + k 8 + v 8 + o 16 + gate 12 + up 12 + down 12 = 84 products a token; the head has 20, norms 3 * 4.
    // Prefill: 3 tokens, 1 + 2 + 3 keys.
    let first = Work { flops: 2 * 3 * 84 + 4 * 6 * 4 + 2 * 20, read_bytes: 2 * (84 + 12 + 20) };
    // Two passes, which see 4 and 5 keys, 3 and 4 of them from the cache: 2 * 2 f32 elements a token.
    let further = Work { flops: 2 * (2 * 84 + 40) + 4 * 9 * 4, read_bytes: 2 * 2 * 116 + 7 * 4 * 4 };
    assert_eq!(workload.work(1), RequestWork { first, further });
}

#[test]
fn long_contexts_of_large_models_overflow_nothing() {
    let llama_70b = "model_type = \"llama\"\nvocab_size = 128256\nhidden_size = 8192\nintermediate_size = 28672
num_hidden_layers = 80\nnum_attention_heads = 64\nnum_key_value_heads = 8\nmax_position_embeddings = 16777216";
    let work = |shape: &str, requests| workloads(llama_70b, shape, "bf16")[0].work(requests);

    let long = work("generation = { prompt_tokens = 131072, output_tokens = 1024, batch = 1 }", 1);
    // Twice the 68 451 041 280 products of all layers for each token, and 80 layers of attention to half the square.
    let attention = 4 * 80 * 8192 * (131_072_u64 * 131_073 / 2);
    assert_eq!(long.first.flops, 2 * 131_072 * 68_451_041_280 + attention + 2 * 128_256 * 8192);
    assert!(long.further.read_bytes > 1023 * 2 * 69_000_000_000);

    let most = work("generation = { prompt_tokens = 1048576, output_tokens = 1048576, batch = 8 }", u32::MAX);
    assert_eq!((most.first.flops, most.further.flops), (u64::MAX, u64::MAX));
    assert_eq!(most.flops(), u64::MAX);
}

#[test]
fn a_batch_shares_the_weights_but_not_the_arithmetic() {
    for workload in &embedded()[0].workloads {
        let (one, ten) = (workload.work(1), workload.work(10));
        assert_eq!(ten.first.flops, 10 * one.first.flops, "{}", workload.id);
        assert_eq!(ten.further.flops, 10 * one.further.flops, "{}", workload.id);
        assert!(ten.first.read_bytes < 10 * one.first.read_bytes, "{}", workload.id);
    }
}
