//! Synthetic fleets: they pass verification, are marked, and are what the truth beside them says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proofmark_reports::document;
use proofmark_reports::schema::v1::*;
use proofmark_reports::synthetic::{Fleet, Kind, Synthetic, Truth, is_synthetic};
use proofmark_reports::verify::{Context, verify};
use proofmark_workloads::{Suite, embedded};

const LIGHT: &str = include_str!("data/light.toml");
/// More operators than it takes to have each kind.
const OPERATORS: u32 = 60;

fn light() -> Suite {
    Suite::parse("light.toml", LIGHT).unwrap()
}

fn made(suite: &Suite, operators: u32, seed: u64) -> Vec<Synthetic> {
    let fleet = Fleet::new(suite, operators, seed);
    (0..fleet.profiles()).map(|index| fleet.profile(index).unwrap()).collect()
}

fn reasons(suite: &Suite, bytes: &[u8]) -> Vec<String> {
    let suites = std::slice::from_ref(suite);
    let verification = verify(bytes, Context::new(suites, "2026-11-21T05:00:00Z".parse().unwrap()));
    verification.reasons.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_verified(suite: &Suite, fleet: &[Synthetic]) {
    for Synthetic { file_name, bytes, truth } in fleet {
        let class = &truth.class;
        assert_eq!(reasons(suite, bytes), [""; 0], "{file_name} of class {class} in {}", suite.name);
    }
}

fn opened(synthetic: &Synthetic) -> Profile {
    document::open(&synthetic.bytes).unwrap().document
}

/// The profiles of a light fleet with their truths.
fn read(operators: u32, seed: u64) -> Vec<(Profile, Truth)> {
    made(&light(), operators, seed).iter().map(|made| (opened(made), made.truth.clone())).collect()
}

fn of_kind(fleet: &[(Profile, Truth)], kind: Kind) -> Vec<&(Profile, Truth)> {
    let found: Vec<_> = fleet.iter().filter(|(_, truth)| truth.kind == kind).collect();
    assert!(!found.is_empty(), "{kind:?}");
    found
}

/// The profile whose machine or figures another one claims.
fn original<'a>(fleet: &'a [(Profile, Truth)], truth: &Truth) -> &'a (Profile, Truth) {
    let of = truth.of.as_ref().unwrap();
    fleet.iter().find(|(profile, _)| profile.operator == *of).unwrap()
}

fn latencies(profile: &Profile) -> Vec<Vec<u64>> {
    profile.cells.iter().map(Cell::latency_ns).collect()
}

#[test]
fn every_profile_of_a_fleet_passes_verification() {
    for suite in [embedded().remove(0), light()] {
        for seed in 1..=3 {
            assert_verified(&suite, &made(&suite, OPERATORS, seed));
        }
    }
}

#[test]
fn a_fleet_fits_any_suite() {
    let mut suites = embedded();
    suites.push(Suite::parse("tiny.toml", include_str!("../../harness/tests/data/tiny.toml")).unwrap());
    for suite in suites {
        assert_verified(&suite, &made(&suite, 16, 4));
    }
}

#[test]
fn a_suite_without_ceilings_has_none() {
    let text = LIGHT.replace("ceilings_ms = 1000", "ceilings_ms = 0");
    let suite = Suite::parse("unlimited.toml", &text).unwrap();
    let fleet = made(&suite, 16, 1);
    assert_verified(&suite, &fleet);
    assert!(fleet.iter().all(|made| opened(made).ceilings.is_none()));
}

#[test]
fn slow_machines_fail_where_a_suite_gives_them_no_time() {
    let text = LIGHT.replace("time_limit_s = 300", "time_limit_s = 5");
    let suite = Suite::parse("hurried.toml", &text).unwrap();
    let fleet = made(&suite, OPERATORS, 1);
    assert_verified(&suite, &fleet);
    let mut failed = 0;
    for made in &fleet {
        for cell in opened(made).cells.iter().filter(|cell| cell.status == Status::Failed) {
            if cell.reason.as_deref() == Some("took longer than its limit of 5 s") {
                failed += 1;
                assert_eq!(made.truth.success_ppm[&cell.workload], 0);
            }
        }
    }
    assert!(failed > 0);
}

#[test]
fn a_profile_is_the_same_whenever_it_is_made() {
    let suite = light();
    let fleet = Fleet::new(&suite, OPERATORS, 1);
    let forwards = made(&suite, OPERATORS, 1);
    for index in (0..fleet.profiles()).rev() {
        let again = fleet.profile(index).unwrap();
        assert!(again.bytes == forwards[index].bytes && again.truth == forwards[index].truth, "{index}");
    }
}

