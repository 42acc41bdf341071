//! Each exact workload of the embedded suites gives the digest that the suite carries, whatever threads and instruction
//! set: a benchmark is also a test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark::cell::model::Model;
use proofmark_models::Numerics as ModelNumerics;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_workloads::{Numerics, Workload, embedded, self_check_seed};

fn digest(workload: &Workload, isa: Isa, threads: usize) -> Digest {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let model = Model::load(workload, None, ModelNumerics::Exact(isa)).unwrap();
        let input = model.prepare(vec![workload.input(self_check_seed())]).unwrap();
        Digest(model.run(&input).unwrap().output.digest().unwrap())
    })
}

fn check(isa: Isa, threads: usize, is_asked: impl Fn(&Workload) -> bool) {
    if !isa.is_available() {
        println!("{isa} is not on this machine");
        return;
    }
    for workload in embedded().iter().flat_map(|suite| &suite.workloads) {
        if workload.numerics == Numerics::Exact1 && is_asked(workload) {
            assert_eq!(
                Some(digest(workload, isa, threads)),
                workload.self_check,
                "{} on {isa}, {threads}",
                workload.id
            );
        }
    }
}

#[test]
fn one_thread_gives_the_suites_digests() {
    check(Isa::detect(), 1, |_| true);
}

#[test]
fn three_threads_give_the_suites_digests() {
    check(Isa::detect(), 3, |_| true);
}

#[test]
fn avx2_gives_the_suites_digests() {
    check(Isa::Avx2, 2, |_| true);
}

#[test]
fn portable_code_gives_the_digests_of_the_smaller_workloads() {
    // Without vector instructions each multiply-add is a call of the library.
    check(Isa::Portable, 2, |workload| workload.id.contains("tinybert") || workload.id.contains("query"));
}
