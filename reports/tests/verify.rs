//! `verify` accepts an honest profile and refuses every edit of it, for the right reason.
//!
//! Two kinds of edits: of the bytes, as a forger without the key makes them, and of the content before signing, as a
//! lying operator makes them. Figures have a file of their own.

mod honest;

use honest::*;
use proofmark_reports::document::sign;
use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, did_key, key};

#[test]
fn an_honest_profile_is_valid_and_covers_what_its_exact_cells_serve() {
    let bytes = signed(honest());
    let verification = check(&bytes);
    assert_eq!(verification.reasons, []);
    assert_eq!(verification.report_id, Digest::of(&bytes));
    let coverage = verification.profile.unwrap().coverage;
    assert_eq!((coverage.success_ppm, coverage.low_ppm, coverage.high_ppm), (1_000_000, 857_526, 1_000_000));
    for row in &coverage.workloads {
        let expected = if row.workload.contains("native") { Some(Factor::Verified) } else { None };
        assert_eq!(row.failing_factor, expected, "{}", row.workload);
    }
}

/// The honest profile as if a GPU had made it.
fn on_a_gpu() -> Profile {
    let mut profile = honest();
    profile.machine.accelerators.push(accelerator("cuda:1"));
    for cell in &mut profile.cells {
        cell.device = "cuda:1".to_owned();
        for round in &mut cell.rounds {
            round.accelerator = Some(AcceleratorReadings {
                before: AcceleratorReading::default(),
                after: AcceleratorReading { temperature_celsius: Some(71), ..AcceleratorReading::default() },
                peak_memory_bytes: Some(1 << 30),
            });
        }
    }
    run(&mut profile);
    profile
}

#[test]
fn an_honest_profile_of_a_gpu_is_valid() {
    assert_eq!(check(&signed(on_a_gpu())).reasons, []);
}

#[test]
fn a_gpu_that_contradicts_itself_or_the_cells_is_refused() {
    let refused = |change: fn(&mut Profile), reason: &str| {
        let mut profile = on_a_gpu();
        change(&mut profile);
        run(&mut profile);
        assert_refused(&reasons(&signed(profile)), reason);
    };
    refused(|p| p.machine.accelerators.clear(), "device `cuda:1` is none of the machine's");
    refused(|p| p.machine.accelerators.push(accelerator("cuda:2")), "no cell ran on accelerator 1");
    refused(
        |p| p.machine.accelerators.insert(0, accelerator("cuda:1")),
        "not cuda:N in ascending order of N",
    );
    refused(|p| p.machine.accelerators[0].device = "cuda:01".into(), "not cuda:N in ascending order of N");
    refused(|p| p.machine.accelerators[0].memory_bytes = 0, "accelerator 0 has no memory");
    refused(|p| p.cells[2].device = "cpu".into(), "the device differs within the run");
    refused(|p| p.cells[2].rounds[1].accelerator = None, "round 1: no readings of the GPU");
    let peak = |p: &mut Profile| {
        let readings = p.cells[2].rounds[0].accelerator.as_mut();
        readings.unwrap().peak_memory_bytes = Some(81 << 30);
    };
    refused(peak, "round 0: more memory than the GPU has");
    let readings = on_a_gpu().cells[0].rounds[0].accelerator.clone();
    let mut profile = honest();
    profile.cells[0].rounds[0].accelerator = readings;
    run(&mut profile);
    assert_refused(&reasons(&signed(profile)), "round 0: readings of a GPU, on the processor");
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
    assert_refused(&lie(|p| p.schema = "2.0.0".into()), "schema is `2.0.0`, this program reads 1.4.0");
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
    assert_refused(&reasons(&bytes), "cell 0 (chat-135m-exact-f32): seed_0 of round 0 does not follow");
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
        &lie(|p| p.started_at = "2026-11-21T04:01:51Z".into()),
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
    assert_refused(&lie(|p| p.suite.digest = Digest::of(b"x")), "is unknown, this program has smoke 1.3.0");
    assert_refused(&lie(|p| p.suite.version = "9.0.0".into()), "suite is called `smoke 9.0.0`");
}

#[test]
fn an_unknown_challenge_is_refused() {
    assert_refused(
        &edit("\"kind\":\"self_issued\"", "\"kind\":\"hearsay\""),
        "challenge.kind: unknown variant `hearsay`",
    );
}

#[test]
fn a_swapped_nonce_machine_or_binary_breaks_the_chain() {
    for change in [
        (|p: &mut Profile| p.challenge = Challenge::SelfIssued { nonce: Digest::of(b"x") })
            as fn(&mut Profile),
        |p| p.machine.commitment = Digest::of(b"x"),
        |p| p.harness.binary_digest = Digest::of(b"x"),
    ] {
        assert_refused(
            &lie(change),
            "cell 0 (chat-135m-exact-f32): seed_0 of round 0 does not follow from the chain",
        );
    }
}

#[test]
fn exchanged_repeated_or_replaced_digests_break_the_chain() {
    assert_refused(
        &lie(|p| p.cells[1].rounds[4].output_digests.swap(0, 1)),
        "cell 1 (chat-135m-native-f32): chain_head of round 4",
    );
    assert_refused(
        &lie(|p| p.cells[1].rounds[0].output_digests[3] = p.cells[1].rounds[0].output_digests[2]),
        "chain_head of round 0",
    );
    assert_refused(
        &lie(|p| p.cells[2].rounds[1].seed_0 = Digest::of(b"x")),
        "cell 2 (chat-135m-exact-bf16): seed_0 of round 1",
    );
}