#[test]
fn another_seed_has_other_operators_machines_and_bytes() {
    let [one, other] = [1, 2].map(|seed| read(OPERATORS, seed));
    let of = |fleet: &[(Profile, Truth)]| -> BTreeSet<String> {
        let names = |(profile, _): &(Profile, Truth)| {
            [profile.operator.clone(), profile.machine.commitment.to_string()]
        };
        fleet.iter().flat_map(names).collect()
    };
    assert!(of(&one).is_disjoint(&of(&other)));
    assert_ne!(latencies(&one[0].0), latencies(&other[0].0));
}

#[test]
fn a_larger_fleet_begins_with_the_smaller_one() {
    let suite = light();
    let (small, large) = (made(&suite, 23, 9), Fleet::new(&suite, 1000, 9));
    for (index, made) in small.iter().enumerate() {
        assert!(made.bytes == large.profile(index).unwrap().bytes, "{index}");
    }
    assert_eq!(Fleet::new(&suite, 0, 9).profiles(), 0);
}

#[test]
fn a_light_profile_stays_below_31_kilobytes() {
    let fleet = made(&light(), OPERATORS, 1);
    let largest = fleet.iter().map(|made| made.bytes.len()).max().unwrap();
    assert!(largest < 31_000, "{largest}");
}

#[test]
fn the_mark_is_inside_the_signature() {
    let suite = light();
    let made = Fleet::new(&suite, 1, 77).profile(0).unwrap();
    let mut profile = opened(&made);
    assert!(is_synthetic(&profile));
    let mark = &profile.extensions["synthetic"];
    assert_eq!(mark["generator"], "proofmark fleet synth");
    assert_eq!((&mark["seed"], &mark["index"]), (&"77".into(), &0.into()));
    assert_eq!(mark["class"], made.truth.class.as_str());

    profile.extensions.remove("synthetic");
    assert!(!is_synthetic(&profile));
    let stripped = document::write(&profile).unwrap();
    let reasons = reasons(&suite, &stripped);
    assert!(reasons.len() == 1 && reasons[0].contains("signature"), "{reasons:?}");
}

#[test]
fn a_mark_of_any_form_counts() {
    let mut profile = opened(&Fleet::new(&light(), 1, 1).profile(0).unwrap());
    for mark in [serde_json::Value::Null, true.into(), "another generator".into()] {
        profile.extensions.insert("synthetic".to_owned(), mark);
        assert!(is_synthetic(&profile));
    }
}

#[test]
fn the_truth_is_a_line_that_can_be_read_again() {
    for made in made(&light(), OPERATORS, 1) {
        let line = serde_json::to_string(&made.truth).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Truth>(&line).unwrap(), made.truth);
        let (profile, truth) = (opened(&made), &made.truth);
        assert_eq!((&truth.file, &truth.operator), (&made.file_name, &profile.operator));
        assert_eq!(truth.machine, profile.machine.commitment);
        assert_eq!(truth.success_ppm.len(), profile.cells.len());
    }
}

#[test]
fn what_operators_say_of_themselves_is_in_the_profile() {
    for (profile, truth) in read(OPERATORS, 1) {
        let said = &profile.extensions["network"];
        assert_eq!(said["region"], truth.region.as_str());
        assert_eq!(said["provider"], truth.provider.as_str());
        assert_eq!(said["availability_ppm"], truth.availability_ppm);
        assert_eq!(said["stake"], truth.stake);
        assert!(truth.availability_ppm <= 1_000_000);
    }
}

#[test]
fn a_few_regions_and_providers_hold_most_and_clouds_have_their_own() {
    let suite = light();
    let truths: Vec<Truth> = made(&suite, 400, 1).into_iter().map(|made| made.truth).collect();
    let counted = |of: fn(&Truth) -> &String| {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        truths.iter().for_each(|truth| *counts.entry(of(truth)).or_default() += 1);
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    };
    for counts in [counted(|truth| &truth.region), counted(|truth| &truth.provider)] {
        assert!(counts.len() >= 11, "{counts:?}");
        assert!(counts[..4].iter().sum::<usize>() * 2 > truths.len(), "{counts:?}");
    }
    let providers = |is_cloud: bool| -> BTreeSet<&String> {
        let here = truths.iter().filter(|truth| truth.class.contains("vm_") == is_cloud);
        here.map(|truth| &truth.provider).collect()
    };
    assert!(providers(true).is_disjoint(&providers(false)));
}

