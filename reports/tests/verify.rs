//! `verify` accepts an honest profile and refuses every edit of it, for the right reason.
//!
//! Two kinds of edits: of the bytes, as a forger without the key makes them, and of the content before signing, as a
//! lying operator makes them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_reports::chain::{self, CellIdentity, RunIdentity};
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::profile::{challenge_digest, sign};
use proofmark_reports::schema::v1::*;
use proofmark_reports::verify::{Context, Verification, verify};
use proofmark_reports::{Digest, Timestamp, capacity, coverage, derived, did_key, words};
use proofmark_workloads::{Numerics, Shape, Suite, Task, embedded};

const CREATED: &str = "2026-11-21T04:02:00Z";

fn suite() -> Suite {
    embedded().remove(0)
}

fn operator() -> SigningKey {
    key::from_seed(&[42; 32])
}

/// A profile of all workloads of `smoke`, as an honest machine would make it.
fn honest() -> Profile {
    let suite = suite();
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
        challenge: Challenge { kind: "self_issued".to_owned(), nonce: Digest::of(b"nonce") },
        started_at: "2026-11-21T04:00:00Z".to_owned(),
        finished_at: "2026-11-21T04:01:30Z".to_owned(),
        sittings: vec![Sitting { started_at: "2026-11-21T04:00:00Z".to_owned(), first_cell: 0 }],
        ceilings: Some(Ceilings { read_bytes_per_s: 40_000_000_000, f32_flops_per_s: 300_000_000_000 }),
        cells: Vec::new(),
        coverage: coverage::of_machine(&suite, &[]),
        doubts: vec![Doubt {
            kind: DoubtKind::ForeignLoad,
            detail: "load average 1.00".to_owned(),
            advice: "stop other programs".to_owned(),
        }],
        extensions: serde_json::Map::new(),
        proof: None,
    };
    profile.cells = suite.workloads.iter().map(|workload| honest_cell(&suite, &workload.id)).collect();
    run(&mut profile);
    profile
}

/// The index of the first cell that is no generation.
const ENCODER: usize = 12;

fn honest_cell(suite: &Suite, id: &str) -> Cell {
    let workload = suite.workload(id).unwrap();
    let latency_ns = if id == SEARCHED { 20_000_000 } else { 90_000_000 };
    let latency_ns: Vec<u64> = (0..10).map(|i| latency_ns + i * 1_000).collect();
    let (mut ttft_ns, mut tpot_ns) = (Vec::new(), Vec::new());
    if let Shape::Generation { output_tokens, .. } = workload.shape {
        ttft_ns = latency_ns.iter().map(|latency| latency / 2).collect();
        let further = u64::from(output_tokens) - 1;
        tpot_ns = latency_ns.iter().zip(&ttft_ns).map(|(latency, ttft)| (latency - ttft) / further).collect();
    }
    let is_exact = workload.numerics == Numerics::Exact1;
    Cell {
        workload: id.to_owned(),
        task: workload.shape.task().to_string(),
        model: workload.model.name.clone(),
        weights: Some(Weights {
            source: "synthetic".to_owned(),
            digest: Digest::of(workload.precision.as_bytes()),
        }),
        numerics: workload.numerics.to_string(),
        precision: workload.precision.clone(),
        device: "cpu".to_owned(),
        threads: 2,
        batch: workload.shape.batch(),
        attempt: 0,
        status: Status::Measured,
        reason: None,
        obstacle: None,
        load_ns: Some(50_000_000),
        // 2.8 s of measuring at this median are ten iterations.
        warm_up: Some(WarmUp {
            iterations: 3,
            duration_ns: 840_000_000,
            window_median_ns: vec![281_000_000, 282_000_000, 280_000_000],
        }),
        output_digests: (0..10_u64).map(|i| Digest::of_fields(id, &[&i.to_le_bytes()])).collect(),
        latency_ns,
        ttft_ns,
        tpot_ns,
        statistics: None,
        roofline: None,
        ceilings: None,
        seed_0: None,
        chain_head: Digest::of(b""),
        self_check_digest: Some(if is_exact { workload.self_check.unwrap() } else { Digest::of(b"native") }),
        output_sketch_root: None,
        capacity: None,
        peak_memory_bytes: Some(100 << 20),
        self_check: if is_exact { SelfCheck::Match } else { SelfCheck::None },
        doubts: Vec::new(),
    }
}

/// The workload of the fixture that is fast enough to be searched for its capacity.
const SEARCHED: &str = "embed-query-minilm-exact-f32";

fn searched(profile: &mut Profile) -> &mut Cell {
    profile.cells.iter_mut().find(|cell| cell.workload == SEARCHED).unwrap()
}

