//! What a profile says of figures must follow from its samples, its machine and its suite; what it leaves out must have a reason.

mod honest;

use honest::*;
use proofmark_reports::schema::v1::*;
use proofmark_reports::{derived, words};
use proofmark_workloads::Task;

#[test]
fn stopping_after_a_lucky_start_is_refused() {
    let lucky = careful_lie(|p| {
        p.cells[ENCODER].rounds[2].latency_ns.truncate(3);
        p.cells[ENCODER].rounds[2].output_digests.truncate(3);
    });
    assert_refused(&lucky, "round 2: 3 timed iterations, warm-up and suite fix 4");
    fn warm_up(profile: &mut Profile) -> &mut WarmUp {
        &mut profile.cells[ENCODER].rounds[0].warm_up
    }
    assert_refused(&careful_lie(|p| warm_up(p).iterations = 0), "round 0: warm_up has an empty window");
    let short = careful_lie(|p| warm_up(p).duration_ns = 99_999_999);
    assert_refused(&short, "round 0: warm_up ended before the suite's 100 ms");
    let hasty = careful_lie(|p| warm_up(p).window_median_ns[0] = 400_000_000);
    assert_refused(&hasty, "or unstable before its 300 ms");
    let slow = careful_lie(|p| warm_up(p).window_median_ns = vec![290_000_001; 3]);
    assert_refused(&slow, "round 0: warm_up has an iteration that is longer than all of it");
}

#[test]
fn leaving_out_an_unlucky_round_is_refused() {
    let without = careful_lie(|p| drop(p.cells[ENCODER].rounds.remove(3)));
    assert_refused(&without, "5 rounds, the suite says 6");
    let doubled = careful_lie(|p| {
        let again = p.cells[ENCODER].rounds[0].clone();
        p.cells[ENCODER].rounds.push(again);
    });
    assert_refused(&doubled, "7 rounds, the suite says 6");
    assert_refused(&lie(|p| p.cells[ENCODER].rounds.swap(0, 1)), "seed_0 of round 0 does not follow");
}

