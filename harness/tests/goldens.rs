//! Each exact workload of the embedded suites gives the digest that the suite carries, whatever threads and instruction
//! set: a benchmark is also a test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../models/tests/devices/mod.rs"]
mod devices;

use devices::devices;
use proofmark::cell::model::Model;
use proofmark_models::Numerics as ModelNumerics;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_workloads::{Numerics, Suite, Workload, embedded, self_check_seed};

fn digest(workload: &Workload, numerics: ModelNumerics, threads: usize) -> Digest {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let model = Model::load(workload, None, numerics).unwrap();
        let input = model.prepare(vec![workload.input(self_check_seed())]).unwrap();
        Digest(model.run(&input).unwrap().output.digest().unwrap())
    })
}

/// What takes a fraction of a second with vector instructions; `cargo xtask goldens --check` computes all.
const QUICK_FLOPS: u64 = 100_000_000_000;
/// Without them each multiply-add is a call of the library.
const QUICK_PORTABLE_FLOPS: u64 = 2_000_000_000;

/// The emulator computes some hundred million of them a second.
const QUICK_EMULATED_FLOPS: u64 = 2_000_000_000;

fn check(isa: Isa, threads: usize, most_flops: u64) {
    if isa.is_available() {
        check_on(ModelNumerics::Exact(isa), threads, most_flops);
    } else {
        println!("{isa} is not on this machine");
    }
}

fn check_on(numerics: ModelNumerics, threads: usize, most_flops: u64) {
    let suites = embedded();
    let mut checked = 0;
    for workload in suites.iter().filter(|suite| suite.name != "full").flat_map(|suite| &suite.workloads) {
        // Trained weights are not here; `proofmark self-check` fetches them.
        let is_here = workload.model.weights.source() == "synthetic";
        let is_quick = is_here && workload.work(1).flops() <= most_flops;
        if let Some(golden) = workload.self_check.filter(|_| is_quick && workload.numerics.is_exact()) {
            let found = digest(workload, numerics, threads);
            assert_eq!(found, golden, "{} by {numerics:?}, {threads}", workload.id);
            checked += 1;
        }
    }
    assert!(checked >= 2, "only {checked} workloads are quick");
}

#[test]
fn one_thread_gives_the_suites_digests() {
    check(Isa::detect(), 1, QUICK_FLOPS);
}

#[test]
fn three_threads_give_the_suites_digests() {
    check(Isa::detect(), 3, QUICK_FLOPS);
}

#[test]
fn avx2_gives_the_suites_digests() {
    check(Isa::Avx2, 2, QUICK_FLOPS);
}

#[test]
fn eight_bits_give_their_digests_on_every_instruction_set() {
    let suite = Suite::parse("eight_bits.toml", include_str!("data/eight_bits.toml")).unwrap();
    let mut checked = 0;
    for workload in suite.workloads.iter().filter(|workload| workload.numerics == Numerics::ExactQ8) {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            for threads in [1, 3] {
                let found = digest(workload, ModelNumerics::Exact(isa), threads);
                assert_eq!(Some(found), workload.self_check, "{} on {isa}, {threads}", workload.id);
                checked += 1;
            }
        }
    }
    assert!(checked >= 4);
}

#[test]
fn portable_code_gives_the_digests_of_the_smaller_workloads() {
    check(Isa::Portable, 2, QUICK_PORTABLE_FLOPS);
}

/// Every exact workload of `smoke`, on the emulator and on a GPU where there is one.
#[test]
fn devices_give_the_suites_digests() {
    for device in devices() {
        let most_flops = if format!("{device:?}") == "emulated" { QUICK_EMULATED_FLOPS } else { u64::MAX };
        check_on(ModelNumerics::ExactOn(device), 1, most_flops);
    }
}