/// What an honest machine makes of its timed iterations: two trials of the fast cell, if one is due, whose requests take
/// 20 ms and run one by one, so that the second rate is too high; and all that follows.
fn run(profile: &mut Profile) {
    derive(profile);
    let suite = suite();
    let workload = suite.workload(SEARCHED).unwrap();
    let cell = searched(profile);
    cell.capacity = None;
    let within = capacity::within(workload.slo.limits, &cell.latency_ns, &[], &[]);
    let (median_ns, requests) = (cell.statistics.unwrap().latency.median_ns, cell.latency_ns.len() as u64);
    if capacity::is_search_due(&suite.timing, workload, median_ns, within, requests) {
        cell.capacity = Some(served(cell, &suite));
    }
    derive(profile);
}

fn served(cell: &Cell, suite: &Suite) -> Capacity {
    let mut head = chain::seed_after(cell.seed_0.unwrap(), &cell.output_digests);
    let mut trials = Vec::new();
    for (index, requests_per_hour) in [36_000, 180_000].into_iter().enumerate() {
        let slo = &suite.workload(SEARCHED).unwrap().slo;
        let seed = chain::trial_seed(head, index as u64, requests_per_hour);
        let mut trial = Trial {
            requests_per_hour,
            requests: capacity::trial_requests(&suite.timing, slo, requests_per_hour),
            verdict: TrialVerdict::Missed,
            within_slo: 0,
            attainment_low_ppm: 0,
            latency_ns: Vec::new(),
            ttft_ns: Vec::new(),
            tpot_ns: Vec::new(),
            statistics: None,
            batches: Vec::new(),
            output_digests: Vec::new(),
        };
        let mut free_ns = 0;
        for (request, arrival) in capacity::schedule_ns(seed, &trial).into_iter().enumerate() {
            free_ns = free_ns.max(arrival) + 20_000_000;
            trial.latency_ns.push(free_ns - arrival);
            trial.batches.push(1);
            let digest = Digest::of_fields("served", &[&seed.0, &(request as u64).to_le_bytes()]);
            trial.output_digests.push(digest);
        }
        head = chain::head_after_trial(seed, &trial.output_digests);
        trials.push(trial);
    }
    Capacity { basis: CapacityBasis::OpenLoop, max_batch: 8, requests_per_hour: 0, trials }
}

/// Computes everything that follows from the samples, as an honest program and a careful liar do.
fn derive(profile: &mut Profile) {
    let mut head = chain::first_head(&RunIdentity {
        suite_digest: profile.suite.digest,
        operator_key: operator().verifying_key().to_bytes(),
        machine_commitment: profile.machine.commitment,
        binary_digest: profile.harness.binary_digest,
        challenge_digest: challenge_digest(&profile.challenge).unwrap(),
    });
    let suite = suite();
    for (index, cell) in profile.cells.iter_mut().enumerate() {
        if cell.status == Status::Measured {
            let identity = CellIdentity {
                attempt: cell.attempt,
                batch: cell.batch,
                device: &cell.device,
                numerics: &cell.numerics,
                precision: &cell.precision,
                threads: cell.threads,
                weights: cell.weights.as_ref().unwrap().digest,
                workload: &cell.workload,
            };
            let seed = chain::cell_seed(head, index as u64, &identity);
            cell.seed_0 = Some(seed);
            head = chain::seed_after(seed, &cell.output_digests);
            for (trial, index) in cell.capacity.iter().flat_map(|capacity| &capacity.trials).zip(0..) {
                let seed = chain::trial_seed(head, index, trial.requests_per_hour);
                head = chain::head_after_trial(seed, &trial.output_digests);
            }
        }
        cell.chain_head = head;
        if let Some(workload) = suite.workload(&cell.workload) {
            derived::complete(cell, &suite, workload, profile.ceilings);
        }
    }
    profile.coverage = coverage::of_machine(&suite, &profile.cells);
}

fn signed(profile: Profile) -> Vec<u8> {
    sign(profile, CREATED.parse().unwrap(), &operator()).unwrap()
}

fn check(bytes: &[u8]) -> Verification {
    let now: Timestamp = "2026-11-21T05:00:00Z".parse().unwrap();
    verify(bytes, Context { suites: &[suite()], now })
}

fn reasons(bytes: &[u8]) -> Vec<String> {
    check(bytes).reasons.iter().map(ToString::to_string).collect()
}

/// The reasons against a profile that its operator changed before signing.
fn lie(change: impl Fn(&mut Profile)) -> Vec<String> {
    let mut profile = honest();
    change(&mut profile);
    reasons(&signed(profile))
}

/// As [`lie`], by an operator who recomputes seeds, heads, rates and coverage.
fn careful_lie(change: impl Fn(&mut Profile)) -> Vec<String> {
    let mut profile = honest();
    change(&mut profile);
    derive(&mut profile);
    reasons(&signed(profile))
}

