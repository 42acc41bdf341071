//! A profile as an honest machine makes it, and what liars and forgers make of it.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod network;

use proofmark_reports::chain::{self, CellIdentity, RunIdentity};
use proofmark_reports::document::sign;
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::profile::challenge_digest;
use proofmark_reports::schema::v1::*;
use proofmark_reports::verify::{Context, Verification, verify};
use proofmark_reports::{Digest, Timestamp, capacity, coverage, derived, did_key};
use proofmark_workloads::{Suite, Workload, embedded};

pub(crate) const CREATED: &str = "2026-11-21T04:02:00Z";

pub(crate) fn suite() -> Suite {
    embedded().remove(0)
}

pub(crate) fn operator() -> SigningKey {
    key::from_seed(&[42; 32])
}

/// A profile of all workloads of `smoke`, as an honest machine would make it.
pub(crate) fn honest() -> Profile {
    honest_of(&suite())
}

/// The same of a suite with the workloads of `smoke`.
pub(crate) fn honest_of(suite: &Suite) -> Profile {
    let mut profile = Profile {
        kind: KIND.to_owned(),
        schema: SCHEMA.to_owned(),
        suite: SuiteReference {
            name: suite.name.clone(),
            version: suite.version.clone(),
            digest: suite.digest,
        },
        operator: did_key::format(&operator().verifying_key()),
        machine: Machine {
            commitment: Digest::of(b"machine"),
            cpu_model: "Example CPU".to_owned(),
            cpu_features: vec!["avx2".to_owned(), "f16c".to_owned(), "fma".to_owned()],
            logical_cpus: 2,
            physical_cpus: Some(2),
            memory_bytes: 8 << 30,
            available_memory_bytes: 6 << 30,
            cgroup_memory_bytes: None,
            cgroup_cpu_milli: None,
            accelerators: Vec::new(),
            os: "linux".to_owned(),
            os_release: "Example Linux 1".to_owned(),
            kernel: "6.1.0".to_owned(),
            architecture: "x86_64".to_owned(),
            virtualisation: "none".to_owned(),
            clock: Clock { source: "tsc".to_owned(), resolution_ns: 1, overhead_ps: 20_000 },
        },
        harness: Harness {
            version: "0.1.0".to_owned(),
            git_commit: "unknown".to_owned(),
            binary_digest: Digest::of(b"binary"),
            rustc: "rustc 1.95.0".to_owned(),
            crates: std::iter::once(("gemm".to_owned(), "0.19.0".to_owned())).collect(),
            isa: "avx2".to_owned(),
        },
        challenge: Challenge::SelfIssued { nonce: Digest::of(b"nonce") },
        started_at: "2026-11-21T04:00:00Z".to_owned(),
        finished_at: "2026-11-21T04:01:50Z".to_owned(),
        sittings: vec![Sitting {
            started_at: "2026-11-21T04:00:00Z".to_owned(),
            first_round: 0,
            first_cell: 0,
        }],
        ceilings: Some(Ceilings { read_bytes_per_s: 40_000_000_000, f32_flops_per_s: 300_000_000_000 }),
        cells: Vec::new(),
        coverage: coverage::of_machine(suite, &[]),
        doubts: vec![Doubt {
            kind: DoubtKind::ForeignLoad,
            detail: "load average 1.00".to_owned(),
            advice: "stop other programs".to_owned(),
        }],
        extensions: serde_json::Map::new(),
        proof: None,
    };
    profile.cells = suite.workloads.iter().map(|workload| honest_cell(suite, &workload.id)).collect();
    run_of(&mut profile, suite);
    profile
}

/// A GPU.
pub(crate) fn accelerator(device: &str) -> Accelerator {
    Accelerator {
        device: device.to_owned(),
        model: "Example GPU".to_owned(),
        compute_capability: "9.0".to_owned(),
        multiprocessors: 100,
        memory_bytes: 80 << 30,
        available_memory_bytes: 79 << 30,
        has_ecc: Some(true),
        cuda_version: Some("13.0".to_owned()),
        driver_version: None,
    }
}

/// The index of the first cell that is no generation.
pub(crate) const ENCODER: usize = 12;

/// Iterations of a round, as its warm-up and the suite fix them.
pub(crate) const STEPS: u64 = 4;

pub(crate) fn honest_cell(suite: &Suite, id: &str) -> Cell {
    let workload = suite.workload(id).unwrap();
    let is_exact = workload.numerics.is_exact();
    Cell {
        weights: Some(Weights {
            source: "synthetic".to_owned(),
            digest: Digest::of(workload.precision.as_bytes()),
        }),
        rounds: (0..suite.timing.rounds).map(|round| honest_round(workload, round)).collect(),
        self_check_digest: Some(if is_exact { workload.self_check.unwrap() } else { Digest::of(b"native") }),
        ..Cell::planned(workload, 2)
    }
}

fn honest_round(workload: &Workload, round: u64) -> Round {
    let latency_ns = if workload.id == SEARCHED { 20_000_000 } else { 90_000_000 };
    let steps = round * STEPS..(round + 1) * STEPS;
    let latency_ns: Vec<u64> = steps.clone().map(|step| latency_ns + step * 1_000).collect();
    let is_generation = workload.shape.output_tokens().is_some();
    let output = |step: u64| Digest::of_fields(&workload.id, &[&step.to_le_bytes()]);
    Round {
        attempt: 0,
        ceilings: None,
        load_ns: 50_000_000,
        // 450 ms of measuring at this median are four iterations.
        warm_up: WarmUp {
            iterations: 3,
            duration_ns: 290_000_000,
            window_median_ns: vec![111_000_000, 113_000_000, 112_000_000],
        },
        seed_0: Digest::of(b""),
        ttft_ns: latency_ns.iter().filter(|_| is_generation).map(|latency| latency / 2).collect(),
        tpot_ns: Vec::new(),
        latency_ns,
        output_digests: steps.map(output).collect(),
        chain_head: Digest::of(b""),
        peak_memory_bytes: Some(100 << 20),
        accelerator: None,
        doubts: Vec::new(),
    }
}

