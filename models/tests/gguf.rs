//! Weights from GGUF: what `gguf` of llama.cpp wrote (`models/fixtures/make_gguf.py`), and files that are not what they should be.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::exact::isa::Isa;
use proofmark_models::weights::{Init, Weights};
use proofmark_models::{Error, Numerics, Output, Precision};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gguf")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture().join(name)).unwrap()).unwrap()
}

fn logits(precision: Precision, numerics: Numerics) -> (Vec<f32>, [u8; 32]) {
    let config = DecoderSpec::parse(json("config.json").as_object().unwrap()).unwrap();
    let weights = Weights::local(&fixture(), precision).unwrap();
    let model = Decoder::load(&config, &weights, 16, numerics).unwrap();
    let generation = model.generate(&[vec![1, 5, 9, 60]], 4, &mut |_| {}).unwrap();
    let Output::Generation { logits, .. } = generation.into_output() else { panic!("no generation") };
    (logits, weights.digest())
}

#[test]
fn every_block_format_name_and_order_of_rows_is_read_as_llama_cpp_writes_it() {
    let (_, digest) = logits(Precision::F32, Numerics::Exact(Isa::detect()));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(Value::from(digest), json("expected.json")["weights_digest"]);
}

#[test]
fn all_numerics_run_on_such_weights_and_come_to_similar_logits() {
    let (expected, digest) = logits(Precision::F32, Numerics::Exact(Isa::detect()));
    let scale = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    for (precision, numerics, tolerance) in [
        (Precision::F32, Numerics::Native, 1e-5),
        (Precision::Q8, Numerics::Native, 0.05),
        (Precision::Q8, Numerics::Exact(Isa::detect()), 0.05),
    ] {
        let (actual, same) = logits(precision, numerics);
        assert_eq!(same, digest, "{precision} {numerics}");
        let gap = actual[..64].iter().zip(&expected).fold(0.0_f32, |gap, (a, e)| gap.max((a - e).abs()));
        assert!(gap <= tolerance * scale, "{precision} {numerics}: {gap} of {scale}");
    }
}

#[test]
fn blocks_of_eight_bits_are_handed_on_as_they_are_stored() {
    let weights = Weights::local(&fixture(), Precision::Q8).unwrap();
    let layer = weights.root().child("model.layers.0.mlp");
    let (up, gate) = (layer.child("up_proj"), layer.child("gate_proj"));
    let blocks = up.q8_0_blocks("weight", &[64, 256]).unwrap().unwrap();
    let values = up.tensor("weight", &[64, 256], Init::Matrix).unwrap();
    for (block, values) in blocks.chunks_exact(34).zip(values.chunks_exact(32)) {
        let scale = half::f16::from_le_bytes([block[0], block[1]]).to_f32();
        for (byte, value) in block[2..].iter().zip(values) {
            assert_eq!(f32::from(byte.cast_signed()) * scale, *value);
        }
    }
    assert_eq!(gate.q8_0_blocks("weight", &[64, 256]).unwrap(), None);
}

/// A file, piece by piece.
#[derive(Clone)]
struct File {
    magic: [u8; 4],
    version: u32,
    /// Instead of the number of tensors.
    tensor_count: Option<u64>,
    fields: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data_bytes: usize,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn field(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&text(name), &kind.to_le_bytes()[..], value].concat()
}

fn tensor(name: &str, dims: &[u64], type_number: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend((dims.len() as u32).to_le_bytes());
    bytes.extend(dims.iter().flat_map(|size| size.to_le_bytes()));
    bytes.extend(type_number.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

impl File {
    /// `output_norm.weight` of eight f32 and `output.weight` of two rows in Q8_0.
    fn honest() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            fields: vec![
                field("general.architecture", 8, &text("llama")),
                field("llama.attention.head_count", 4, &2_u32.to_le_bytes()),
            ],
            tensors: vec![tensor("output_norm.weight", &[8], 0, 0), tensor("output.weight", &[32, 2], 8, 32)],
            data_bytes: 32 + 68,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.fields.len() as u64).to_le_bytes());
        bytes.extend(self.fields.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + self.data_bytes, 0);
        bytes
    }
}

fn open(bytes: &[u8]) -> Result<Weights, Error> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.gguf"), bytes).unwrap();
    // The header is read at once, so the folder may go.
    Weights::local(folder.path(), Precision::F32)
}

#[track_caller]
fn assert_refused(change: impl FnOnce(&mut File), fact: &str) {
    let mut file = File::honest();
    change(&mut file);
    let error = open(&file.bytes()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains(fact), "{error}, expected: {fact}");
}

