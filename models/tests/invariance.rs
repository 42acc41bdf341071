//! `exact/1` and `exact/q8` give the same bits whatever the instruction set, threads, batch, split or layout.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use proofmark_models::decoder::{Decoder, DecoderSpec, LogitRows};
use proofmark_models::encoder::{Embedder, EncoderInput, EncoderSpec};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::{PackedLinear, linear_reference};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::{Error, Numerics, Output, Precision};
use proptest::prelude::*;

/// A precision of each arithmetic.
const ARITHMETICS: [Precision; 2] = [Precision::F32, Precision::Q8];

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn values(seed: u64, count: usize) -> Vec<f32> {
    Synthetic::new(seed).generate("values", count, Init::Matrix)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn llama() -> DecoderSpec {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
        "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 10, "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    });
    DecoderSpec::parse(json.as_object().unwrap()).unwrap()
}

fn ids(seed: u64, count: usize) -> Vec<u32> {
    values(seed, count).iter().map(|value| value.to_bits() % 97).collect()
}

/// Logits of all positions, the sequences fed in pieces of the given lengths.
fn logits(isa: Isa, precision: Precision, ids: &[Vec<u32>], pieces: &[usize]) -> Vec<Vec<u32>> {
    let (config, batch) = (llama(), ids.len());
    let weights = Weights::synthetic(5, precision);
    let model = Decoder::load(&config, &weights, ids[0].len(), Numerics::Exact(isa)).unwrap();
    let mut cache = model.cache(batch, ids[0].len()).unwrap();
    let mut rows = vec![Vec::new(); batch];
    let mut start = 0;
    for &length in pieces {
        let piece: Vec<u32> = ids.iter().flat_map(|ids| ids[start..start + length].to_vec()).collect();
        let logits = model.forward(&piece, &mut cache, LogitRows::All).unwrap();
        for (row, logits) in rows.iter_mut().zip(logits.values.chunks(length * 97)) {
            row.extend(logits.iter().map(|logit| logit.to_bits()));
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
            for rows in [1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 97] {
                let (x, w, b) = (values(1, rows * k), values(2, n * k), values(3, n));
                let expected = linear_reference(&x, &w, Some(&b), k, n);
                for isa in available() {
                    let packed = PackedLinear::new(&w, Some(b.clone()), k, Precision::F32, isa);
                    let mut y = Vec::new();
                    packed.forward(&Blocks::of_rows(&x, k), &mut y);
                    assert_eq!(bits(&y), bits(&expected), "{isa}: {rows} x {k} x {n}");
                }
            }
        }
    }
}

#[test]
fn packed_rows_read_back_as_they_were() {
    let (k, n) = (5, 70);
    let w = values(4, n * k);
    let packed = PackedLinear::new(&w, None, k, Precision::F32, Isa::Portable);
    let mut back = vec![0.0; n * k];
    for (output, row) in back.chunks_exact_mut(k).enumerate() {
        packed.copy_row(output, row);
    }
    assert_eq!(back, w);
}

#[test]
fn instruction_sets_agree_on_a_whole_model() {
    let ids = vec![ids(1, 40)];
    for precision in ARITHMETICS {
        let expected = logits(Isa::Portable, precision, &ids, &[40]);
        for isa in available() {
            assert_eq!(logits(isa, precision, &ids, &[40]), expected, "{precision} on {isa}");
        }
    }
}

#[test]
fn thread_counts_agree_on_a_whole_model() {
    let ids = vec![ids(2, 50), ids(3, 50)];
    for precision in ARITHMETICS {
        let expected = logits(Isa::detect(), precision, &ids, &[50]);
        for threads in [1, 2, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| logits(Isa::detect(), precision, &ids, &[50]));
            assert_eq!(found, expected, "{precision}, {threads} threads");
        }
    }
}