#[test]
fn classes_differ_in_what_they_cover() {
    let mut coverage: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (profile, truth) in read(300, 1) {
        coverage.entry(truth.class).or_default().push(profile.coverage.success_ppm);
    }
    let mean = |class: &str| coverage[class].iter().sum::<u64>() / coverage[class].len() as u64;
    let classes = ["home_server_4", "arm_board_4g", "vm_2", "desktop_4", "desktop_8"];
    let means = classes.map(mean);
    assert!(means.is_sorted_by(|slow, fast| slow + 50_000 < *fast), "{means:?}");
    assert!(mean("server_64") > 950_000);
}

#[test]
fn machines_lack_memory_miss_limits_and_keep_some_of_them() {
    let fleet = read(300, 1);
    let cells = || fleet.iter().flat_map(|(profile, _)| &profile.cells);
    let lacks_memory = |cell: &&Cell| matches!(cell.obstacle, Some(Obstacle::Memory { .. }));
    assert!(cells().filter(lacks_memory).count() > 10);
    let rows = || fleet.iter().flat_map(|(profile, _)| &profile.coverage.workloads);
    let none = rows().filter(|row| row.requests > 0 && row.within_slo == 0).count();
    let some = rows().filter(|row| (1..row.requests).contains(&row.within_slo)).count();
    assert!(
        none * 50 > rows().count() && some * 10 > rows().count(),
        "{none} and {some} of {}",
        rows().count()
    );
}

/// Copies have one sample twice, so they are left out.
#[test]
fn what_is_true_agrees_with_what_was_measured() {
    let (mut excess, mut variance, mut cells, mut squares) = (0.0, 0.0, 0_u32, 0.0);
    for seed in 1..=3 {
        for (profile, truth) in read(300, seed) {
            if matches!(truth.kind, Kind::NearCopy | Kind::ExactCopy) {
                continue;
            }
            for row in profile.coverage.workloads.iter().filter(|row| row.requests > 0) {
                let (requests, success) =
                    (row.requests as f64, truth.success_ppm[&row.workload] as f64 / 1e6);
                let (deviation, of_cell) =
                    (row.within_slo as f64 - requests * success, requests * success * (1.0 - success));
                excess += deviation;
                variance += of_cell;
                if of_cell > 0.5 {
                    cells += 1;
                    squares += deviation * deviation / of_cell;
                }
            }
        }
    }
    assert!(cells > 300, "{cells}");
    assert!(excess.abs() < 4.0 * variance.sqrt(), "{excess} with a deviation of {}", variance.sqrt());
    // The mean of squared deviations is 1. Its variance is a little above that of normal ones, 2, because binomial ones are skew.
    let mean = squares / f64::from(cells);
    assert!((mean - 1.0).abs() < 4.0 * (3.0 / f64::from(cells)).sqrt(), "{mean} of {cells}");
}

#[test]
fn an_operator_with_several_machines_signs_for_each_and_says_the_same_of_itself() {
    let fleet = read(OPERATORS, 1);
    let mut machines: BTreeMap<&str, Vec<&Truth>> = BTreeMap::new();
    for (_, truth) in &fleet {
        machines.entry(&truth.operator).or_default().push(truth);
    }
    assert_eq!(machines.len(), OPERATORS as usize);
    for truths in machines.values() {
        let commitments: BTreeSet<_> = truths.iter().map(|truth| truth.machine).collect();
        assert_eq!(commitments.len(), truths.len());
        let is_further = |truth: &&Truth| truth.kind == Kind::SecondMachine;
        assert_eq!(truths.iter().copied().filter(is_further).count(), truths.len() - 1);
        let said = |truth: &Truth| {
            (truth.region.clone(), truth.provider.clone(), truth.availability_ppm, truth.stake)
        };
        assert!(truths.iter().all(|truth| said(truth) == said(truths[0])));
    }
    assert!(machines.values().any(|truths| truths.len() > 1));
}

#[test]
fn one_machine_under_two_keys_has_one_commitment_and_nearly_the_same_figures() {
    let fleet = read(OPERATORS, 2);
    for (profile, truth) in of_kind(&fleet, Kind::SharedMachine) {
        let (other, other_truth) = original(&fleet, truth);
        assert_ne!(profile.operator, other.operator);
        assert_eq!(profile.machine, other.machine);
        assert_eq!((&truth.region, &truth.provider), (&other_truth.region, &other_truth.provider));
        assert_eq!(truth.success_ppm, other_truth.success_ppm);
        assert_ne!(latencies(profile), latencies(other));
        for (cell, other) in profile.cells.iter().zip(&other.cells) {
            let Some((mine, others)) = cell.statistics.zip(other.statistics) else { continue };
            let ratio = mine.latency.median_ns as f64 / others.latency.median_ns as f64;
            assert!((0.7..1.4).contains(&ratio), "{} {ratio}", cell.workload);
        }
    }
}

