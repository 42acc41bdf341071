//! A run that is killed at any moment goes on where it was, and never as another run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use place::{Place, code};
use serde_json::Value;

const MOMENTS: u64 = 20;

/// Starts a run and kills it after `moment`; whether it was still running.
fn killed_after(place: &Place, moment: Duration, arguments: &[&str]) -> bool {
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    command.args(["certify", "--suite", "tiny.toml", "--quiet"]).args(arguments).stdout(Stdio::null());
    let mut run = command.spawn().unwrap();
    thread::sleep(moment);
    let is_running = run.try_wait().unwrap().is_none();
    // SIGKILL: nothing of the program runs after it.
    run.kill().unwrap();
    run.wait().unwrap();
    is_running
}

/// Gives the suite a warm-up of so many milliseconds a cell.
fn lengthen_warm_up(place: &Place, warm_up_ms: u32) {
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    let longer = suite
        .replace("warm_up_ms = 5\n", &format!("warm_up_ms = {warm_up_ms}\n"))
        .replace("cap_ms = 50", &format!("cap_ms = {warm_up_ms}"));
    fs::write(place.path("tiny.toml"), longer).unwrap();
}

/// What the journal tells of rounds of cells that are over, as far as its lines are whole.
fn finished(place: &Place) -> Vec<Value> {
    let text = fs::read(place.path("profile.json.journal")).unwrap_or_default();
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines = String::from_utf8(text[..whole].to_vec()).unwrap();
    let entries = lines.lines().map(|line| serde_json::from_str::<Value>(&line[65..]).unwrap());
    entries.filter(|entry| entry["entry"] == "finished").collect()
}

fn is_valid(place: &Place) -> bool {
    place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success()
}

#[test]
fn a_run_killed_at_any_moment_loses_at_most_its_running_cell() {
    let place = Place::new();
    // Cells of 40 ms by the clock, so that a run takes about as long each time, whatever else the machine does.
    lengthen_warm_up(&place, 40);
    let run = || {
        let started = Instant::now();
        place.certified(&[]);
        started.elapsed()
    };
    let whole = run().min(run());
    let (mut resumed, mut seed) = (0, 0x9e37_79b9_7f4a_7c15_u64);
    for moment in 0..MOMENTS {
        // A random moment of each twentieth part of a run, so that all of it is met.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let part = (moment as f64 + seed as f64 / u64::MAX as f64) / MOMENTS as f64;
        fs::remove_file(place.path("profile.json")).unwrap();
        killed_after(&place, whole.mul_f64(part), &[]);
        let before = finished(&place);
        if place.path("profile.json").exists() {
            // Killed behind its last step, or ended in time.
            assert!(is_valid(&place));
            let _ = fs::remove_file(place.path("profile.json.journal"));
            continue;
        }
        if !place.path("profile.json.journal").exists() {
            // Killed before it had done anything.
            place.certified(&[]);
            continue;
        }
        let output = place.certify(&["--quiet", "--resume"]);
        if code(&output) == 10 {
            // Killed while it wrote the journal's first line.
            assert!(before.is_empty(), "{}", place.told(&output));
            place.certified(&[]);
            let _ = fs::remove_file(place.path("profile.json.journal.old"));
            continue;
        }
        assert!(output.status.success(), "moment {moment}: {}", place.told(&output));
        assert!(is_valid(&place), "moment {moment}");
        let profile = place.profile();
        let cells = profile["cells"].as_array().unwrap();
        assert_eq!(cells.len(), 10);
        for entry in &before {
            let number = |name: &str| entry[name].as_u64().unwrap() as usize;
            let (round, index) = (number("round"), number("index"));
            let (told, kept) = (&entry["cell"]["rounds"][round], &cells[index]["rounds"][round]);
            assert_eq!(told, kept, "moment {moment}: round {round} of cell {index} changed");
        }
        assert_eq!(profile["sittings"].as_array().unwrap().len(), 2);
        let sitting = &profile["sittings"][1];
        let (round, index) = (before.len() / cells.len(), before.len() % cells.len());
        assert_eq!((&sitting["first_round"], &sitting["first_cell"]), (&round.into(), &index.into()));
        assert!(!place.path("profile.json.journal").exists());
        resumed += 1;
    }
    assert!(resumed >= MOMENTS / 2, "only {resumed} of {MOMENTS} runs were killed in their midst");
}