#[test]
fn a_raised_coverage_or_capacity_is_refused() {
    assert_refused(&lie(|p| p.coverage.low_ppm = 999_999), "coverage.low_ppm is 999999, recomputed 857526");
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

#[test]
fn a_cell_that_failed_in_a_later_round_keeps_the_rounds_before_and_the_chain() {
    let failed_after = |rounds: usize| {
        let mut profile = honest();
        let cell = &mut profile.cells[0];
        cell.status = Status::Failed;
        cell.reason = Some("the cell's process was killed by signal 11".to_owned());
        cell.rounds.truncate(rounds);
        run(&mut profile);
        assert_eq!(profile.cells[0].statistics, None);
        reasons(&signed(profile))
    };
    assert_eq!(failed_after(3), [""; 0]);
    assert_refused(&failed_after(6), "not measured, and yet it has 6 rounds");
}

/// Takes away what only a measured cell has.
fn unmeasure(cell: &mut Cell) {
    (cell.capacity, cell.statistics, cell.roofline) = (None, None, None);
    cell.rounds.clear();
}

#[test]
fn a_workload_that_does_not_fit_is_valid_and_lacks_hardware() {
    let not_covered = |available_bytes: u64, needed_bytes: u64| {
        let mut profile = honest();
        profile.machine.available_memory_bytes = available_bytes;
        for round in profile.cells.iter_mut().flat_map(|cell| &mut cell.rounds) {
            round.peak_memory_bytes = None;
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
    // A machine that pages.
    profile.ceilings = Some(Ceilings { read_bytes_per_s: 20_000_000, f32_flops_per_s: 300_000_000_000 });
    let suite = suite();
    let obstacle =
        derived::obstacle(&suite.workloads[0], "cpu", 2, &profile.machine, profile.ceilings).unwrap();
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
        (|c| c.trials[0].batches = vec![46], "at most 8 together"),
        (
            |c| {
                c.trials[0].batches.truncate(45);
                c.trials[0].batches[3] = 2;
            },
            "requests 3..5 ran together and did not end together",
        ),
        (|c| c.trials[0].requests_per_hour = 0, "trial 0: a rate of 0"),
        (|c| c.trials.swap(0, 1), "the trials' rates do not ascend"),
        (|c| c.trials[0].requests_per_hour = 170_000, "trial 0: requests"),
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
    assert_refused(&swapped, "chain_head of round 5 does not follow");
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
    // 24 samples support no 90th percentile.
    assert_refused(&lie(|p| statistics(p).latency.p90_ns = Some(1)), "statistics do not follow");
    assert_refused(
        &lie(|p| p.cells[0].roofline.as_mut().unwrap().share_ppm += 1),
        "roofline does not follow",
    );
    assert_refused(&lie(|p| p.ceilings = None), "roofline does not follow");
    assert_refused(&lie(|p| p.cells[0].doubts.clear()), "doubts are not those of the rounds");
}

#[test]
fn a_machine_that_was_not_as_fast_for_all_cells_says_so() {
    let unsteady = |read_bytes_per_s| {
        let mut profile = honest();
        profile.started_at = "2026-11-21T03:59:00Z".to_owned();
        profile.sittings[0].started_at.clone_from(&profile.started_at);
        for round in profile.cells.iter_mut().flat_map(|cell| &mut cell.rounds) {
            round.ceilings = profile.ceilings;
        }
        profile.cells[3].rounds[5].ceilings.as_mut().unwrap().read_bytes_per_s = read_bytes_per_s;
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
fn doubts_of_the_rounds_stand_once_before_those_of_the_figures() {
    let mut profile = honest();
    let kinds = |cell: &Cell| cell.doubts.iter().map(|doubt| doubt.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&profile.cells[0]), [DoubtKind::TooFewSamples]);
    let doubt = profile.doubts[0].clone();
    profile.cells[0].rounds[1].doubts.push(doubt.clone());
    profile.cells[0].rounds[4].doubts.push(doubt);
    let unsettled = &mut profile.cells[0].rounds[5].warm_up;
    (unsettled.duration_ns, unsettled.window_median_ns[0]) = (300_000_000, 200_000_000);
    run(&mut profile);
    let expected = [DoubtKind::ForeignLoad, DoubtKind::TooFewSamples, DoubtKind::UnstableWarmUp];
    assert_eq!(kinds(&profile.cells[0]), expected);
    let details = [0, 2].map(|place: usize| profile.cells[0].doubts[place].detail.as_str());
    let settled = "after 300 ms the last 3 windows were not within 10 % (1 of 6 rounds)";
    assert_eq!(details, ["load average 1.00 (2 of 6 rounds)", settled]);
    assert_eq!(reasons(&signed(profile)), [""; 0]);
}

#[test]
fn sittings_that_cannot_be_are_refused_and_an_honest_resumption_is_not() {
    let sitting = |time: &str, first_round, first_cell| Sitting {
        started_at: format!("2026-11-21T04:{time}Z"),
        first_round,
        first_cell,
    };
    let mut resumed = honest();
    resumed.sittings.push(sitting("00:40", 2, 3));
    resumed.sittings.push(sitting("01:00", 6, 0));
    resumed.cells[3].rounds[2].attempt = 1;
    run(&mut resumed);
    assert_eq!(reasons(&signed(resumed)), [""; 0]);
    assert_refused(&lie(|p| p.sittings.clear()), "sittings are empty");
    assert_refused(&lie(|p| p.sittings[0].first_cell = 1), "the first sitting is not the run's start");
    assert_refused(&lie(|p| p.sittings.push(sitting("05:00", 0, 1))), "times do not ascend");
    assert_refused(&lie(|p| p.sittings.push(sitting("00:40", 0, 99))), "cells do not ascend");
    let back = |p: &mut Profile| p.sittings.extend([sitting("00:30", 2, 0), sitting("00:40", 1, 3)]);
    assert_refused(&lie(back), "cells do not ascend");
}

#[test]
fn slow_requests_lower_coverage_and_too_many_end_it() {
    let with_slow = |slow: usize| {
        let mut profile = honest();
        let index =
            profile.cells.iter().position(|cell| cell.workload == "embed-query-minilm-exact-f32").unwrap();
        profile.cells[index].rounds[0].latency_ns[..slow].fill(200_000_000);
        run(&mut profile);
        let row = profile.coverage.workloads[index].clone();
        assert_eq!(check(&signed(profile)).reasons, []);
        (row.within_slo, row.success_ppm, row.failing_factor)
    };
    assert_eq!(with_slow(2), (22, 916_666, None));
    assert_eq!(with_slow(3), (21, 0, Some(Factor::Latency)));
}

#[test]
fn a_rate_below_the_asked_one_is_a_lack_of_capacity() {
    let mut profile = honest();
    let suite = suite();
    let index = suite.workloads.iter().position(|w| w.shape.task() == Task::Reranking).unwrap();
    for round in &mut profile.cells[index].rounds {
        round.latency_ns.fill(2_000_000_000);
    }
    profile.started_at = "2026-11-21T03:59:00Z".to_owned();
    profile.sittings[0].started_at.clone_from(&profile.started_at);
    run(&mut profile);
    let row = &profile.coverage.workloads[index];
    assert_eq!(row.failing_factor, Some(Factor::Capacity));
    assert_eq!(check(&signed(profile)).reasons, []);
}