/// The reasons against bytes that were edited after signing.
fn edit(from: &str, to: &str) -> Vec<String> {
    let text = String::from_utf8(signed(honest())).unwrap();
    assert!(text.contains(from), "{from}");
    reasons(text.replacen(from, to, 1).as_bytes())
}

#[track_caller]
fn assert_refused(reasons: &[String], expected: &str) {
    assert!(
        reasons.iter().any(|reason| reason.contains(expected)),
        "expected `{expected}` among {reasons:#?}"
    );
}

#[test]
fn an_honest_profile_is_valid_and_covers_what_its_exact_cells_serve() {
    let bytes = signed(honest());
    let verification = check(&bytes);
    assert_eq!(verification.reasons, []);
    assert_eq!(verification.report_id, Digest::of(&bytes));
    let coverage = verification.profile.unwrap().coverage;
    assert_eq!((coverage.success_ppm, coverage.low_ppm, coverage.high_ppm), (1_000_000, 691_502, 1_000_000));
    for row in &coverage.workloads {
        let expected = if row.workload.contains("native") { Some(Factor::Verified) } else { None };
        assert_eq!(row.failing_factor, expected, "{}", row.workload);
    }
}

#[test]
fn two_signatures_of_one_body_share_its_digest() {
    let later = sign(honest(), "2026-11-21T04:03:00Z".parse().unwrap(), &operator()).unwrap();
    let (first, second) = (check(&signed(honest())), check(&later));
    assert_ne!(first.report_id, second.report_id);
    assert_eq!(first.body_digest, second.body_digest);
}

#[test]
fn any_edited_byte_is_refused() {
    let bytes = signed(honest());
    for offset in (0..bytes.len()).step_by(331) {
        for flip in [1, 0x20, 0x80] {
            let mut edited = bytes.clone();
            edited[offset] ^= flip;
            assert!(!check(&edited).is_valid(), "byte {offset} xor {flip:#x}");
        }
    }
}

#[test]
fn any_truncation_is_refused() {
    let bytes = signed(honest());
    for length in (0..bytes.len()).step_by(1009).chain([bytes.len() - 1]) {
        assert_refused(&reasons(&bytes[..length]), "not canonical JSON");
    }
}

#[test]
fn a_better_latency_breaks_signature_capacity_and_more() {
    let reasons = edit("\"latency_ns\":[90000000", "\"latency_ns\":[10000000");
    assert_refused(&reasons, "the signature does not match the content");
    assert_refused(&reasons, "capacity does not follow from the latencies");
    assert_refused(&reasons, "tpot_ns of iteration 0");
}

#[test]
fn a_pretty_printed_profile_is_refused() {
    let value: serde_json::Value = serde_json::from_slice(&signed(honest())).unwrap();
    assert_refused(&reasons(format!("{value:#}").as_bytes()), "not canonical JSON: byte 1");
    assert_refused(&reasons(format!("{value}\n").as_bytes()), "something follows the document");
}

#[test]
fn other_spellings_of_the_same_content_are_refused() {
    assert_refused(&edit("\"threads\":2", "\"threads\":2.0"), "a number that is not an integer");
    assert_refused(&edit("\"threads\":2", "\"threads\":02"), "a leading zero");
    assert_refused(&edit("\"threads\":2", "\"threads\":2,\"threads\":2"), "is there twice");
    assert_refused(&edit("\"kind\":\"proofmark", "\"kind\":\"\\u0070roofmark"), "an escape");
    assert_refused(&edit("\"threads\":2", "\"threads\": 2"), "expected a value");
}

#[test]
fn another_kind_or_schema_is_refused_by_name() {
    assert_refused(&lie(|p| p.kind = "other".into()), "kind is `other`");
    assert_refused(&lie(|p| p.schema = "2.0.0".into()), "schema is `2.0.0`, this program reads 1.1.0");
}

#[test]
fn an_unknown_member_is_refused_with_its_path() {
    assert_refused(&edit("\"threads\":2", "\"threads\":2,\"threads_2\":1"), "cells[0]");
    assert_refused(&edit("{\"ceilings\"", "{\"bonus\":1,\"ceilings\""), "unknown field `bonus`");
}

#[test]
fn a_missing_member_is_refused() {
    assert_refused(&edit("\"threads\":2,", ""), "missing field `threads`");
}

#[test]
fn extensions_are_free_and_signed() {
    let mut profile = honest();
    profile.extensions.insert("region".to_owned(), "eu-north".into());
    let bytes = signed(profile);
    assert!(check(&bytes).is_valid());
    let edited = String::from_utf8(bytes).unwrap().replace("eu-north", "eu-south");
    assert_refused(&reasons(edited.as_bytes()), "the signature does not match");
}

