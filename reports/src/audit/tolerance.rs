//! How far honest sketches may be from exact outputs.

use proofmark_workloads::{Numerics, Workload};

/// The largest distance of an honest sketch in millionths ([`super::Sketch::distance_ppm`]); `None` of workloads in exact numerics, which
/// have no tolerance.
#[must_use]
pub fn tolerance_ppm(workload: &Workload) -> Option<u64> {
    let tolerance_ppm = match workload.precision.as_str() {
        "f32" => 100,
        _ => 100_000,
    };
    Some(tolerance_ppm).filter(|_| workload.numerics == Numerics::Native)
}