#[test]
fn what_damaged_headers_say_is_refused() {
    assert!(open(&File::honest().bytes()).is_ok());
    assert_refused(|file| file.magic = *b"GGML", "does not begin with `GGUF`");
    assert_refused(|file| file.version = 1, "GGUF version 1");
    assert_refused(|file| file.tensor_count = Some(u64::MAX), "tensors, more than the limit");
    assert_refused(|file| file.tensor_count = Some(60_000), "0 dimensions");
    assert_refused(|file| file.fields = vec![Vec::new(); 5000], "fields, more than the limit");
    assert_refused(|file| drop(file.fields.remove(1)), "no `llama.attention.head_count`");
    assert_refused(|file| file.fields[0] = field("general.architecture", 8, &text("mamba")), "`mamba`");
    assert_refused(|file| file.fields.push(field("x", 13, &[])), "field of type 13");
    assert_refused(
        |file| file.fields.push(u64::MAX.to_le_bytes().to_vec()),
        "a name of 18446744073709551615 bytes",
    );
    assert_refused(
        |file| file.fields.push([&1_u64.to_le_bytes()[..], &[0xff], &[4, 0, 0, 0]].concat()),
        "UTF-8",
    );
    assert_refused(|file| file.fields.push(field("x", 8, &u64::MAX.to_le_bytes())), "no end");
    let array = |kind: u32, count: u64| [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat();
    assert_refused(|file| file.fields.push(field("x", 9, &array(4, u64::MAX))), "no end");
    assert_refused(|file| file.fields.push(field("x", 9, &array(8, u64::MAX))), "no end");
    assert_refused(|file| file.fields.push(field("x", 9, &array(9, 1))), "array of values of type 9");
    for alignment in [0_u32, 3, 1 << 20] {
        let field = field("general.alignment", 4, &alignment.to_le_bytes());
        assert_refused(|file| file.fields.push(field), "alignment");
    }
    assert_refused(|file| file.tensors[0] = tensor("a", &[], 0, 0), "0 dimensions");
    assert_refused(|file| file.tensors[0] = tensor("a", &[1; 5], 0, 0), "5 dimensions");
    assert_refused(|file| file.tensors[0] = tensor("a", &[u64::MAX, 8], 0, 0), "too large");
    assert_refused(|file| file.tensors[0] = tensor("a", &[1 << 62], 0, 0), "too large");
    assert_refused(|file| file.tensors[0] = tensor("a", &[1 << 40], 0, 0), "beyond the file");
    assert_refused(|file| file.tensors[1] = tensor("a", &[33], 8, 32), "rows of 33 elements");
    assert_refused(|file| file.tensors[1] = tensor("a", &[32, 2], 8, 33), "not aligned");
    assert_refused(|file| file.tensors[1] = tensor("a", &[32, 2], 8, 64), "beyond the file");
    assert_refused(|file| file.tensors[1] = tensor("a", &[32, 2], 8, u64::MAX - 31), "beyond the file");
    assert_refused(|file| file.tensors[1] = tensor("a", &[32, 2], 8, 0), "overlap");
    assert_refused(|file| file.tensors[1] = tensor("output_norm.weight", &[32, 2], 8, 32), "twice");
    assert_refused(|file| file.data_bytes -= 1, "beyond the file");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let bytes = fs::read(fixture().join("model.gguf")).unwrap();
    for length in (0..bytes.len()).step_by(97).chain(bytes.len() - 40..bytes.len()) {
        // The last tensor is filled up to the alignment.
        let is_whole = length == bytes.len();
        assert_eq!(open(&bytes[..length]).is_ok(), is_whole, "{length} of {}", bytes.len());
    }
}

#[test]
fn unknown_formats_wrong_shapes_and_missing_tensors_are_named() {
    let mut file = File::honest();
    file.tensors.push(tensor("token_embd.weight", &[32, 2], 10, 0));
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.gguf"), file.bytes()).unwrap();
    let weights = Weights::local(folder.path(), Precision::F32).unwrap();
    let load = |scope: &str, shape: &[usize]| {
        weights.root().child(scope).tensor("weight", shape, Init::Matrix).map_err(|error| error.to_string())
    };
    assert!(load("lm_head", &[2, 32]).is_ok() && load("model.norm", &[8]).is_ok());
    assert!(load("model.embed_tokens", &[2, 32]).unwrap_err().contains("GGUF type 10"));
    assert!(load("lm_head", &[32, 2]).unwrap_err().contains("expected [32, 2]"));
    assert!(load("model.layers.0.mlp.up_proj", &[2, 32]).unwrap_err().contains("no tensor"));
    assert!(load("bert.pooler", &[2, 32]).unwrap_err().contains("no tensor"));
    fs::write(folder.path().join("other.gguf"), b"").unwrap();
    assert!(
        Weights::local(folder.path(), Precision::F32).unwrap_err().to_string().contains("another GGUF file")
    );
}

#[test]
fn a_scale_that_is_not_finite_is_refused() {
    let mut bytes = File::honest().bytes();
    let start = bytes.len() - 68;
    bytes[start..start + 2].copy_from_slice(&half::f16::INFINITY.to_le_bytes());
    bytes[start + 2] = 1;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.gguf"), bytes).unwrap();
    let weights = Weights::local(folder.path(), Precision::Q8).unwrap();
    let found = weights.root().child("lm_head").tensor("weight", &[2, 32], Init::Matrix);
    assert!(matches!(found, Err(Error::NonFiniteWeight { index: 0, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_are_refused_or_read_but_never_worse(
        changes in proptest::collection::vec((0_usize..2000, any::<u8>()), 1..4),
    ) {
        let mut bytes = File::honest().bytes();
        let length = bytes.len();
        for (place, byte) in changes {
            bytes[place % length] = byte;
        }
        drop(open(&bytes));
    }
}