#[test]
fn decoding_across_the_block_of_256_keys_equals_prefill() {
    let ids = vec![ids(4, 270)];
    let mut pieces = vec![250];
    pieces.extend([1; 20]);
    for precision in ARITHMETICS {
        let whole = logits(Isa::detect(), precision, &ids, &[270]);
        assert_eq!(logits(Isa::detect(), precision, &ids, &pieces), whole, "{precision}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_batch_and_thread_count_give_the_bits_of_one_prefill(
        cuts in proptest::collection::vec(1_usize..9, 1..6),
        batch in 1_usize..4,
        threads in 1_usize..5,
        precision in proptest::sample::select(&ARITHMETICS[..]),
    ) {
        let length = cuts.iter().sum();
        let sequences: Vec<Vec<u32>> = (0..batch).map(|row| ids(10 + row as u64, length)).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let together = pool.install(|| logits(Isa::detect(), precision, &sequences, &cuts));
        for (sequence, rows) in sequences.iter().zip(&together) {
            let alone = logits(Isa::detect(), precision, std::slice::from_ref(sequence), &[length]);
            prop_assert_eq!(&alone[0], rows);
        }
    }
}

/// A generation of 20 tokens from each of some prompts of 12, and the model that made it.
fn generated(prompts: &[Vec<u32>]) -> (Decoder, Output) {
    let weights = Weights::synthetic(5, Precision::F32);
    let model = Decoder::load(&llama(), &weights, 40, Numerics::Exact(Isa::detect())).unwrap();
    let output = model.generate(prompts, 20, &mut |_| {}).unwrap().into_output();
    (model, output)
}

fn tokens(output: &Output) -> &[Vec<u32>] {
    let Output::Generation { tokens, .. } = output else { panic!("no generation") };
    tokens
}

#[test]
fn one_prefill_over_prompt_and_output_gives_the_generation_on_any_instruction_set_and_thread_count() {
    let prompts = [ids(7, 12), ids(8, 12), ids(9, 12)];
    let (_, output) = generated(&prompts);
    for isa in available() {
        let weights = Weights::synthetic(5, Precision::F32);
        let model = Decoder::load(&llama(), &weights, 40, Numerics::Exact(isa)).unwrap();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let replayed = pool.install(|| model.replay(&prompts, tokens(&output))).unwrap();
            assert_eq!(replayed.digest().unwrap(), output.digest().unwrap(), "{isa}");
        }
    }
}

#[test]
fn a_wrong_token_gives_another_output() {
    let prompts = [ids(7, 12), ids(8, 12)];
    let (model, output) = generated(&prompts);
    let digest = output.digest().unwrap();
    let replay = |change: &dyn Fn(&mut Vec<Vec<u32>>)| {
        let mut wrong = tokens(&output).to_vec();
        change(&mut wrong);
        model.replay(&prompts, &wrong)
    };
    let right = tokens(&output)[1][7];
    for step in [0, 7, 19] {
        let replayed = replay(&|tokens| tokens[1][step] = (tokens[1][step] + 1) % 97).unwrap();
        // The model chooses what it chose, up to the wrong token; a wrong last one is never looked at.
        assert_eq!(self::tokens(&replayed)[1][..=step], tokens(&output)[1][..=step]);
        assert_eq!(replayed.digest().unwrap() == digest, step == 19);
    }
    // The prompt takes part as well.
    let other = model.replay(&[ids(7, 12), ids(9, 12)], tokens(&output)).unwrap();
    assert_ne!(other.digest().unwrap(), digest);
    assert!(replay(&|tokens| tokens[0].truncate(19)).is_err());
    assert!(replay(&|tokens| drop(tokens.pop())).is_err());
    assert!(replay(&|tokens| tokens.iter_mut().for_each(Vec::clear)).is_err());
    assert!(replay(&|tokens| tokens[0][3] = 97).is_err());
    assert!(model.replay(&[vec![], vec![]], tokens(&output)).is_err());
    // More than the model takes is refused before anything is allocated for it.
    let long = vec![vec![right; 1 << 20]; 2];
    assert!(matches!(model.replay(&prompts, &long), Err(Error::InvalidInput(_))));
    assert!(matches!(model.generate(&prompts, usize::MAX, &mut |_| {}), Err(Error::InvalidInput(_))));
}

#[test]
fn padding_and_batch_do_not_reach_an_embedding() {
    let json = serde_json::json!({
        "model_type": "bert", "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    let config = EncoderSpec::parse(json.as_object().unwrap()).unwrap();
    let model =
        Embedder::load(&config, &Weights::synthetic(6, Precision::F32), Numerics::Exact(Isa::detect()))
            .unwrap();
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
fn a_sequence_without_tokens_is_an_error() {
    let json = serde_json::json!({
        "model_type": "bert", "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 4, "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    let config = EncoderSpec::parse(json.as_object().unwrap()).unwrap();
    let weights = Weights::synthetic(6, Precision::F32);
    let model = Embedder::load(&config, &weights, Numerics::Exact(Isa::Portable)).unwrap();
    for lengths in [vec![0], vec![3]] {
        let input = EncoderInput { ids: vec![1, 2], token_types: vec![0, 0], lengths: Arc::new(lengths) };
        assert!(matches!(model.embed(&input), Err(Error::InvalidInput(_))));
    }
}
