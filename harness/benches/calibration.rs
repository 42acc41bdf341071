//! How far sketches of native outputs are from exact ones, honest and not: `cargo bench -p proofmark --bench calibration`.
//!
//! What an audit compares: stock candle, as an operator runs it, against exact numerics with the same weights, whose bits are one on every
//! instruction set and thread count. `honest` is the suite's model on all threads and on one; the others pass off a cheaper one. Distances
//! are in millionths, the least and the greatest of eight requests. It fails where an honest sketch is farther than the tolerance, and where
//! a cheat in f32 is within it.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::process::ExitCode;

use proofmark::cell::kept::keep;
use proofmark::cell::model::Model;
use proofmark_models::Numerics;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_reports::audit::{Kept, Sketch, tolerance_ppm};
use proofmark_workloads::{self as workloads, Workload, embedded_suite};

#[path = "../tests/forger/cheats.rs"]
mod cheats;

use cheats::Cheat;

/// Requests of a workload.
const REQUESTS: u64 = 8;
const PRECISIONS: [&str; 4] = ["f32", "bf16", "f16", "q8"];
/// Stock candle takes seconds for a request in half precision on larger models.
const MOST_WEIGHTS_IN_HALF: u64 = 50_000_000;

fn main() -> ExitCode {
    if proofmark_bench::is_not_to_measure() {
        return ExitCode::SUCCESS;
    }
    println!("| workload | tolerance | {} |", Cheat::ALL.map(Cheat::name).join(" | "));
    println!("|---|---|{}", "---|".repeat(Cheat::ALL.len()));
    let mut is_sound = true;
    let suite = embedded_suite("smoke").unwrap();
    let native = suite.workloads.iter().filter(|workload| workload.numerics == workloads::Numerics::Native);
    let native: Vec<&Workload> = native.filter(|workload| workload.precision == "f32").collect();
    for precision in PRECISIONS {
        for workload in &native {
            let weights = workload.model.architecture.parameters();
            if precision == "f32" || weights <= MOST_WEIGHTS_IN_HALF {
                let id = format!("{} {precision}", workload.id.trim_end_matches("-native-f32"));
                let workload = Workload { precision: precision.to_owned(), ..Workload::clone(workload) };
                is_sound &= row(&id, &workload);
            }
        }
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a line of the table; whether honest and cheating models are on their sides of the tolerance.
fn row(id: &str, workload: &Workload) -> bool {
    let tolerance_ppm = tolerance_ppm(workload).unwrap();
    let auditor = Model::load(workload, None, Numerics::Exact(Isa::detect())).unwrap();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (mut cells, mut is_sound) = (Vec::new(), true);
    for cheat in Cheat::ALL {
        if !cheat.applies_to(workload) {
            cells.push("-".to_owned());
            continue;
        }
        let model = cheat.model(workload).unwrap();
        let distance = |request| distance_ppm(workload, &model, &auditor, request);
        let mut distances: Vec<u64> = (0..REQUESTS).map(distance).collect();
        if cheat == Cheat::Honest {
            distances.extend((0..REQUESTS).map(|request| one_thread.install(|| distance(request))));
        }
        let (least, greatest) = (*distances.iter().min().unwrap(), *distances.iter().max().unwrap());
        is_sound &= match cheat {
            Cheat::Honest => greatest <= tolerance_ppm,
            _ => least > tolerance_ppm || workload.precision != "f32",
        };
        let found = if cheat != Cheat::Honest && least > tolerance_ppm { "**" } else { "" };
        cells.push(format!("{found}{least} to {greatest}{found}"));
    }
    println!("| {id} | {tolerance_ppm} | {} |", cells.join(" | "));
    is_sound
}

fn distance_ppm(workload: &Workload, model: &Model, auditor: &Model, request: u64) -> u64 {
    let input = || auditor.prepare(vec![workload.input(Digest::of(&request.to_le_bytes()))]).unwrap();
    let output = model.run(&input()).unwrap().output;
    let (_, Some(Kept::Sketch(sketch))) = keep(workload.numerics, &output).unwrap() else {
        panic!("a native output leaves a sketch")
    };
    let Sketch { tokens, .. } = &sketch;
    let output = if tokens.is_empty() {
        auditor.run(&input()).unwrap().output
    } else {
        auditor.replay(&input(), tokens).unwrap()
    };
    let (numbers, width) = output.rows().unwrap();
    sketch.distance_ppm(numbers, width)
}
