use std::sync::Arc;

use proofmark_models::exact::attention::{Attention as HostAttention, Visibility};
use proofmark_models::exact::device::{Attention, KvCache, Matrix};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::kv_cache::{Columns, KvCache as HostCache};

use super::{assert_bits, devices, numbers};

/// Enough for a call in one part.
const AT_ONCE: usize = 1 << 28;

/// Sizes of a call.
#[derive(Clone, Copy, Debug)]
struct Shape {
    sequences: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

/// Feeds pieces of the given lengths, and attends after each, on the device and by the oracle.
fn compare(
    shape: Shape,
    pieces: &[usize],
    seed: u64,
    most_score_bytes: usize,
    visible: &dyn Fn(usize, usize) -> Visibility,
) {
    let Shape { sequences, heads, kv_heads, head_dim } = shape;
    let keys = heads * head_dim;
    let columns =
        Columns { stride: keys + 2 * kv_heads * head_dim, keys, values: keys + kv_heads * head_dim };
    let capacity = pieces.iter().sum::<usize>();
    for device in devices() {
        let mut host = HostCache::new(sequences, kv_heads, head_dim, capacity);
        let mut cache = KvCache::new(device, sequences, kv_heads, head_dim, capacity).unwrap();
        for (piece, tokens) in pieces.iter().enumerate() {
            let first = host.len();
            let mut rows = numbers(seed + 3 * piece as u64, sequences * tokens * columns.stride);
            // Scores beyond exp's range make NaN of everything, which would hide what differs.
            rows.iter_mut().for_each(|x| *x = x.clamp(-1e6, 1e6));
            host.append(&rows, columns);
            let input = Matrix::upload(device, &rows, columns.stride).unwrap();
            cache.append(&input, columns).unwrap();
            let visibility = visible(first, *tokens);
            let scale = 0.125;
            let mut expected = Vec::new();
            let attention =
                HostAttention { cache: &host, visibility: &visibility, heads, scale, isa: Isa::Portable };
            attention.forward(&rows, columns.stride, &mut expected);
            let attention = Attention { cache: &cache, visibility: &visibility, heads, scale };
            let actual = attention.in_parts(&input, most_score_bytes).unwrap().download().unwrap();
            assert_bits(&actual, &expected, &format!("{device:?}: {shape:?}, {tokens} tokens at {first}"));
        }
    }
}

#[test]
fn causal_attention_is_the_oracles_in_prefill_and_decode() {
    let shape = Shape { sequences: 2, heads: 6, kv_heads: 2, head_dim: 20 };
    for seed in 0..3 {
        compare(shape, &[5, 1, 1, 30, 1], seed, AT_ONCE, &|first, _| Visibility::Causal { first });
    }
    let shape = Shape { sequences: 1, heads: 2, kv_heads: 2, head_dim: 33 };
    compare(shape, &[255, 1, 1, 1, 270, 1], 7, AT_ONCE, &|first, _| Visibility::Causal { first });
    let shape = Shape { sequences: 1, heads: 1, kv_heads: 1, head_dim: 300 };
    compare(shape, &[3, 1], 8, AT_ONCE, &|first, _| Visibility::Causal { first });
}

#[test]
fn a_block_without_a_visible_key_is_left_out() {
    let shape = Shape { sequences: 1, heads: 4, kv_heads: 1, head_dim: 16 };
    for window in [1, 3, 250, 256, 300] {
        compare(shape, &[1, 254, 3, 260, 1, 1], window as u64, AT_ONCE, &|first, _| Visibility::Sliding {
            first,
            window,
        });
    }
}

#[test]
fn sequences_of_unlike_lengths_see_their_own_keys() {
    let shape = Shape { sequences: 3, heads: 4, kv_heads: 4, head_dim: 32 };
    let lengths = Arc::new(vec![1, 40, 17]);
    compare(shape, &[40], 2, AT_ONCE, &|_, _| Visibility::Lengths(lengths.clone()));
}

#[test]
fn a_call_in_parts_gives_the_bits_of_one() {
    let shape = Shape { sequences: 2, heads: 4, kv_heads: 2, head_dim: 8 };
    for bytes in [1, 20_000] {
        compare(shape, &[17, 20], 3, bytes, &|first, _| Visibility::Causal { first });
    }
}

/// Long enough that one round of warps does not reach, and the adding goes on.
#[test]
fn blocks_of_many_rounds_are_added_in_order() {
    let shape = Shape { sequences: 1, heads: 1, kv_heads: 1, head_dim: 4 };
    let visible = |first, _| Visibility::Sliding { first, window: 4400 };
    compare(shape, &[4500, 1], 3, AT_ONCE, &visible);
}