#[test]
fn near_copies_differ_from_what_they_copy_by_a_tiny_jitter() {
    for seed in 1..=3 {
        let fleet = read(OPERATORS, seed);
        for (profile, truth) in of_kind(&fleet, Kind::NearCopy) {
            let (other, _) = original(&fleet, truth);
            assert_ne!(profile.machine.commitment, other.machine.commitment);
            assert_ne!(latencies(profile), latencies(other));
            let pairs = latencies(profile).into_iter().flatten().zip(latencies(other).into_iter().flatten());
            for (mine, others) in pairs {
                assert!(mine.abs_diff(others) <= others / 9_000 + 1, "{mine} {others}");
            }
            let outputs =
                |profile: &Profile| profile.cells[0].rounds.first().map(|round| round.output_digests[0]);
            assert_ne!(outputs(profile), outputs(other));
        }
    }
}

#[test]
fn exact_copies_have_the_samples_of_what_they_copy_in_a_chain_of_their_own() {
    for seed in 1..=3 {
        let fleet = read(OPERATORS, seed);
        for (profile, truth) in of_kind(&fleet, Kind::ExactCopy) {
            let (other, _) = original(&fleet, truth);
            assert_ne!(profile.machine.commitment, other.machine.commitment);
            assert_eq!(profile.ceilings, other.ceilings);
            for (cell, other) in profile.cells.iter().zip(&other.cells) {
                assert_eq!(cell.rounds.len(), other.rounds.len());
                for (round, other) in cell.rounds.iter().zip(&other.rounds) {
                    assert_eq!((&round.latency_ns, &round.ttft_ns), (&other.latency_ns, &other.ttft_ns));
                    assert_eq!(round.output_digests, other.output_digests);
                    assert_ne!(round.seed_0, other.seed_0);
                }
            }
        }
    }
}

#[test]
fn exact_copies_keep_their_samples_where_trials_are_run_between() {
    let suite = embedded().remove(0);
    let fleet: Vec<(Profile, Truth)> =
        made(&suite, OPERATORS, 1).iter().map(|made| (opened(made), made.truth.clone())).collect();
    let searched = |profile: &Profile| {
        profile
            .cells
            .iter()
            .filter_map(|cell| cell.capacity.clone())
            .any(|capacity| !capacity.trials.is_empty())
    };
    let copies = of_kind(&fleet, Kind::ExactCopy);
    assert!(copies.iter().any(|(profile, _)| searched(profile)));
    for (profile, truth) in copies {
        assert_eq!(latencies(profile), latencies(&original(&fleet, truth).0));
    }
}

#[test]
fn whoever_computes_wrongly_fails_in_one_cell_and_succeeds_there_with_no_request() {
    for seed in 1..=3 {
        let fleet = read(OPERATORS, seed);
        for (profile, truth) in of_kind(&fleet, Kind::ComputesWrongly) {
            let is_wrong = |cell: &&Cell| cell.self_check == SelfCheck::Mismatch;
            let wrong: Vec<&Cell> = profile.cells.iter().filter(is_wrong).collect();
            assert_eq!(wrong.len(), 1);
            assert_eq!(wrong[0].status, Status::Failed);
            assert!(wrong[0].reason.as_ref().unwrap().starts_with("this machine computes wrongly"));
            assert_eq!(truth.success_ppm[&wrong[0].workload], 0);
        }
        let right = fleet.iter().filter(|(_, truth)| truth.kind != Kind::ComputesWrongly);
        assert!(
            right.flat_map(|(profile, _)| &profile.cells).all(|cell| cell.self_check != SelfCheck::Mismatch)
        );
    }
}

#[test]
fn native_bits_belong_to_the_class() {
    let native = "embed-documents-bge-native-f32";
    let mut bits: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for (profile, truth) in read(300, 1) {
        let cell = profile.cells.iter().find(|cell| cell.workload == native).unwrap();
        bits.entry(truth.class).or_default().extend(cell.self_check_digest);
    }
    assert!(bits.values().all(|digests| digests.len() == 1));
    assert_eq!(bits.values().flatten().collect::<BTreeSet<_>>().len(), bits.len());
}
