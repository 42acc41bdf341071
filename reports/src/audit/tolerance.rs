//! How far honest sketches may be from exact outputs.

use proofmark_workloads::{Numerics, Workload};

/// The largest distance of an honest sketch in millionths ([`super::Sketch::distance_ppm`]); `None` of workloads in exact numerics, which
/// have no tolerance.
///
/// From the largest distance of honest pairs, with room for other machines: 0, 1338 and 27939 in f32, f16 and bf16 of generations, 0,
/// 8065 and 55250 of encoders; in q8 5863 of generations, 1275 of embeddings, 85997 of rerankings (METHODOLOGY.md, `cargo bench -p proofmark --bench calibration`).
#[must_use]
pub fn tolerance_ppm(workload: &Workload) -> Option<u64> {
    let tolerance_ppm = match (workload.precision.as_str(), workload.shape.output_tokens()) {
        ("f32", _) => 30,
        ("f16", Some(_)) => 5_000,
        ("f16", None) => 20_000,
        ("q8", Some(_)) => 20_000,
        ("q8", None) => 200_000,
        (_, Some(_)) => 50_000,
        (_, None) => 100_000,
    };
    Some(tolerance_ppm).filter(|_| workload.numerics == Numerics::Native)
}
