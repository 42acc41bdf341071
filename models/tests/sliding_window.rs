//! Attention over windows of keys against its definition (`EXACT.md`, section 5), one query and key at a time.

use proofmark_models::exact::attention::{Attention, Visibility, score_scale};
use proofmark_models::exact::function::exp;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::kv_cache::{Columns, KvCache};
use proofmark_models::exact::linear::linear_reference;
use proofmark_models::exact::sum::sum;
use proofmark_models::weights::{Init, Synthetic};

const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 6;
const BLOCK: usize = 256;

/// `(tokens, HEADS + 2 * KV_HEADS, HEAD_DIM)`: queries, keys, values.
fn rows(tokens: usize) -> Vec<f32> {
    let values = Synthetic::new(3).generate("rows", tokens * (HEADS + 2 * KV_HEADS) * HEAD_DIM, Init::Bias);
    // Scores of a few units, so that weights differ.
    values.into_iter().map(|x| x * 150.0).collect()
}

fn part(rows: &[f32], token: usize, head: usize) -> &[f32] {
    &rows[(token * (HEADS + 2 * KV_HEADS) + head) * HEAD_DIM..][..HEAD_DIM]
}

fn attention_reference(rows: &[f32], token: usize, head: usize, window: usize) -> Vec<f32> {
    let first = (token + 1).saturating_sub(window);
    let kv_head = head / (HEADS / KV_HEADS);
    let scores: Vec<f32> = (first..=token)
        .map(|key| {
            let (q, k) = (part(rows, token, head), part(rows, key, HEADS + kv_head));
            linear_reference(q, k, None, HEAD_DIM, 1)[0] * score_scale(HEAD_DIM as f32)
        })
        .collect();
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = scores.iter().map(|score| exp(score - largest)).collect();
    let total = sum(&weights, first);
    let weighted = |dim: usize| {
        let mut value = None;
        for block in first / BLOCK..=token / BLOCK {
            let mut chain = 0.0_f32;
            for key in first.max(block * BLOCK)..=token.min(block * BLOCK + BLOCK - 1) {
                let v = part(rows, key, HEADS + KV_HEADS + kv_head)[dim];
                chain = weights[key - first].mul_add(v, chain);
            }
            value = Some(value.map_or(chain, |value: f32| value + chain));
        }
        value.unwrap_or(0.0) / total
    };
    (0..HEAD_DIM).map(weighted).collect()
}

/// The outputs of all tokens, fed in calls of the given sizes.
fn attended(rows: &[f32], window: usize, calls: &[usize], isa: Isa) -> Vec<f32> {
    let tokens = calls.iter().sum();
    let stride = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
    let columns = Columns { stride, keys: HEADS * HEAD_DIM, values: (HEADS + KV_HEADS) * HEAD_DIM };
    let mut cache = KvCache::new(1, KV_HEADS, HEAD_DIM, tokens);
    let (mut all, mut first) = (Vec::new(), 0);
    for call in calls {
        let rows = &rows[first * stride..][..call * stride];
        cache.append(rows, columns);
        let visibility = Visibility::Sliding { first, window };
        let scale = score_scale(HEAD_DIM as f32);
        let mut output = Vec::new();
        Attention { cache: &cache, visibility: &visibility, heads: HEADS, scale, isa }.forward(
            rows,
            stride,
            &mut output,
        );
        all.extend(output);
        first += call;
    }
    all
}

#[test]
fn windows_of_every_size_follow_the_definition_however_the_sequence_is_split() {
    let tokens = 600;
    let rows = rows(tokens);
    let decoded: Vec<usize> = [250].into_iter().chain([1; 15]).chain([335]).collect();
    for window in [1, 2, 3, 5, 15, 16, 17, 100, 255, 256, 257, 300, 511, 512, 513, 599, 600, 5000] {
        let expected: Vec<u32> = (0..tokens)
            .flat_map(|token| (0..HEADS).map(move |head| (token, head)))
            .flat_map(|(token, head)| attention_reference(&rows, token, head, window))
            .map(f32::to_bits)
            .collect();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            for calls in [&[tokens][..], &decoded] {
                let actual = attended(&rows, window, calls, isa);
                let wrong = actual.iter().zip(&expected).position(|(a, b)| a.to_bits() != *b);
                assert_eq!(wrong, None, "window {window}, {isa}, {} calls", calls.len());
            }
        }
    }
}
