//! `exact/1` gives the same bits whatever the instruction set, threads, batch, split or layout.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use candle_core::{Device, Tensor};
use proofmark_models::bert::{BertConfig, BertEmbedder, EncoderInput};
use proofmark_models::exact::attention::{Attention, Visibility};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::{PackedLinear, linear_reference};
use proofmark_models::llama::{Llama, LlamaConfig, LogitRows};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::{Numerics, Output};
use proptest::prelude::*;

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn values(seed: u64, count: usize) -> Vec<f32> {
    Synthetic::new(seed).generate("values", count, Init::Matrix)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn llama() -> LlamaConfig {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
        "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 10, "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    });
    LlamaConfig::parse(json.as_object().unwrap()).unwrap()
}

fn ids(seed: u64, count: usize) -> Vec<u32> {
    values(seed, count).iter().map(|value| value.to_bits() % 97).collect()
}

/// Logits of all positions, the sequences fed in pieces of the given lengths.
fn logits(isa: Isa, ids: &[Vec<u32>], pieces: &[usize]) -> Vec<Vec<u32>> {
    let (config, batch) = (llama(), ids.len());
    let model = Llama::load(&config, &Weights::synthetic(5), ids[0].len(), Numerics::Exact(isa)).unwrap();
    let mut cache = model.cache(ids[0].len());
    let mut rows = vec![Vec::new(); batch];
    let mut start = 0;
    for &length in pieces {
        let piece: Vec<u32> = ids.iter().flat_map(|ids| ids[start..start + length].to_vec()).collect();
        let logits = model.forward(&piece, batch, &mut cache, LogitRows::All).unwrap();
        for (row, logits) in rows.iter_mut().zip(logits.to_vec3::<f32>().unwrap()) {
            row.extend(logits.iter().flatten().map(|logit| logit.to_bits()));
        }
        start += length;
    }
    assert_eq!(start, ids[0].len());
    rows
}

#[test]
fn linear_equals_its_definition_around_every_boundary() {
    for k in [1, 2, 15, 16, 17, 255, 256, 257, 511, 512, 513, 770] {
        for n in [1, 31, 32, 33, 64, 65] {
            for rows in [1, 2, 3, 4, 5, 7, 8, 9, 13] {
                let (x, w, b) = (values(1, rows * k), values(2, n * k), values(3, n));
                let expected = linear_reference(&x, &w, Some(&b), k, n);
                for isa in available() {
                    let packed = PackedLinear::new(&w, Some(b.clone()), k, n, isa);
                    assert_eq!(bits(&packed.forward(&x)), bits(&expected), "{isa}: {rows} x {k} x {n}");
                }
            }
        }
    }
}

#[test]
fn packed_rows_read_back_as_they_were() {
    let (k, n) = (5, 70);
    let w = values(4, n * k);
    let packed = PackedLinear::new(&w, None, k, n, Isa::Portable);
    let back: Vec<f32> = (0..n).flat_map(|output| packed.row(output).collect::<Vec<_>>()).collect();
    assert_eq!(back, w);
}

#[test]
fn instruction_sets_agree_on_a_whole_model() {
    let ids = vec![ids(1, 40)];
    let expected = logits(Isa::Portable, &ids, &[40]);
    for isa in available() {
        assert_eq!(logits(isa, &ids, &[40]), expected, "{isa}");
    }
}

#[test]
fn thread_counts_agree_on_a_whole_model() {
    let ids = vec![ids(2, 50), ids(3, 50)];
    let expected = logits(Isa::detect(), &ids, &[50]);
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| logits(Isa::detect(), &ids, &[50])), expected, "{threads} threads");
    }
}