#[test]
fn a_profile_without_or_with_another_proof_is_refused() {
    let text = String::from_utf8(signed(honest())).unwrap();
    let start = text.find(",\"proof\":").unwrap();
    let end = start + text[start..].find('}').unwrap() + 1;
    let without = format!("{}{}", &text[..start], &text[end..]);
    assert_refused(&reasons(without.as_bytes()), "proof is absent");
    let null = format!("{},\"proof\":null{}", &text[..start], &text[end..]);
    assert_refused(&reasons(null.as_bytes()), "a member is left out");
    let set = format!("{},\"proof\":[]{}", &text[..start], &text[end..]);
    assert_refused(&reasons(set.as_bytes()), "proof");
}

#[test]
fn anothers_body_under_ones_own_key_is_refused() {
    // The thief signs correctly, but the chain begins with the honest operator's key.
    let thief = key::from_seed(&[9; 32]);
    let mut profile = honest();
    profile.operator = did_key::format(&thief.verifying_key());
    let bytes = sign(profile, CREATED.parse().unwrap(), &thief).unwrap();
    assert_refused(&reasons(&bytes), "cell 0 (chat-135m-exact-f32): seed_0 does not follow");
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let bytes = sign(honest(), CREATED.parse().unwrap(), &key::from_seed(&[9; 32])).unwrap();
    assert_refused(&reasons(&bytes), "proof.verificationMethod is");
    assert_refused(&reasons(&bytes), "the signature does not match");
}

#[test]
fn an_operator_that_is_no_key_is_refused() {
    assert_refused(
        &lie(|p| p.operator = "did:web:example.org".into()),
        "operator is refused: it is not did:key",
    );
}

#[test]
fn times_that_cannot_be_are_refused() {
    assert_refused(
        &lie(|p| p.started_at = "2026-11-21T04:01:31Z".into()),
        "finished_at is earlier than started_at",
    );
    assert_refused(
        &lie(|p| p.started_at = "2026-11-21 04:00:00".into()),
        "started_at is `2026-11-21 04:00:00` is not",
    );
    assert_refused(
        &lie(|p| p.finished_at = "2026-11-21T04:02:01Z".into()),
        "proof.created is earlier than finished_at",
    );
    let late = sign(honest(), "2026-11-21T06:00:00Z".parse().unwrap(), &operator()).unwrap();
    assert_refused(&reasons(&late), "proof.created is in the future");
}

#[test]
fn more_work_than_time_is_refused() {
    assert_refused(&lie(|p| p.finished_at = "2026-11-21T04:00:10Z".into()), "ns of work are recorded in");
}

#[test]
fn an_unknown_suite_or_a_false_name_is_refused() {
    assert_refused(&lie(|p| p.suite.digest = Digest::of(b"x")), "is unknown, this program has smoke 1.2.0");
    assert_refused(&lie(|p| p.suite.version = "9.0.0".into()), "suite is called `smoke 9.0.0`");
}

#[test]
fn an_unknown_challenge_is_refused() {
    assert_refused(&careful_lie(|p| p.challenge.kind = "network".into()), "challenge.kind is `network`");
}

#[test]
fn a_swapped_nonce_machine_or_binary_breaks_the_chain() {
    for change in [
        (|p: &mut Profile| p.challenge.nonce = Digest::of(b"x")) as fn(&mut Profile),
        |p| p.machine.commitment = Digest::of(b"x"),
        |p| p.harness.binary_digest = Digest::of(b"x"),
    ] {
        assert_refused(&lie(change), "cell 0 (chat-135m-exact-f32): seed_0 does not follow from the chain");
    }
}

#[test]
fn exchanged_repeated_or_replaced_digests_break_the_chain() {
    assert_refused(
        &lie(|p| p.cells[1].output_digests.swap(0, 1)),
        "cell 1 (chat-135m-native-f32): chain_head does not",
    );
    assert_refused(
        &lie(|p| p.cells[1].output_digests[3] = p.cells[1].output_digests[2]),
        "chain_head does not",
    );
    assert_refused(
        &lie(|p| p.cells[2].seed_0 = Some(Digest::of(b"x"))),
        "cell 2 (chat-135m-exact-bf16): seed_0",
    );
}

#[test]
fn a_removed_reordered_or_doubled_cell_is_refused() {
    assert_refused(&lie(|p| drop(p.cells.remove(1))), "seed_0 does not follow");
    assert_refused(&careful_lie(|p| p.cells.swap(0, 1)), "out of the suite's order");
    assert_refused(
        &careful_lie(|p| p.cells.insert(1, p.cells[0].clone())),
        "out of the suite's order, or there twice",
    );
}