/// A folder in which a run was killed after its first cells.
fn interrupted() -> Place {
    let place = Place::new();
    lengthen_warm_up(&place, 500);
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let mut run =
        command.args(["certify", "--suite", "tiny.toml", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while finished(&place).len() < 2 {
        assert!(Instant::now() < deadline && run.try_wait().unwrap().is_none(), "no two cells were finished");
        thread::sleep(Duration::from_millis(20));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    place
}

#[test]
fn another_run_is_never_continued() {
    let place = interrupted();
    place.proofmark(&["key", "new", "--out", "other.pem"]);
    place.proofmark(&["challenge", "new", "--suite", "tiny.toml"]);
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    fs::write(place.path("other.toml"), format!("{suite}# changed\n")).unwrap();
    let journal = fs::read(place.path("profile.json.journal")).unwrap();
    let mut told = String::new();
    for arguments in [
        &["--suite", "other.toml"][..],
        &["--suite", "tiny.toml", "--key", "other.pem"],
        &["--suite", "tiny.toml", "--challenge", "challenge.json"],
        &["--suite", "tiny.toml", "--isa", "portable"],
        &["--suite", "tiny.toml", "--threads", "5"],
        &["--suite", "tiny.toml", "--workload", "embed-*"],
        &["--suite", "tiny.toml", "--out", "elsewhere.json"],
    ] {
        let output = place.proofmark(&[&["certify", "--quiet", "--resume"], arguments].concat());
        told += &format!("# {}\n{}\n", arguments.join(" "), place.told(&output));
    }
    // Another program: the same one with a byte more.
    let program = fs::read(env!("CARGO_BIN_EXE_proofmark")).unwrap();
    fs::write(place.path("proofmark"), [&program[..], b"!"].concat()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(place.path("proofmark"), mode).unwrap();
    let other = place.path("proofmark").display().to_string();
    let resume = ["certify", "--quiet", "--resume", "--suite", "tiny.toml"];
    told +=
        &format!("# another program\n{}", place.told(&place.command(&other).args(resume).output().unwrap()));
    insta::assert_snapshot!("another_run", told);
    assert_eq!(
        fs::read(place.path("profile.json.journal")).unwrap(),
        journal,
        "a refusal changed the journal"
    );
    assert!(place.proofmark(&resume).status.success());
    assert!(is_valid(&place));
}

#[test]
fn a_cut_journal_goes_on_and_a_damaged_one_is_refused() {
    let place = interrupted();
    let path = place.path("profile.json.journal");
    let journal = fs::read(&path).unwrap();
    let mut damaged = journal.clone();
    damaged[400] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let output = place.certify(&["--quiet", "--resume"]);
    assert_eq!(code(&output), 10);
    let told = place.told(&output);
    assert!(
        told.contains("journal profile.json.journal is damaged: line 1 is not what was written"),
        "{told}"
    );
    fs::write(&path, [&journal[..], b"0123 half a line"].concat()).unwrap();
    assert!(place.certify(&["--quiet", "--resume"]).status.success());
    assert!(is_valid(&place));
}

#[test]
fn a_run_killed_behind_its_first_line_goes_on() {
    let place = interrupted();
    let path = place.path("profile.json.journal");
    let journal = fs::read(&path).unwrap();
    let first_line = journal.iter().position(|byte| *byte == b'\n').unwrap();
    fs::write(&path, &journal[..=first_line]).unwrap();
    let output = place.certify(&["--quiet", "--resume"]);
    assert!(output.status.success(), "{}", place.told(&output));
    assert_eq!(place.profile()["sittings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_new_run_keeps_the_journal_of_the_one_that_was_killed() {
    let place = interrupted();
    let journal = fs::read(place.path("profile.json.journal")).unwrap();
    let output = place.certify(&["--workload", "embed-exact-f32"]);
    assert!(output.status.success());
    let told = place.told(&output);
    assert!(told.contains("its journal is kept as profile.json.journal.old"), "{told}");
    assert_eq!(fs::read(place.path("profile.json.journal.old")).unwrap(), journal);
}

#[test]
fn two_runs_never_write_one_journal() {
    let place = interrupted();
    let _ = fs::remove_file(place.path("profile.json.journal"));
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let mut first = command.args(["certify", "--suite", "tiny.toml", "--quiet"]).spawn().unwrap();
    while !place.path("profile.json.journal").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    for arguments in [&["--quiet"][..], &["--quiet", "--resume"]] {
        let output = place.certify(arguments);
        let told = place.told(&output);
        assert!(told.contains("another run is writing it"), "{told}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_cell_that_takes_down_the_run_again_and_again_is_not_begun_for_ever() {
    let place = Place::new();
    lengthen_warm_up(&place, 60_000);
    let select = ["--workload", "embed-exact-f32"];
    let journal = || fs::read_to_string(place.path("profile.json.journal")).unwrap_or_default();
    for attempt in 1..=3 {
        let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
        command.args(["certify", "--suite", "tiny.toml", "--quiet"]).args(select);
        if attempt > 1 {
            command.arg("--resume");
        }
        let mut run = command.stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while journal().matches("\"began\"").count() < attempt {
            assert!(Instant::now() < deadline, "attempt {attempt} did not begin");
            thread::sleep(Duration::from_millis(10));
        }
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let output = place.certify(&["--quiet", "--resume", select[0], select[1]]);
    assert_eq!(code(&output), 13, "{}", place.told(&output));
    let profile = place.profile();
    assert_eq!(profile["cells"][0]["reason"], "the run was killed 3 times while it ran this cell");
    assert_eq!(profile["sittings"].as_array().unwrap().len(), 4);
    assert!(is_valid(&place));
}
