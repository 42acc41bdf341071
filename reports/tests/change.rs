//! `compare --same-machine` from outside: exit code, standard output and standard error, on pairs of profiles whose difference is known.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;
mod told;

use std::fs;
use std::process::{Command, Output};

use honest::{honest, honest_of, operator, run, run_of};
use proofmark_reports::document::sign;
use proofmark_reports::schema::v1::*;
use proofmark_reports::synthetic::Fleet;
use proofmark_reports::{Digest, derived};
use proofmark_workloads::Suite;
use serde_json::Value;
use told::told;

const SMOKE: &str = include_str!("../../workloads/suites/smoke.toml");
const CHAT: &str = "chat-135m-exact-f32";

/// A folder with `old.json` and what else a test writes.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("old.json", old());
        place
    }

    fn write(&self, name: &str, profile: Profile) {
        let created = profile.finished_at.parse().unwrap();
        fs::write(self.0.path().join(name), sign(profile, created, &operator()).unwrap()).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_proofmark-reports"));
        program.arg("compare").args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    /// `old.json` against this profile.
    fn change(&self, new: Profile, arguments: &[&str]) -> Output {
        self.write("new.json", new);
        self.run(&[&["old.json", "new.json", "--same-machine"], arguments].concat())
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Rounds that differ by up to a hundredth, with ceilings before them.
fn old() -> Profile {
    measured(honest(), "2026-01-05T04")
}

fn new() -> Profile {
    let mut profile = measured(honest(), "2026-01-06T04");
    profile.challenge = Challenge::SelfIssued { nonce: Digest::of(b"another nonce") };
    run(&mut profile);
    profile
}

fn measured(mut profile: Profile, hour: &str) -> Profile {
    profile.started_at = format!("{hour}:00:00Z");
    profile.finished_at = format!("{hour}:30:00Z");
    profile.sittings[0].started_at.clone_from(&profile.started_at);
    for cell in &mut profile.cells {
        for (place, round) in cell.rounds.iter_mut().enumerate() {
            let percents = [100, 101, 100, 99, 101, 99][place];
            round.ceilings = Some(Ceilings {
                read_bytes_per_s: 400_000_000 * percents,
                f32_flops_per_s: 3_000_000_000 * percents,
            });
        }
        vary(cell, [1000, 1004, 998, 1002, 996, 1001]);
    }
    profile.doubts.extend(derived::run_doubts(&profile.cells));
    run(&mut profile);
    profile
}

/// Multiplies the times of each round, in thousandths.
fn vary(cell: &mut Cell, thousandths: [u64; 6]) {
    for (round, thousandths) in cell.rounds.iter_mut().zip(thousandths) {
        for ns in round.latency_ns.iter_mut().chain(&mut round.ttft_ns) {
            *ns = *ns * thousandths / 1000;
        }
    }
}

fn cell<'a>(profile: &'a mut Profile, workload: &str) -> &'a mut Cell {
    profile.cells.iter_mut().find(|cell| cell.workload == workload).unwrap()
}

fn changed(change: impl Fn(&mut Profile)) -> Profile {
    let mut profile = new();
    change(&mut profile);
    run(&mut profile);
    profile
}

#[test]
fn nothing_changed_is_0_on_every_face() {
    let place = Place::new();
    for face in ["table", "md"] {
        insta::assert_snapshot!(format!("unchanged_{face}"), told(&place.change(new(), &["--output", face])));
    }
    let output = place.change(new(), &["--output", "json"]);
    let change: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &change["conclusion"]), (0, &Value::from("fine")));
    assert_eq!((&change["judged"], &change["too_noisy"]), (&Value::from(20), &Value::from(0)));
    assert_eq!(change["digests"]["same"], 11);
}

#[test]
fn a_slower_workload_is_3_and_a_faster_one_is_not() {
    let place = Place::new();
    let slower = changed(|profile| {
        vary(cell(profile, CHAT), [1200; 6]);
        profile.harness.version = "0.2.0".to_owned();
        profile.machine.kernel = "6.2.0".to_owned();
    });
    insta::assert_snapshot!("slower", told(&place.change(slower, &[])));
    let faster = changed(|profile| vary(cell(profile, CHAT), [800; 6]));
    insta::assert_snapshot!("faster", told(&place.change(faster, &[])));
}