#[test]
fn a_foreign_workload_or_label_is_refused() {
    assert_refused(
        &careful_lie(|p| p.cells[0].workload = "chat-70b".into()),
        "the suite has no such workload",
    );
    for change in [
        (|c: &mut Cell| c.model = "other".into()) as fn(&mut Cell),
        |c| c.numerics = "native".into(),
        |c| c.precision = "bf16".into(),
        |c| c.task = "embedding".into(),
        |c| c.device = "cuda:0".into(),
        |c| c.batch = 64,
    ] {
        assert_refused(&careful_lie(|p| change(&mut p.cells[0])), "the suite says");
    }
}

#[test]
fn a_wrong_number_of_samples_is_refused() {
    assert_refused(
        &careful_lie(|p| p.cells[0].output_digests.truncate(9)),
        "10 timed iterations, 9 output digests",
    );
    assert_refused(&careful_lie(|p| p.cells[0].ttft_ns.clear()), "10 timed iterations, 0 ttft_ns");
    assert_refused(&careful_lie(|p| p.cells[0].ttft_ns[0] = 0), "tpot_ns of iteration 0");
    assert_refused(&careful_lie(|p| p.cells[ENCODER].ttft_ns.push(1)), "token times outside generation");
    let few = careful_lie(|p| {
        p.cells[ENCODER].latency_ns.truncate(2);
        p.cells[ENCODER].output_digests.truncate(2);
    });
    assert_refused(&few, "2 timed iterations, warm-up and suite fix 10");
    assert_refused(&careful_lie(|p| p.cells[ENCODER].latency_ns[0] = 0), "an iteration took no time");
}

#[test]
fn stopping_after_a_lucky_start_is_refused() {
    let lucky = careful_lie(|p| {
        p.cells[ENCODER].latency_ns.truncate(6);
        p.cells[ENCODER].output_digests.truncate(6);
    });
    assert_refused(&lucky, "6 timed iterations, warm-up and suite fix 10");
    let none = careful_lie(|p| p.cells[ENCODER].warm_up.as_mut().unwrap().iterations = 0);
    assert_refused(&none, "warm_up has an empty window");
    let short = careful_lie(|p| p.cells[ENCODER].warm_up.as_mut().unwrap().duration_ns = 299_999_999);
    assert_refused(&short, "warm_up ended before the suite's 300 ms");
    let hasty = careful_lie(|p| p.cells[ENCODER].warm_up.as_mut().unwrap().window_median_ns[0] = 400_000_000);
    assert_refused(&hasty, "or unstable before its 1000 ms");
}

#[test]
fn answers_that_come_again_are_refused() {
    let repeated = careful_lie(|p| p.cells[0].output_digests[1] = p.cells[0].output_digests[0]);
    assert_refused(&repeated, "cell 0 (chat-135m-exact-f32): 1 output digests were there before");
    let across = careful_lie(|p| p.cells[1].output_digests[1] = p.cells[0].output_digests[0]);
    assert_refused(&across, "cell 1 (chat-135m-native-f32): 1 output digests were there before");
    let cached = careful_lie(|p| p.cells[0].output_digests[1] = p.cells[0].self_check_digest.unwrap());
    assert_refused(&cached, "an output digest is that of the self-check");
}

#[test]
fn free_parameters_of_a_seed_are_refused() {
    assert_refused(&careful_lie(|p| p.cells[0].attempt = 7), "cell 0 is attempt 7 after 0 interruptions");
    assert_refused(&careful_lie(|p| p.cells[0].threads = 64), "threads differ within the run");
    let weights = |source: &str| Some(Weights { source: source.to_owned(), digest: Digest::of(b"x") });
    assert_refused(
        &careful_lie(|p| p.cells[1].weights = weights("synthetic")),
        "another than an earlier cell's",
    );
    assert_refused(&careful_lie(|p| p.cells[1].weights = weights("stolen")), "neither synthetic nor local");
}

#[test]
fn a_machine_that_cannot_be_is_refused() {
    assert_refused(&lie(|p| p.harness.isa = "quantum".into()), "harness.isa `quantum` is unknown");
    assert_refused(&lie(|p| p.harness.isa = "avx512".into()), "harness.isa is avx512 without avx512f");
    assert_refused(&lie(|p| p.machine.logical_cpus = 0), "machine has no processors");
    assert_refused(&lie(|p| p.machine.memory_bytes = 0), "machine has no memory");
    assert_refused(&lie(|p| p.machine.available_memory_bytes = 9 << 30), "more memory free than installed");
    assert_refused(&lie(|p| p.ceilings.as_mut().unwrap().f32_flops_per_s = 0), "a ceiling is 0");
    assert_refused(&lie(|p| p.cells[0].peak_memory_bytes = Some(1 << 50)), "more than the machine has");
}

#[test]
fn a_null_that_is_left_out_is_refused() {
    assert_refused(&edit("\"reason\":null,", ""), "a member is left out");
}

