//! Files that are not what they should be: an error that names file or tensor, and nothing that is taken for weights.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use proofmark_models::weights::{Init, Weights};
use proofmark_models::{Error, Precision};
use tempfile::TempDir;

/// A file with this header, and so many bytes behind it.
fn safetensors(header: &str, data_bytes: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data_bytes]].concat()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Result<Weights, Error> {
    Weights::local(folder, Precision::F32)
}

/// The refusal of a file, from its name on.
fn refusal(bytes: &[u8]) -> String {
    let folder = folder(&[("model.safetensors", bytes)]);
    let error = open(folder.path()).unwrap_err().to_string();
    error.split_once("model.safetensors ").unwrap().1.to_owned()
}

#[test]
fn a_header_that_cannot_be_is_refused_before_memory_is_taken_for_it() {
    for length in [3_u64, 1 << 24, (1 << 24) + 1, 1 << 40, u64::MAX - 7, u64::MAX] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        assert_eq!(refusal(&bytes), format!("is damaged: header of {length} bytes in a file of 10"));
    }
    for bytes in [&b""[..], b"\x02\0\0"] {
        assert!(refusal(bytes).starts_with("is damaged: it ends after"));
    }
    for header in [
        "",
        "[]",
        "{",
        "null",
        "{\"a\":1}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
    ] {
        assert!(refusal(&safetensors(header, 4)).starts_with("is damaged: "), "{header}");
    }
}

#[test]
fn tensors_that_overlap_leave_gaps_or_end_elsewhere_are_refused_by_name() {
    let pair = |a: &str, b: &str| {
        let tensor =
            |offsets: &str| format!("{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[{offsets}]}}");
        refusal(&safetensors(&format!("{{\"first\":{},\"second\":{}}}", tensor(a), tensor(b)), 16))
    };
    for (a, b) in [("0,8", "4,12"), ("0,8", "0,8"), ("0,8", "9,17"), ("8,0", "8,16")] {
        let refusal = pair(a, b);
        assert!(refusal.contains("first") || refusal.contains("second"), "{a} {b}: {refusal}");
    }
    for (a, b) in [("0,8", "8,12"), ("0,8", "8,24")] {
        assert!(pair(a, b).starts_with("is damaged: "), "{a} {b}");
    }
    let short = refusal(&safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7));
    assert!(short.starts_with("is damaged: 69 bytes long, its header says 70"), "{short}");
}

#[test]
fn shapes_that_no_machine_holds_are_refused() {
    for shape in ["4611686018427387904,4", "18446744073709551615,18446744073709551615", "9223372036854775807"]
    {
        let header = format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[0,4]}}}}");
        assert!(refusal(&safetensors(&header, 4)).starts_with("is damaged: "), "{shape}");
    }
    // Sizes that only together are more than can be counted: the sum must not come round to the file's length.
    let quarter = 1_u64 << 61;
    let mut header = String::from("{");
    for index in 0..7 {
        let (start, end) = (index * quarter, (index + 1) * quarter);
        header += &format!(
            "\"t{index}\":{{\"dtype\":\"U8\",\"shape\":[{quarter}],\"data_offsets\":[{start},{end}]}},"
        );
    }
    let (start, size) = (7 * quarter, quarter - 1);
    header += &format!(
        "\"t7\":{{\"dtype\":\"U8\",\"shape\":[{size}],\"data_offsets\":[{start},{}]}}}}",
        start + size
    );
    let refusal = refusal(&safetensors(&header, 0));
    assert!(refusal.starts_with("is damaged: "), "{refusal}");
}

#[test]
fn a_tensor_that_is_missing_or_of_another_type_or_vocabulary_is_named() {
    let header = "{\"embed\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},\
                  \"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[24,32]}}";
    let folder = folder(&[("model.safetensors", &safetensors(header, 32))]);
    let weights = open(folder.path()).unwrap();
    let refusal = |name: &str, shape: &[usize]| {
        weights.root().tensor(name, shape, Init::Matrix).unwrap_err().to_string()
    };
    assert_eq!(weights.root().tensor("embed", &[3, 2], Init::Matrix).unwrap(), [0.0; 6]);
    assert_eq!(refusal("lm_head", &[3, 2]), "weights have no tensor `lm_head`");
    assert_eq!(refusal("embed", &[4, 2]), "tensor `embed` has shape [3, 2], expected [4, 2]");
    assert_eq!(
        refusal("embed", &[1 << 60, 2]),
        format!("config is not valid: tensor `embed` of [{}, 2]: too large", 1_u64 << 60)
    );
    assert_eq!(refusal("ids", &[1]), "tensor `ids` is stored as I64, expected F32, F16 or BF16");
}

#[test]
fn a_pickle_is_named_and_never_opened_as_one() {
    for (name, bytes) in [
        ("pytorch_model.bin", &b"anything"[..]),
        ("model.pt", b""),
        // Under a name that is taken for another format.
        ("model.safetensors", b"PK\x03\x04archive/data.pkl"),
        ("model.safetensors", b"\x80\x02cos\nsystem\n"),
    ] {
        let folder = folder(&[(name, bytes)]);
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(&error, Error::Pickle { path } if path.ends_with(name)), "{error}");
        assert!(error.to_string().ends_with("weights are taken from safetensors alone"), "{error}");
    }
    // One beside the weights is not looked at.
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    assert!(
        open(folder(&[("model.safetensors", &safetensors(header, 4)), ("pytorch_model.bin", b"")]).path())
            .is_ok()
    );
}

#[test]
fn an_index_that_leads_elsewhere_is_refused() {
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    let shard = safetensors(header, 4);
    let index = |shard: &str| format!("{{\"weight_map\":{{\"a\":\"{shard}\",\"b\":\"{shard}\"}}}}");
    let with = |text: &str| {
        folder(&[("model.safetensors.index.json", text.as_bytes()), ("one.safetensors", &shard)])
    };
    let found = with(&index("one.safetensors"));
    let weights = open(found.path()).unwrap();
    assert_eq!(weights.root().tensor("a", &[1], Init::Matrix).unwrap(), [0.0]);
    // The index promises what the shard lacks.
    assert!(
        matches!(weights.root().tensor("b", &[1], Init::Matrix), Err(Error::MissingTensor { name }) if name == "b")
    );
    for shard in ["../one.safetensors", "/etc/passwd", "..", "a/one.safetensors", ""] {
        assert!(matches!(open(with(&index(shard)).path()), Err(Error::Damaged { .. })), "{shard}");
    }
    assert!(matches!(open(with(&index("two.safetensors")).path()), Err(Error::Unreadable { .. })));
    assert!(matches!(open(with("{\"weight_map\":1}").path()), Err(Error::Damaged { .. })));
}
