//! How far honest sketches may be from exact outputs.

use proofmark_workloads::{Numerics, Task, Workload};

/// The largest distance of an honest sketch in millionths ([`super::Sketch::distance_ppm`]); `None` of workloads in exact numerics, which
/// have no tolerance.
///
/// From the largest distance of honest pairs, with room for other machines: 0, 1338 and 27939 in f32, f16 and bf16 of generations, 0,
/// 8065 and 55250 of encoders; in q8 5863 of generations, 1275 of embeddings, 85997 of rerankings (METHODOLOGY.md, `cargo bench -p proofmark --bench calibration`).
#[must_use]
pub fn tolerance_ppm(workload: &Workload) -> Option<u64> {
    let tolerance_ppm = match (workload.precision.as_str(), workload.shape.task()) {
        ("f32", _) => 30,
        ("f16", Task::Generation | Task::SpeechRecognition) => 5_000,
        ("f16", _) => 20_000,
        ("q8", Task::Generation | Task::SpeechRecognition) => 20_000,
        ("q8", Task::Embedding) => 5_000,
        ("q8", _) => 200_000,
        (_, Task::Generation | Task::SpeechRecognition) => 50_000,
        (_, _) => 100_000,
    };
    Some(tolerance_ppm).filter(|_| workload.numerics == Numerics::Native)
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::embedded;

    use super::*;

    #[test]
    fn each_task_has_the_tolerance_that_was_calibrated_for_it() {
        let suite = &embedded()[0];
        let tolerance = |id: &str, precision: &str, numerics| {
            let workload = suite.workload(id).unwrap().clone();
            tolerance_ppm(&Workload { precision: precision.to_owned(), numerics, ..workload })
        };
        let [chat, embed, rerank] =
            ["chat-15m-exact-f32", "embed-query-minilm-exact-f32", "rerank-minilm-exact-f32"];
        for (precision, expected) in [
            ("f32", [30, 30, 30]),
            ("f16", [5_000, 20_000, 20_000]),
            ("bf16", [50_000, 100_000, 100_000]),
            ("q8", [20_000, 5_000, 200_000]),
        ] {
            let found = [chat, embed, rerank].map(|id| tolerance(id, precision, Numerics::Native));
            assert_eq!(found, expected.map(Some), "{precision}");
            assert_eq!(tolerance(chat, precision, Numerics::exact_of(precision)), None);
        }
    }
}