#[test]
fn a_false_self_check_is_refused() {
    assert_refused(&lie(|p| p.cells[0].self_check_digest = Some(Digest::of(b"x"))), "self_check is Match");
    assert_refused(
        &lie(|p| p.cells[1].self_check = SelfCheck::Match),
        "self_check is Match, its digest says None",
    );
    let measured = lie(|p| {
        p.cells[0].self_check_digest = Some(Digest::of(b"x"));
        p.cells[0].self_check = SelfCheck::Mismatch;
    });
    assert_refused(&measured, "computes wrongly, and yet the cell is not failed");
}

#[test]
fn local_weights_cannot_pass_as_the_suites() {
    let weights = Some(Weights { source: "local".to_owned(), digest: Digest::of(b"mine") });
    assert_refused(&lie(|p| p.cells[0].weights = weights.clone()), "its digest says None");
    let mut profile = honest();
    profile.cells[0].weights = weights;
    profile.cells[0].self_check = SelfCheck::None;
    run(&mut profile);
    let verification = check(&signed(profile));
    assert_eq!(verification.reasons, []);
    assert_eq!(verification.profile.unwrap().coverage.workloads[0].failing_factor, Some(Factor::Verified));
}

#[test]
fn results_without_measurement_are_refused() {
    assert_refused(&lie(|p| p.cells[0].status = Status::Failed), "not measured without a reason");
    assert_refused(&lie(|p| p.cells[0].status = Status::NotCovered), "not measured, and yet it has results");
    assert_refused(&lie(|p| p.cells[0].status = Status::NotCovered), "memory and ceilings allow it");
    assert_refused(&lie(|p| p.cells[0].reason = Some("why".into())), "measured, and yet a reason is given");
    assert_refused(&careful_lie(|p| p.cells[0].load_ns = None), "measured without load_ns");
}

#[test]
fn a_raised_coverage_or_capacity_is_refused() {
    assert_refused(&lie(|p| p.coverage.low_ppm = 999_999), "coverage.low_ppm is 999999, recomputed 691502");
    assert_refused(
        &lie(|p| p.coverage.workloads[1].failing_factor = None),
        "coverage.workloads[1].failing_factor is null",
    );
    assert_refused(
        &lie(|p| p.coverage.classes[0].after.model_ppm = 1),
        "coverage.classes[0].after.model_ppm is 1",
    );
    let faster = |p: &mut Profile| p.cells[0].capacity.as_mut().unwrap().requests_per_hour += 1;
    assert_refused(&lie(faster), "capacity does not follow from the latencies");
}

#[test]
fn every_reason_is_listed() {
    let reasons = lie(|p| {
        p.suite.version = "9.0.0".into();
        p.challenge.kind = "network".into();
        p.coverage.success_ppm = 1;
    });
    for expected in ["suite is called", "challenge.kind", "seed_0 does not follow", "coverage.success_ppm"] {
        assert_refused(&reasons, expected);
    }
}

#[test]
fn a_failed_cell_is_valid_leaves_the_chain_and_covers_nothing() {
    let mut profile = honest();
    let cell = &mut profile.cells[0];
    cell.status = Status::Failed;
    cell.reason = Some("took longer than its limit of 300 s".to_owned());
    unmeasure(cell);
    run(&mut profile);
    let verification = check(&signed(profile));
    assert_eq!(verification.reasons, []);
    let coverage = verification.profile.unwrap().coverage;
    assert_eq!(coverage.workloads[0].failing_factor, Some(Factor::Model));
    let chat = coverage.classes.iter().find(|class| class.class == "chat").unwrap();
    assert_eq!((chat.success_ppm, chat.after.model_ppm, chat.missing.len()), (750_000, 750_000, 1));
}

/// Takes away what only a measured cell has.
fn unmeasure(cell: &mut Cell) {
    (cell.seed_0, cell.capacity, cell.statistics, cell.roofline) = (None, None, None, None);
    for samples in [&mut cell.latency_ns, &mut cell.ttft_ns, &mut cell.tpot_ns] {
        samples.clear();
    }
    cell.output_digests.clear();
}

#[test]
fn a_workload_that_does_not_fit_is_valid_and_lacks_hardware() {
    let not_covered = |available_bytes: u64, needed_bytes: u64| {
        let mut profile = honest();
        profile.machine.available_memory_bytes = available_bytes;
        for cell in &mut profile.cells {
            cell.peak_memory_bytes = None;
        }
        let cell = &mut profile.cells[0];
        let obstacle = Obstacle::Memory { needed_bytes, available_bytes };
        cell.status = Status::NotCovered;
        cell.reason = Some(words::obstacle(obstacle));
        cell.obstacle = Some(obstacle);
        unmeasure(cell);
        run(&mut profile);
        (profile.coverage.workloads[0].failing_factor, reasons(&signed(profile)))
    };
    let needed = suite().workloads[0].memory_bytes(1, 2);
    assert_eq!(not_covered(needed - 1, needed), (Some(Factor::Hardware), Vec::new()));
    assert_refused(
        &not_covered(needed - 1, needed + 1).1,
        "obstacle does not follow from machine and ceilings",
    );
    assert_refused(&not_covered(needed, needed + 1).1, "not covered, and yet memory and ceilings allow it");
}