#[test]
fn a_removed_reordered_or_doubled_cell_is_refused() {
    assert_refused(&lie(|p| drop(p.cells.remove(1))), "seed_0 of round 0 does not follow");
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
        |c| c.batch = 64,
    ] {
        assert_refused(&careful_lie(|p| change(&mut p.cells[0])), "the suite says");
    }
}

#[test]
fn a_wrong_number_of_samples_is_refused() {
    assert_refused(
        &careful_lie(|p| p.cells[0].rounds[0].output_digests.truncate(3)),
        "round 0: 4 timed iterations, 3 output digests",
    );
    assert_refused(&careful_lie(|p| p.cells[0].rounds[0].ttft_ns.clear()), "4 timed iterations, 0 ttft_ns");
    assert_refused(&careful_lie(|p| p.cells[0].rounds[0].ttft_ns[0] = 0), "tpot_ns of iteration 0");
    assert_refused(
        &careful_lie(|p| p.cells[ENCODER].rounds[5].ttft_ns.push(1)),
        "token times of an output that comes whole",
    );
    let few = careful_lie(|p| {
        p.cells[ENCODER].rounds[0].latency_ns.truncate(2);
        p.cells[ENCODER].rounds[0].output_digests.truncate(2);
    });
    assert_refused(&few, "2 timed iterations, warm-up and suite fix 4");
    assert_refused(
        &careful_lie(|p| p.cells[ENCODER].rounds[0].latency_ns[0] = 0),
        "an iteration took no time",
    );
}

/// An honest reranker of a few documents in half precision was refused for it.
#[test]
fn the_sketch_of_a_native_answer_may_come_again() {
    let repeated =
        careful_lie(|p| p.cells[1].rounds[0].output_digests[1] = p.cells[1].rounds[0].output_digests[0]);
    assert!(repeated.iter().all(|reason| !reason.contains("there before")), "{repeated:?}");
}

#[test]
fn answers_that_come_again_are_refused() {
    let repeated =
        careful_lie(|p| p.cells[0].rounds[0].output_digests[1] = p.cells[0].rounds[0].output_digests[0]);
    assert_refused(&repeated, "cell 0 (chat-135m-exact-f32): 1 output digests were there before");
    let across =
        careful_lie(|p| p.cells[2].rounds[0].output_digests[1] = p.cells[0].rounds[0].output_digests[0]);
    assert_refused(&across, "cell 2 (chat-135m-exact-bf16): 1 output digests were there before");
    let cached =
        careful_lie(|p| p.cells[0].rounds[0].output_digests[1] = p.cells[0].self_check_digest.unwrap());
    assert_refused(&cached, "an output digest is that of the self-check");
}

#[test]
fn free_parameters_of_a_seed_are_refused() {
    assert_refused(
        &careful_lie(|p| p.cells[0].rounds[0].attempt = 7),
        "round 0 of cell 0 is attempt 7 after 0 interruptions",
    );
    assert_refused(&careful_lie(|p| p.cells[0].threads = 64), "threads differ within the run");
    let weights = |source: &str| Some(Weights { source: source.to_owned(), digest: Digest::of(b"x") });
    assert_refused(
        &careful_lie(|p| p.cells[1].weights = weights("synthetic")),
        "another than an earlier cell's",
    );
    for source in ["stolen", "hub"] {
        let lie = careful_lie(|p| p.cells[1].weights = weights(source));
        assert_refused(&lie, "neither synthetic nor local");
    }
}

#[test]
fn a_machine_that_cannot_be_is_refused() {
    assert_refused(&lie(|p| p.harness.isa = "quantum".into()), "harness.isa `quantum` is unknown");
    assert_refused(&lie(|p| p.harness.isa = "avx512".into()), "harness.isa is avx512 without avx512f");
    assert_refused(&lie(|p| p.machine.logical_cpus = 0), "machine has no processors");
    assert_refused(&lie(|p| p.machine.memory_bytes = 0), "machine has no memory");
    assert_refused(&lie(|p| p.machine.available_memory_bytes = 9 << 30), "more memory free than installed");
    assert_refused(&lie(|p| p.ceilings.as_mut().unwrap().f32_flops_per_s = 0), "a ceiling is 0");
    assert_refused(
        &lie(|p| p.cells[0].rounds[0].peak_memory_bytes = Some(1 << 50)),
        "more than the machine has",
    );
}

#[test]
fn a_null_that_is_left_out_is_refused() {
    assert_refused(&edit("\"reason\":null,", ""), "a member is left out");
}

#[test]
fn a_value_in_another_shape_that_serde_would_take_is_refused() {
    for (from, to) in [
        (r#"{"overhead_ps":20000,"resolution_ns":1,"source":"tsc"}"#, r#"["tsc",1,20000]"#),
        (r#""status":"measured""#, r#""status":{"measured":null}"#),
        (r#""kind":"self_issued","#, r#""kind":"self_issued","more":1,"#),
    ] {
        assert!(!edit(from, to).iter().any(|reason| reason.contains("signature")), "{to}");
    }
    assert_refused(
        &edit(r#""status":"measured""#, r#""status":{"measured":null}"#),
        "spelled in another way",
    );
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
    assert_refused(&lie(|p| p.cells[0].weights = None), "measured without weights");
}

#[test]
fn every_reason_is_listed() {
    let reasons = lie(|p| {
        p.suite.version = "9.0.0".into();
        p.challenge = Challenge::SelfIssued { nonce: Digest::of(b"x") };
        p.coverage.success_ppm = 1;
    });
    for expected in ["suite is called", "seed_0 of round 0 does not follow", "coverage.success_ppm"] {
        assert_refused(&reasons, expected);
    }
}