#[test]
fn the_floor_is_the_callers() {
    let place = Place::new();
    let slower = || changed(|profile| vary(cell(profile, CHAT), [1050; 6]));
    for (floor, expected) in [("3", 3), ("4.5", 3), ("6", 0)] {
        assert_eq!(code(&place.change(slower(), &["--floor", floor])), expected, "{floor}");
    }
}

#[test]
fn what_is_slower_everywhere_shows_in_the_middle() {
    let slower = changed(|profile| profile.cells.iter_mut().for_each(|cell| vary(cell, [1060; 6])));
    let output = Place::new().change(slower, &["--output", "json"]);
    let change: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &change["all"]["verdict"]), (3, &Value::from("regression")));
}

#[test]
fn more_memory_and_a_workload_that_no_longer_runs_are_3() {
    let place = Place::new();
    let larger = changed(|profile| {
        cell(profile, CHAT).rounds.iter_mut().for_each(|round| round.peak_memory_bytes = Some(120 << 20));
    });
    assert_eq!(code(&place.change(larger, &[])), 3);
    let failed = changed(|profile| {
        let cell = cell(profile, CHAT);
        cell.rounds.truncate(2);
        cell.status = Status::Failed;
        cell.reason = Some("killed by signal 9".to_owned());
    });
    insta::assert_snapshot!("failed", told(&place.change(failed, &[])));
}

#[test]
fn another_digest_is_4_unless_a_version_was_raised() {
    let place = Place::new();
    let wrong = changed(compute_wrongly);
    insta::assert_snapshot!("wrong", told(&place.change(wrong, &[])));
    let golden = Suite::parse("smoke.toml", SMOKE).unwrap().workload(CHAT).unwrap().self_check.unwrap();
    let edited = SMOKE.replace(&golden.to_string(), &Digest::of(b"another").to_string());
    for (name, text) in [
        ("edited", edited.clone()),
        ("lowered", edited.replace("\"1.3.0\"", "\"1.2.9\"")),
        ("raised", edited.replace("\"1.3.0\"", "\"1.10.0\"")),
    ] {
        fs::write(place.0.path().join("suite.toml"), &text).unwrap();
        let suite = Suite::parse("suite.toml", &text).unwrap();
        let mut profile = measured_of(&suite);
        run_of(&mut profile, &suite);
        let output = place.change(profile, &["--suite", "suite.toml"]);
        insta::assert_snapshot!(format!("digest_{name}"), told(&output));
    }
}

#[test]
fn a_raised_version_is_no_excuse_for_a_wrong_digest() {
    let place = Place::new();
    let raised = SMOKE.replace("\"1.3.0\"", "\"1.4.0\"");
    fs::write(place.0.path().join("suite.toml"), &raised).unwrap();
    let suite = Suite::parse("suite.toml", &raised).unwrap();
    let mut profile = measured_of(&suite);
    compute_wrongly(&mut profile);
    run_of(&mut profile, &suite);
    assert_eq!(code(&place.change(profile, &["--suite", "suite.toml"])), 4);
}

fn compute_wrongly(profile: &mut Profile) {
    let cell = cell(profile, CHAT);
    cell.rounds.clear();
    cell.status = Status::Failed;
    cell.reason = Some("this machine computes wrongly".to_owned());
    cell.self_check_digest = Some(Digest::of(b"wrong"));
}

fn measured_of(suite: &Suite) -> Profile {
    let mut profile = new();
    let of_suite = honest_of(suite);
    profile.suite = of_suite.suite;
    for (cell, of_suite) in profile.cells.iter_mut().zip(of_suite.cells) {
        cell.self_check_digest = of_suite.self_check_digest;
    }
    profile
}

#[test]
fn another_answer_to_the_same_seed_is_4() {
    let mut new = old();
    new.started_at = "2026-01-05T05:00:00Z".to_owned();
    new.finished_at = "2026-01-05T05:30:00Z".to_owned();
    new.sittings[0].started_at.clone_from(&new.started_at);
    cell(&mut new, CHAT).rounds[0].output_digests[2] = Digest::of(b"another answer");
    run(&mut new);
    let output = Place::new().change(new, &["--output", "json"]);
    let change: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (code(&output), &change["digests"]["changed"][0]["input"]),
        (4, &Value::from("round 0, request 2"))
    );
}

#[test]
fn native_digests_may_change() {
    let other = changed(|profile| {
        cell(profile, "chat-15m-native-f32").self_check_digest = Some(Digest::of(b"another candle"));
    });
    let output = Place::new().change(other, &["--output", "json"]);
    let change: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (code(&output), &change["digests"]["native_changed"][0]),
        (0, &Value::from("chat-15m-native-f32"))
    );
}