#[test]
fn a_limit_out_of_reach_by_a_factor_of_ten_is_valid_and_costs_latency() {
    let mut profile = honest();
    // A machine of the nineties.
    profile.ceilings = Some(Ceilings { read_bytes_per_s: 1_000_000_000, f32_flops_per_s: 1_000_000_000 });
    let suite = suite();
    let obstacle = derived::obstacle(&suite.workloads[0], 2, &profile.machine, profile.ceilings).unwrap();
    let cell = &mut profile.cells[0];
    cell.status = Status::NotCovered;
    cell.reason = Some(words::obstacle(obstacle));
    cell.obstacle = Some(obstacle);
    unmeasure(cell);
    run(&mut profile);
    assert_eq!(profile.coverage.workloads[0].failing_factor, Some(Factor::Latency));
    assert!(matches!(obstacle, Obstacle::Slo { limit: Limit::Ttft, .. }), "{obstacle:?}");
    assert_eq!(check(&signed(profile)).reasons, []);
}

#[test]
fn the_highest_rate_that_was_met_is_the_capacity() {
    let mut profile = honest();
    let capacity = searched(&mut profile).capacity.clone().unwrap();
    let verdicts: Vec<TrialVerdict> = capacity.trials.iter().map(|trial| trial.verdict).collect();
    assert_eq!(verdicts, [TrialVerdict::Met, TrialVerdict::Missed]);
    assert_eq!((capacity.requests_per_hour, capacity.trials[0].requests), (36_000, 46));
    // 46 of 46 are in time, and 0.9368^46 is 5 %.
    assert_eq!(capacity.trials[0].attainment_low_ppm, 936_950);
    assert!(capacity.trials[1].within_slo < 50);
}

#[test]
fn trials_that_cannot_have_been_are_refused() {
    let trial_lie =
        |change: fn(&mut Capacity)| careful_lie(|p| change(searched(p).capacity.as_mut().unwrap()));
    for (change, expected) in [
        ((|c| c.trials[0].requests = 30) as fn(&mut Capacity), "trial 0: 30 requests, its rate fixes 46"),
        (|c| c.trials[1].latency_ns[30] = 1, "trial 1: requests 30..31 ended before they can have"),
        (|c| c.trials[0].latency_ns[20] = u64::MAX >> 11, "ended before they can have"),
        (|c| c.trials[0].output_digests.truncate(45), "46 latencies, 0 ttft_ns, 45 output digests"),
        (|c| c.trials[0].ttft_ns.push(1), "46 latencies, 1 ttft_ns"),
        (|c| c.trials[0].batches[0] = 2, "batches of 47 requests"),
        (|c| c.trials[0].batches = vec![46], "at most 8 a pass"),
        (
            |c| {
                c.trials[0].batches.truncate(45);
                c.trials[0].batches[3] = 2;
            },
            "requests 3..5 ran together and did not end together",
        ),
        (|c| c.trials.swap(0, 1), "the trials' rates do not ascend"),
        (|c| c.trials[0].requests_per_hour = 72_000, "trial 0: requests"),
        (|c| c.max_batch = 16, "max_batch is not the suite's"),
        (|c| c.trials.clear(), "0 trials, expected 1 to 6"),
        (
            |c| c.basis = CapacityBasis::ClosedLoop,
            "capacity.basis is ClosedLoop, times and suite call for OpenLoop",
        ),
        (
            |c| c.trials[1].output_digests[0] = c.trials[0].output_digests[0],
            "1 output digests were there before",
        ),
    ] {
        assert_refused(&trial_lie(change), expected);
    }
    assert_refused(
        &lie(|p| searched(p).capacity.as_mut().unwrap().requests_per_hour += 1),
        "capacity does not follow",
    );
    let swapped = lie(|p| searched(p).capacity.as_mut().unwrap().trials[0].output_digests.swap(0, 1));
    assert_refused(&swapped, "chain_head does not follow");
    let on = careful_lie(|p| {
        let trials = &mut searched(p).capacity.as_mut().unwrap().trials;
        let mut again = trials[1].clone();
        again.requests_per_hour += 1;
        trials.push(again);
    });
    assert_refused(&on, "the search goes on behind a trial that was not met");
}

