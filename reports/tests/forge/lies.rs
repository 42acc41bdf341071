//! Lies that an operator signs: of the run, its work, its machine and its figures.

use proofmark_reports::document::sign;
use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, did_key, key};
use serde_json::json;

use super::{Attack, careful_lie, lie, lie_in_the_tree, profile};
use crate::honest::{CREATED, operator, signed};

/// The cell of the brief profile that generates, and the one that does not.
const CHAT: usize = 0;
const EMBEDDING: usize = 1;

pub(super) const ATTACKS: &[Attack] = &[
    ("operator_took_anothers_body", || {
        let thief = key::from_seed(&[9; 32]);
        let mut profile = profile();
        profile.operator = did_key::format(&thief.verifying_key());
        sign(profile, CREATED.parse().unwrap(), &thief).unwrap()
    }),
    ("operator_not_the_signer", || {
        sign(profile(), CREATED.parse().unwrap(), &key::from_seed(&[9; 32])).unwrap()
    }),
    ("chain_without_an_output", || lie(|p| p.cells[CHAT].rounds[1].output_digests.truncate(3))),
    ("chain_with_outputs_exchanged", || lie(|p| p.cells[CHAT].rounds[1].output_digests.swap(0, 1))),
    ("chain_with_an_output_repeated", || {
        careful_lie(|p| p.cells[CHAT].rounds[1].output_digests[1] = p.cells[CHAT].rounds[1].output_digests[0])
    }),
    ("chain_with_an_output_of_another_cell", || {
        careful_lie(|p| {
            p.cells[EMBEDDING].rounds[0].output_digests[0] = p.cells[CHAT].rounds[0].output_digests[0]
        })
    }),
    ("chain_with_the_answer_of_the_self_check", || {
        careful_lie(|p| p.cells[CHAT].rounds[0].output_digests[0] = p.cells[CHAT].self_check_digest.unwrap())
    }),
    ("chain_with_rounds_exchanged", || lie(|p| p.cells[CHAT].rounds.swap(0, 1))),
    ("chain_with_a_cell_taken_out", || lie(|p| drop(p.cells.remove(CHAT)))),
    ("chain_with_another_head", || lie(|p| p.cells[CHAT].rounds[0].chain_head = Digest::of(b"x"))),
    ("chain_of_another_machine", || lie(|p| p.machine.commitment = Digest::of(b"x"))),
    ("chain_of_another_program", || lie(|p| p.harness.binary_digest = Digest::of(b"x"))),
    ("chain_with_a_chosen_attempt", || careful_lie(|p| p.cells[CHAT].rounds[0].attempt = 7)),
    ("cell_twice", || careful_lie(|p| p.cells.insert(1, p.cells[CHAT].clone()))),
    ("cells_out_of_order", || careful_lie(|p| p.cells.swap(CHAT, EMBEDDING))),
    ("cell_of_no_workload", || careful_lie(|p| p.cells[CHAT].workload = "chat-70b".into())),
    ("cell_of_another_device", || careful_lie(|p| p.cells[CHAT].device = "cuda:0".into())),
    ("cell_of_another_precision", || careful_lie(|p| p.cells[CHAT].precision = "bf16".into())),
    ("cell_with_other_threads", || careful_lie(|p| p.cells[EMBEDDING].threads = 64)),
    ("weights_stolen", || careful_lie(|p| p.cells[CHAT].weights.as_mut().unwrap().source = "stolen".into())),
    ("weights_local_under_the_suites_digest", || {
        lie(|p| p.cells[CHAT].weights = Some(Weights { source: "local".into(), digest: Digest::of(b"mine") }))
    }),
    ("self_check_false", || lie(|p| p.cells[CHAT].self_check_digest = Some(Digest::of(b"x")))),
    ("self_check_mismatch_yet_measured", || {
        lie(|p| {
            p.cells[CHAT].self_check_digest = Some(Digest::of(b"x"));
            p.cells[CHAT].self_check = SelfCheck::Mismatch;
        })
    }),
    ("round_left_out", || careful_lie(|p| drop(p.cells[EMBEDDING].rounds.remove(3)))),
    ("samples_left_out", || {
        careful_lie(|p| {
            p.cells[EMBEDDING].rounds[0].latency_ns.truncate(2);
            p.cells[EMBEDDING].rounds[0].output_digests.truncate(2);
        })
    }),
    ("samples_without_outputs", || careful_lie(|p| p.cells[CHAT].rounds[0].output_digests.truncate(3))),
    ("sample_of_no_time", || careful_lie(|p| p.cells[EMBEDDING].rounds[0].latency_ns[0] = 0)),
    ("samples_of_all_time", || careful_lie(|p| p.cells[EMBEDDING].rounds[0].latency_ns.fill((1 << 53) - 1))),
    ("warm_up_cut_short", || careful_lie(|p| p.cells[EMBEDDING].rounds[0].warm_up.duration_ns = 1)),
    ("tokens_after_the_request", || careful_lie(|p| p.cells[CHAT].rounds[0].ttft_ns[0] = (1 << 53) - 1)),
    ("tokens_outside_generation", || careful_lie(|p| p.cells[EMBEDDING].rounds[0].ttft_ns.push(1))),
    ("statistics_median_above_the_maximum", || {
        lie(|p| {
            let latency = &mut p.cells[CHAT].statistics.as_mut().unwrap().latency;
            latency.median_ns = latency.max_ns + 1;
        })
    }),
    ("statistics_median_above_the_99th_percentile", || {
        lie(|p| {
            let latency = &mut p.cells[CHAT].statistics.as_mut().unwrap().latency;
            latency.p99_ns = Some(latency.median_ns - 1);
        })
    }),
    ("roofline_raised", || lie(|p| p.cells[CHAT].roofline.as_mut().unwrap().share_ppm += 1)),
    ("roofline_left_behind", || {
        careful_lie(|p| {
            for round in &mut p.cells[CHAT].rounds {
                round.latency_ns.fill(20_000);
                round.ttft_ns.fill(10_000);
            }
        })
    }),
    ("capacity_raised", || lie(|p| p.cells[CHAT].capacity.as_mut().unwrap().requests_per_hour += 1)),
    ("coverage_raised", || lie(|p| p.coverage.success_ppm = 1_000_000)),
    ("coverage_without_a_class", || lie(|p| drop(p.coverage.classes.pop()))),
    ("doubt_hidden", || lie(|p| p.cells[CHAT].doubts.clear())),
    ("not_measured_with_results", || lie(|p| p.cells[CHAT].status = Status::NotCovered)),
    ("not_measured_without_a_reason", || {
        careful_lie(|p| {
            p.cells[CHAT].status = Status::Failed;
            p.cells[CHAT].rounds.clear();
        })
    }),
    ("not_measured_though_it_fits", || {
        careful_lie(|p| {
            p.cells[CHAT].status = Status::NotCovered;
            p.cells[CHAT].reason = Some("too large".into());
            p.cells[CHAT].rounds.clear();
        })
    }),
    ("machine_without_memory", || lie(|p| p.machine.memory_bytes = 0)),
    ("machine_smaller_than_its_process", || {
        careful_lie(|p| p.cells[CHAT].rounds[0].peak_memory_bytes = Some(1 << 50))
    }),
    ("machine_without_its_instruction_set", || lie(|p| p.harness.isa = "avx512".into())),
    ("machine_with_a_ceiling_of_nothing", || {
        careful_lie(|p| p.ceilings.as_mut().unwrap().read_bytes_per_s = 0)
    }),
    ("suite_unknown", || lie(|p| p.suite.digest = Digest::of(b"x"))),
    ("suite_under_another_name", || lie(|p| p.suite.version = "9.0.0".into())),
    ("time_of_finish_before_start", || lie(|p| p.finished_at = "2026-11-21T03:59:59Z".into())),
    ("time_of_signing_before_finish", || lie(|p| p.finished_at = "2026-11-21T04:02:01Z".into())),
    ("time_of_signing_in_the_future", || {
        sign(profile(), "2026-11-21T06:00:00Z".parse().unwrap(), &operator()).unwrap()
    }),
    ("time_of_signing_in_words", || {
        let mut configuration = super::configuration(&operator());
        configuration["created"] = "yesterday".into();
        super::seal(json!(profile()), configuration, &operator())
    }),
    ("time_in_another_spelling", || lie(|p| p.started_at = "2026-11-21T04:00:00+00:00".into())),
    ("time_too_short_for_the_work", || lie(|p| p.finished_at = "2026-11-21T04:00:03Z".into())),
    ("sittings_none", || lie(|p| p.sittings.clear())),
    ("sittings_that_do_not_ascend", || {
        lie(|p| {
            p.sittings.push(Sitting {
                started_at: "2026-11-21T04:05:00Z".into(),
                first_round: 0,
                first_cell: 1,
            });
        })
    }),
    ("extension_edited_after_signing", || {
        let mut profile = profile();
        profile.extensions.insert("region".into(), "eu-north".into());
        super::replaced(&signed(profile), "eu-north", "eu-south")
    }),
    ("output_sketch_of_no_version", || {
        lie_in_the_tree(|tree| {
            tree["cells"][CHAT]["output_sketch_root"] = Digest::of(b"x").to_string().into()
        })
    }),
];
