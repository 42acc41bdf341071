//! `exact/1` gives the same bits for every family of decoders, whatever the instruction set, device, threads, batch or split.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "devices/mod.rs"]
mod devices;

use std::fs;
use std::path::{Path, PathBuf};

use devices::devices;
use proofmark_models::decoder::{Decoder, DecoderSpec, LogitRows};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision};

const TOKENS: usize = 60;

/// The fixtures that are decoders, one of each family at least.
fn decoders() -> Vec<(PathBuf, DecoderSpec)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folders = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let decoder = |folder: PathBuf| {
        let config = serde_json::from_slice(&fs::read(folder.join("config.json")).ok()?).unwrap();
        let spec = DecoderSpec::parse(&config).ok()?;
        (spec.max_position_embeddings >= TOKENS).then_some((folder, spec))
    };
    folders.filter_map(decoder).collect()
}

/// Weights of a fixture, whose decoder runs by `numerics`.
fn load(folder: &Path, spec: &DecoderSpec, precision: Precision, numerics: Numerics) -> Decoder {
    Decoder::load(spec, &Weights::local(folder, precision).unwrap(), TOKENS, numerics).unwrap()
}

fn ids(sequence: usize, vocab: usize) -> Vec<u32> {
    (0..TOKENS).map(|at| ((at * at * 7 + at * 13 + sequence * 29) % vocab) as u32).collect()
}

/// Logits by sequence, the tokens fed in pieces of the given lengths.
fn logits(model: &Decoder, sequences: &[Vec<u32>], pieces: &[usize]) -> Vec<Vec<u32>> {
    let mut cache = model.cache(sequences.len(), TOKENS).unwrap();
    let mut rows = vec![Vec::new(); sequences.len()];
    let mut start = 0;
    for &length in pieces {
        let piece: Vec<u32> = sequences.iter().flat_map(|ids| &ids[start..start + length]).copied().collect();
        let logits = model.forward(&piece, &mut cache, LogitRows::All).unwrap();
        let by_sequence = logits.values.chunks_exact(logits.values.len() / sequences.len());
        rows.iter_mut()
            .zip(by_sequence)
            .for_each(|(row, logits)| row.extend(logits.iter().map(|x| x.to_bits())));
        start += length;
    }
    rows
}

#[test]
fn every_family_is_here() {
    let names: Vec<String> = decoders()
        .into_iter()
        .map(|(folder, _)| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for family in ["llama", "qwen2", "qwen3_head", "qwen3_moe", "mistral", "gemma3"] {
        assert!(names.iter().any(|name| name.starts_with(family)), "{family}");
    }
}

#[test]
fn batch_split_threads_and_instruction_set_do_not_reach_a_bit() {
    for (folder, spec) in decoders() {
        let load = |isa| load(&folder, &spec, Precision::F32, Numerics::Exact(isa));
        let sequences = [ids(0, spec.vocab_size), ids(1, spec.vocab_size), ids(2, spec.vocab_size)];
        let expected: Vec<Vec<u32>> = sequences
            .iter()
            .flat_map(|ids| logits(&load(Isa::Portable), std::slice::from_ref(ids), &[TOKENS]))
            .collect();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let model = load(isa);
            for pieces in [vec![TOKENS], vec![1, 17, 16, 1, 25], vec![1; TOKENS]] {
                assert_eq!(logits(&model, &sequences, &pieces), expected, "{} on {isa}", folder.display());
            }
        }
        let model = load(Isa::detect());
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let together = pool.install(|| logits(&model, &sequences, &[TOKENS]));
            assert_eq!(together, expected, "{}, {threads} threads", folder.display());
        }
    }
}

#[test]
fn devices_give_the_bits_of_the_processor_in_every_precision_and_split() {
    for (folder, spec) in decoders() {
        for precision in Precision::ALL {
            let sequences = [ids(0, spec.vocab_size), ids(1, spec.vocab_size)];
            let processor = load(&folder, &spec, precision, Numerics::Exact(Isa::detect()));
            let expected = logits(&processor, &sequences, &[TOKENS]);
            for device in devices() {
                let model = load(&folder, &spec, precision, Numerics::ExactOn(device));
                for pieces in [vec![TOKENS], vec![7, 1, 1, TOKENS - 9]] {
                    let actual = logits(&model, &sequences, &pieces);
                    assert_eq!(actual, expected, "{} in {precision} on {device:?}", folder.display());
                }
            }
        }
    }
}