/// The workload of the fixture that is fast enough to be searched for its capacity.
pub(crate) const SEARCHED: &str = "embed-query-minilm-exact-f32";

pub(crate) fn searched(profile: &mut Profile) -> &mut Cell {
    profile.cells.iter_mut().find(|cell| cell.workload == SEARCHED).unwrap()
}

/// What an honest machine makes of its timed iterations: two trials of the fast cell, if one is due, whose requests take
/// 20 ms and run one by one, so that the second rate is too high; and all that follows.
pub(crate) fn run(profile: &mut Profile) {
    run_of(profile, &suite());
}

pub(crate) fn run_of(profile: &mut Profile, suite: &Suite) {
    derive_of(profile, suite);
    let workload = suite.workload(SEARCHED).unwrap();
    let cell = searched(profile);
    cell.capacity = None;
    if capacity::is_search_due(&suite.timing, workload, cell) {
        cell.capacity = Some(served(cell, suite));
    }
    derive_of(profile, suite);
}

pub(crate) fn served(cell: &Cell, suite: &Suite) -> Capacity {
    let last = cell.rounds.last().unwrap();
    let mut head = chain::seed_after(last.seed_0, &last.output_digests);
    let mut trials = Vec::new();
    for (index, requests_per_hour) in [36_000, 180_000].into_iter().enumerate() {
        let slo = &suite.workload(SEARCHED).unwrap().slo;
        let seed = chain::trial_seed(head, index as u64);
        let requests = capacity::trial_requests(&suite.timing, slo, requests_per_hour);
        let mut trial = Trial::planned(requests_per_hour, requests);
        let mut free_ns = 0;
        for (request, arrival) in capacity::schedule_ns(seed, &trial).into_iter().enumerate() {
            free_ns = free_ns.max(arrival) + 20_000_000;
            trial.latency_ns.push(free_ns - arrival);
            trial.batches.push(1);
            let digest = Digest::of_fields("served", &[&seed.0, &(request as u64).to_le_bytes()]);
            trial.output_digests.push(digest);
        }
        head = chain::head_after_trial(seed, &trial);
        trials.push(trial);
    }
    Capacity { basis: CapacityBasis::OpenLoop, max_batch: 8, requests_per_hour: 0, trials }
}

/// Computes everything that follows from the samples, as an honest program and a careful liar do.
pub(crate) fn derive(profile: &mut Profile) {
    derive_of(profile, &suite());
}

pub(crate) fn derive_of(profile: &mut Profile, suite: &Suite) {
    let mut head = chain::first_head(&RunIdentity {
        suite_digest: profile.suite.digest,
        operator_key: operator().verifying_key().to_bytes(),
        machine_commitment: profile.machine.commitment,
        binary_digest: profile.harness.binary_digest,
        challenge_digest: challenge_digest(&profile.challenge).unwrap(),
    });
    for place in 0..suite.timing.rounds {
        for (index, cell) in profile.cells.iter_mut().enumerate() {
            let Some(round) = cell.rounds.get(place as usize) else { continue };
            let identity = CellIdentity::of(cell, round.attempt).unwrap();
            let seed = chain::round_seed(head, place, index as u64, &identity);
            head = chain::seed_after(seed, &round.output_digests);
            if let Some(capacity) = cell.capacity.as_ref().filter(|_| place + 1 == suite.timing.rounds) {
                head = chain::head_after_trials(head, &capacity.trials);
            }
            let round = &mut cell.rounds[place as usize];
            (round.seed_0, round.chain_head) = (seed, head);
        }
    }
    for cell in &mut profile.cells {
        if let Some(workload) = suite.workload(&cell.workload) {
            derived::complete(cell, suite, workload, profile.ceilings);
        }
    }
    profile.coverage = coverage::of_machine(suite, &profile.cells);
}

pub(crate) fn signed(profile: Profile) -> Vec<u8> {
    sign(profile, CREATED.parse().unwrap(), &operator()).unwrap()
}

pub(crate) fn check(bytes: &[u8]) -> Verification {
    let now: Timestamp = "2026-11-21T05:00:00Z".parse().unwrap();
    verify(bytes, Context::new(&[suite()], now))
}

pub(crate) fn reasons(bytes: &[u8]) -> Vec<String> {
    check(bytes).reasons.iter().map(ToString::to_string).collect()
}

/// The reasons against a profile that its operator changed before signing.
pub(crate) fn lie(change: impl Fn(&mut Profile)) -> Vec<String> {
    let mut profile = honest();
    change(&mut profile);
    reasons(&signed(profile))
}

/// As [`lie`], by an operator who recomputes seeds, heads, rates and coverage.
pub(crate) fn careful_lie(change: impl Fn(&mut Profile)) -> Vec<String> {
    let mut profile = honest();
    change(&mut profile);
    derive(&mut profile);
    reasons(&signed(profile))
}

/// The reasons against bytes that were edited after signing.
pub(crate) fn edit(from: &str, to: &str) -> Vec<String> {
    let text = String::from_utf8(signed(honest())).unwrap();
    assert!(text.contains(from), "{from}");
    reasons(text.replacen(from, to, 1).as_bytes())
}

#[track_caller]
pub(crate) fn assert_refused(reasons: &[String], expected: &str) {
    assert!(
        reasons.iter().any(|reason| reason.contains(expected)),
        "expected `{expected}` among {reasons:#?}"
    );
}
