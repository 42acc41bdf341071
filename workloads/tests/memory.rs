//! The estimate of memory against peaks that were measured on one machine with two threads, 2026-11-21:
//! `proofmark certify --suite FILE`, column memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_workloads::{Numerics, Suite, embedded, embedded_suite};

const MIB: u64 = 1 << 20;

/// Of the suite `smoke`: the greater of two runs, in MiB.
const SMOKE: [(&str, u64); 20] = [
    ("chat-135m-exact-f32", 547),
    ("chat-135m-native-f32", 534),
    ("chat-135m-exact-bf16", 299),
    ("code-135m-exact-f32", 550),
    ("code-135m-native-f32", 546),
    ("code-135m-exact-bf16", 303),
    ("chat-15m-exact-f32", 79),
    ("chat-15m-native-f32", 77),
    ("chat-15m-exact-bf16", 61),
    ("chat-15m-native-bf16", 80),
    ("summary-15m-exact-f32", 120),
    ("summary-15m-native-f32", 99),
    ("embed-query-minilm-exact-f32", 98),
    ("embed-query-minilm-native-f32", 96),
    ("embed-documents-bge-exact-f32", 187),
    ("embed-documents-bge-native-f32", 155),
    ("rerank-tinybert-exact-f32", 39),
    ("rerank-tinybert-native-f32", 31),
    ("rerank-minilm-exact-f32", 144),
    ("rerank-minilm-native-f32", 115),
];

/// Of `data/memory.toml`, in MiB.
const LARGER: [(&str, u64); 25] = [
    ("u15-1024-b8-exact-f32", 379),
    ("u15-1024-b8-exact-bf16", 324),
    ("u15-1024-b8-native-f32", 883),
    ("u15-small-exact-f32", 138),
    ("u15-small-exact-bf16", 93),
    ("u15-small-exact-f16", 94),
    ("u15-small-native-f32", 104),
    ("u15-small-native-bf16", 92),
    ("t135-2048-exact-f32", 673),
    ("t135-2048-exact-bf16", 419),
    ("t135-2048-native-f32", 1092),
    ("bge-512-b16-exact-f32", 371),
    ("bge-512-b16-exact-bf16", 306),
    ("bge-512-b16-exact-f16", 291),
    ("bge-512-b16-native-f32", 580),
    ("tiny-64-exact-f32", 365),
    ("tiny-64-native-f32", 343),
    ("t15-long-exact-f32", 392),
    ("t15-long-native-f32", 332),
    ("m1b-64-exact-f32", 1445),
    ("m1b-64-exact-bf16", 877),
    ("m1b-64-native-f32", 1194),
    ("base-128-b4-exact-f32", 473),
    ("base-128-b4-exact-bf16", 258),
    ("base-128-b4-native-f32", 441),
];

/// Of other families, exact as in the suite `standard`, native in f32; in MiB.
const FAMILIES: [(&str, u64); 32] = [
    ("chat-qwen2-p25-exact-bf16", 1180),
    ("chat-qwen2-p25-native-f32", 2019),
    ("chat-qwen3-p25-exact-bf16", 1440),
    ("chat-qwen3-p25-native-f32", 2508),
    ("chat-gemma3-p50-exact-bf16", 976),
    ("chat-gemma3-p50-native-f32", 1357),
    ("chat-moe-p25-exact-bf16", 899),
    ("chat-moe-p25-native-f32", 1366),
    ("long-mistral-p25-exact-bf16", 441),
    ("long-mistral-p25-native-f32", 1192),
    ("rerank-xlm-roberta-exact-f32", 1117),
    ("rerank-xlm-roberta-native-f32", 1086),
    ("classify-distilbert-exact-f32", 293),
    ("classify-distilbert-native-f32", 275),
    ("image-resnet-exact-f32", 155),
    ("image-resnet-native-f32", 142),
    ("image-resnet-batch8-exact-f32", 223),
    ("image-resnet-batch8-native-f32", 291),
    ("image-vit-exact-f32", 376),
    ("image-vit-native-f32", 355),
    ("image-vit-batch8-exact-f32", 431),
    ("image-vit-batch8-native-f32", 430),
    ("caption-clip-exact-f32", 617),
    ("caption-clip-native-f32", 606),
    ("labels-clip-exact-f32", 647),
    ("labels-clip-native-f32", 639),
    ("speech-5s-whisper-exact-f32", 222),
    ("speech-5s-whisper-native-f32", 285),
    ("speech-15s-whisper-exact-f32", 230),
    ("speech-15s-whisper-native-f32", 286),
    ("speech-30s-whisper-exact-f32", 273),
    ("speech-30s-whisper-native-f32", 290),
];

fn check(suite: &Suite, measured: &[(&str, u64)]) {
    assert_eq!(measured.len(), suite.workloads.len());
    for (id, measured_mib) in measured {
        let estimate = suite.workload(id).unwrap().memory_bytes(1, 2);
        let (least, most) = (measured_mib * MIB, measured_mib * MIB * 5 / 4 + 16 * MIB);
        assert!((least..=most).contains(&estimate), "{id}: {} MiB, measured {measured_mib}", estimate / MIB);
    }
}

#[test]
fn the_estimate_lies_above_the_peaks_of_the_suite_smoke_and_near() {
    check(&embedded()[0], &SMOKE);
}

#[test]
fn the_estimate_lies_above_the_peaks_of_larger_requests_and_near() {
    check(&Suite::parse("memory.toml", include_str!("data/memory.toml")).unwrap(), &LARGER);
}

#[test]
fn the_estimate_lies_above_the_peaks_of_other_families_and_near() {
    let standard = embedded_suite("standard").unwrap();
    for (id, measured_mib) in FAMILIES {
        let exact = standard.workloads.iter().find(|exact| {
            let (name, numerics) = id.rsplit_once('-').unwrap().0.rsplit_once('-').unwrap();
            exact.id.starts_with(&format!("{name}-exact")) && (numerics == "native" || exact.id == id)
        });
        let mut workload = exact.unwrap().clone();
        if id.ends_with("-native-f32") {
            (workload.numerics, workload.precision) = (Numerics::Native, "f32".to_owned());
        }
        let estimate = workload.memory_bytes(1, 2);
        let (least, most) = (measured_mib * MIB, measured_mib * MIB * 3 / 2 + 64 * MIB);
        assert!((least..=most).contains(&estimate), "{id}: {} MiB, measured {measured_mib}", estimate / MIB);
    }
}

#[test]
fn more_threads_take_more_memory() {
    let workload = &embedded()[0].workloads[0];
    assert_eq!(workload.memory_bytes(1, 1), workload.memory_bytes(1, 2));
    // Measured with 16 threads: 81 MiB more than with two.
    assert!(workload.memory_bytes(1, 16) >= workload.memory_bytes(1, 2) + 81 * MIB);
}

#[test]
fn more_requests_at_a_time_take_more_memory() {
    for workload in &embedded()[0].workloads {
        let estimates = [1, 8, 64, u32::MAX].map(|requests| workload.memory_bytes(requests, 2));
        assert!(estimates.is_sorted() && estimates[2] < estimates[3], "{}: {estimates:?}", workload.id);
    }
}