#[test]
fn figures_that_do_not_follow_from_the_samples_are_refused() {
    fn statistics(profile: &mut Profile) -> &mut CellStatistics {
        profile.cells[0].statistics.as_mut().unwrap()
    }
    assert_refused(&lie(|p| statistics(p).latency.median_ns -= 1), "statistics do not follow");
    // Ten samples support no 90th percentile.
    assert_refused(&lie(|p| statistics(p).latency.p90_ns = Some(1)), "statistics do not follow");
    assert_refused(
        &lie(|p| p.cells[0].roofline.as_mut().unwrap().share_ppm += 1),
        "roofline does not follow",
    );
    assert_refused(&lie(|p| p.ceilings = None), "roofline does not follow");
    assert_refused(&lie(|p| p.cells[0].doubts.clear()), "doubts are not those that the figures raise");
}

#[test]
fn a_machine_that_was_not_as_fast_for_all_cells_says_so() {
    let unsteady = |read_bytes_per_s| {
        let mut profile = honest();
        for cell in &mut profile.cells {
            cell.ceilings = profile.ceilings;
        }
        profile.cells[3].ceilings.as_mut().unwrap().read_bytes_per_s = read_bytes_per_s;
        profile
    };
    assert_eq!(reasons(&signed(unsteady(34_000_000_000))), [""; 0]);
    assert_refused(&reasons(&signed(unsteady(33_000_000_000))), "doubts are not those that the cells raise");
    let mut honest = unsteady(33_000_000_000);
    honest.doubts.extend(derived::run_doubts(&honest.cells));
    assert_eq!(honest.doubts[1].detail, "reading varied between 33 and 40 GB/s");
    assert_eq!(reasons(&signed(honest)), [""; 0]);
}

#[test]
fn observed_doubts_stand_before_those_of_the_figures() {
    let mut profile = honest();
    let kinds = |cell: &Cell| cell.doubts.iter().map(|doubt| doubt.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&profile.cells[0]), [DoubtKind::TooFewSamples]);
    let doubt = profile.doubts[0].clone();
    profile.cells[0].doubts.insert(0, doubt);
    assert_eq!(reasons(&signed(profile.clone())), [""; 0]);
    profile.cells[0].warm_up.as_mut().unwrap().duration_ns = 1_000_000_000;
    profile.cells[0].warm_up.as_mut().unwrap().window_median_ns[0] = 400_000_000;
    run(&mut profile);
    let expected = [DoubtKind::ForeignLoad, DoubtKind::TooFewSamples, DoubtKind::UnstableWarmUp];
    assert_eq!(kinds(&profile.cells[0]), expected);
    assert_eq!(reasons(&signed(profile)), [""; 0]);
}

#[test]
fn sittings_that_cannot_be_are_refused_and_an_honest_resumption_is_not() {
    let sitting =
        |time: &str, first_cell| Sitting { started_at: format!("2026-11-21T04:{time}Z"), first_cell };
    let mut resumed = honest();
    resumed.sittings.push(sitting("00:40", 3));
    resumed.cells[3].attempt = 1;
    run(&mut resumed);
    assert_eq!(reasons(&signed(resumed)), [""; 0]);
    assert_refused(&lie(|p| p.sittings.clear()), "sittings are empty");
    assert_refused(&lie(|p| p.sittings[0].first_cell = 1), "the first sitting is not the run's start");
    assert_refused(&lie(|p| p.sittings.push(sitting("05:00", 1))), "times do not ascend");
    assert_refused(&lie(|p| p.sittings.push(sitting("00:40", 99))), "cells do not ascend");
}

#[test]
fn slow_requests_lower_coverage_and_too_many_end_it() {
    let with_slow = |slow: usize| {
        let mut profile = honest();
        let index =
            profile.cells.iter().position(|cell| cell.workload == "embed-query-minilm-exact-f32").unwrap();
        profile.cells[index].latency_ns[..slow].fill(200_000_000);
        run(&mut profile);
        let row = profile.coverage.workloads[index].clone();
        assert_eq!(check(&signed(profile)).reasons, []);
        (row.within_slo, row.success_ppm, row.failing_factor)
    };
    assert_eq!(with_slow(1), (9, 900_000, None));
    assert_eq!(with_slow(2), (8, 0, Some(Factor::Latency)));
}

#[test]
fn a_rate_below_the_asked_one_is_a_lack_of_capacity() {
    let mut profile = honest();
    let suite = suite();
    let index = suite.workloads.iter().position(|w| w.shape.task() == Task::Reranking).unwrap();
    profile.cells[index].latency_ns.fill(2_000_000_000);
    profile.finished_at = "2026-11-21T04:02:00Z".to_owned();
    run(&mut profile);
    let row = &profile.coverage.workloads[index];
    assert_eq!(row.failing_factor, Some(Factor::Capacity));
    assert_eq!(check(&signed(profile)).reasons, []);
}