#[test]
fn a_machine_too_noisy_to_judge_is_5() {
    let noisy = changed(|profile| {
        profile.cells.iter_mut().for_each(|cell| vary(cell, [1000, 1400, 1050, 1300, 1100, 1200]));
    });
    insta::assert_snapshot!("noisy", told(&Place::new().change(noisy, &[])));
}

#[test]
fn a_machine_that_became_slower_itself_is_5_and_says_so() {
    let slower = changed(|profile| {
        for cell in &mut profile.cells {
            vary(cell, [1200; 6]);
            for ceilings in cell.rounds.iter_mut().filter_map(|round| round.ceilings.as_mut()) {
                ceilings.read_bytes_per_s = ceilings.read_bytes_per_s * 4 / 5;
                ceilings.f32_flops_per_s = ceilings.f32_flops_per_s * 4 / 5;
            }
        }
    });
    insta::assert_snapshot!("slower_machine", told(&Place::new().change(slower, &[])));
}

#[test]
fn two_machines_are_10_and_the_fact_is_told() {
    let place = Place::new();
    let mut all = String::new();
    let changes: [fn(&mut Profile); 3] = [
        |profile| profile.machine.cpu_model = "Another CPU".to_owned(),
        |profile| profile.machine.logical_cpus = 4,
        |profile| profile.machine.memory_bytes = 16 << 30,
    ];
    for change in changes {
        all += &told(&place.change(changed(change), &[]));
    }
    let suite = honest::suite();
    let fleet = Fleet::new(&suite, 2, 1);
    for (name, index) in [("one.json", 0), ("two.json", 1)] {
        fs::write(place.0.path().join(name), fleet.profile(index).unwrap().bytes).unwrap();
    }
    all += &told(&place.run(&["one.json", "two.json", "--same-machine"]));
    all += &told(&place.run(&["one.json", "two.json", "--same-machine", "--allow-synthetic"]));
    // What a kernel keeps for itself is no other machine.
    let kept = changed(|profile| profile.machine.memory_bytes -= 100 << 20);
    assert_eq!(code(&place.change(kept, &[])), 0);
    insta::assert_snapshot!("other_machines", all);
}

#[test]
fn what_cannot_be_compared_is_said_with_its_code() {
    let place = Place::new();
    place.write("new.json", new());
    let mut edited = fs::read_to_string(place.0.path().join("new.json")).unwrap();
    edited = edited.replacen("6.1.0", "6.1.1", 1);
    fs::write(place.0.path().join("edited.json"), edited).unwrap();
    fs::create_dir(place.0.path().join("folder")).unwrap();
    let mut all = String::new();
    for arguments in [
        &["old.json", "edited.json"][..],
        &["edited.json", "edited.json", "--output", "json"],
        &["old.json", "absent.json"],
        &["old.json"],
        &["old.json", "new.json", "new.json"],
        &["old.json", "folder"],
        &["old.json", "new.json", "--output", "html"],
        &["old.json", "new.json", "--rate", "5"],
        &["old.json", "new.json", "--floor", "-1"],
    ] {
        let output = place.run(&[arguments, &["--same-machine"]].concat());
        all += &format!("$ compare {} --same-machine\n{}\n", arguments.join(" "), told(&output));
    }
    let output = place.run(&["old.json", "new.json", "--floor", "5"]);
    all += &format!("$ compare old.json new.json --floor 5\n{}", told(&output));
    insta::assert_snapshot!("refusals", all);
}

#[test]
fn a_pair_in_the_wrong_order_and_one_report_twice_are_noted() {
    let place = Place::new();
    place.write("new.json", new());
    for (pair, expected) in [
        (["new.json", "old.json"], "are they in the order OLD NEW?"),
        (["old.json", "old.json"], "both files are one report"),
    ] {
        let output = place.run(&[&pair[..], &["--same-machine"]].concat());
        assert!(code(&output) == 0 && told(&output).contains(expected), "{}", told(&output));
    }
}

#[test]
fn a_part_of_the_suite_is_compared_with_what_both_have() {
    let part = changed(|profile| profile.cells.retain(|cell| cell.workload != CHAT));
    let output = Place::new().change(part, &["--output", "json"]);
    let change: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &change["only_old"][0]), (0, &Value::from(CHAT)));
}