#[test]
fn decoding_across_the_block_of_256_keys_equals_prefill() {
    let ids = vec![ids(4, 270)];
    let mut pieces = vec![250];
    pieces.extend([1; 20]);
    assert_eq!(logits(Isa::detect(), &ids, &pieces), logits(Isa::detect(), &ids, &[270]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_and_any_batch_give_the_bits_of_one_prefill(
        cuts in proptest::collection::vec(1_usize..9, 1..6),
        batch in 1_usize..4,
    ) {
        let length = cuts.iter().sum();
        let sequences: Vec<Vec<u32>> = (0..batch).map(|row| ids(10 + row as u64, length)).collect();
        let together = logits(Isa::detect(), &sequences, &cuts);
        for (sequence, rows) in sequences.iter().zip(&together) {
            let alone = logits(Isa::detect(), std::slice::from_ref(sequence), &[length]);
            prop_assert_eq!(&alone[0], rows);
        }
    }
}

#[test]
fn generation_equals_one_prefill_over_prompt_and_output() {
    let model = Llama::load(&llama(), &Weights::synthetic(5), 40, Numerics::Exact(Isa::detect())).unwrap();
    let prompt = ids(7, 12);
    let generated = model.generate(std::slice::from_ref(&prompt), 20, &mut |_| {}).unwrap();
    let tokens = generated.tokens[0].clone();
    let Output::Generation { logits, .. } = generated.into_output() else { panic!("no generation") };

    let all = [prompt.clone(), tokens].concat();
    let mut cache = model.cache(all.len());
    let prefill =
        model.forward(&all, 1, &mut cache, LogitRows::All).unwrap().to_vec3::<f32>().unwrap().remove(0);
    let expected = prefill[prompt.len() - 1..all.len() - 1].concat();
    assert_eq!(bits(&logits), bits(&expected));
}

#[test]
fn padding_and_batch_do_not_reach_an_embedding() {
    let json = serde_json::json!({
        "model_type": "bert", "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    let config = BertConfig::parse(json.as_object().unwrap()).unwrap();
    let model = BertEmbedder::load(&config, &Weights::synthetic(6), Numerics::Exact(Isa::detect())).unwrap();
    let embed = |sequences: &[Vec<u32>], seq: usize| {
        let padded = |ids: &Vec<u32>| [ids.clone(), vec![0; seq - ids.len()]].concat();
        let ids: Vec<u32> = sequences.iter().flat_map(padded).collect();
        let token_types = vec![0; ids.len()];
        let lengths = Arc::new(sequences.iter().map(Vec::len).collect());
        let Output::Embedding { values, .. } =
            model.embed(&EncoderInput { ids, token_types, lengths }).unwrap()
        else {
            panic!("no embedding")
        };
        bits(&values)
    };
    let sequences = [ids(1, 9), ids(2, 33), ids(3, 20)];
    let together = embed(&sequences, 40);
    for (index, sequence) in sequences.iter().enumerate() {
        let alone = embed(std::slice::from_ref(sequence), sequence.len());
        assert_eq!(together[index * 32..(index + 1) * 32], alone, "sequence {index}");
    }
}

#[test]
fn attention_does_not_depend_on_strides() {
    let (batch, heads, kv_heads, seq, head_dim) = (2, 4, 2, 9, 8);
    let tensor = |seed, heads: usize| {
        // laid out (batch, seq, heads, head_dim), seen as (batch, heads, seq, head_dim)
        let data = values(seed, batch * seq * heads * head_dim);
        Tensor::from_vec(data, (batch, seq, heads, head_dim), &Device::Cpu).unwrap().transpose(1, 2).unwrap()
    };
    let (q, k, v) = (tensor(1, heads), tensor(2, kv_heads), tensor(3, kv_heads));
    let isa = Isa::detect();
    let attention = Attention { scale: 0.3, visibility: Visibility::Causal { first: 0 }, isa };
    let run = |q: &Tensor, k: &Tensor, v: &Tensor| {
        let output = q.apply_op3_no_bwd(k, v, &attention).unwrap();
        bits(&output.flatten_all().unwrap().to_vec1::<f32>().unwrap())
    };
    let packed = |x: &Tensor| x.contiguous().unwrap();
    assert_eq!(run(&q, &k, &v), run(&packed(&q), &packed(&k), &packed(&v)));
}

#[test]
fn a_query_that_sees_no_key_is_an_error() {
    let x = Tensor::zeros((1, 1, 2, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    for lengths in [vec![0], vec![3]] {
        let visibility = Visibility::Lengths(Arc::new(lengths));
        let attention = Attention { scale: 1.0, visibility, isa: Isa::Portable };
        assert!(x.apply_op3_no_bwd(&x, &x, &attention).is_err());
    }
}
