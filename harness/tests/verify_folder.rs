//! Many profiles at once: a folder of them, on all cores, in constant memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use place::{Place, code};
use serde_json::Value;

const VERIFY: [&str; 4] = ["verify", "profiles", "--suite", "tiny.toml"];

/// A place whose folder `profiles` has `count` profiles in folders of a hundred; a small one certified here is all of them.
fn with_profiles(count: usize) -> Place {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    for number in 0..count {
        let folder = place.path(&format!("profiles/{:03}", number / 100));
        fs::create_dir_all(&folder).unwrap();
        fs::hard_link(place.path("profile.json"), folder.join(format!("{:02}.json", number % 100))).unwrap();
    }
    place
}

/// The name of a profile that `with_profiles` made.
fn name(number: usize) -> String {
    format!("profiles/{:03}/{:02}.json", number / 100, number % 100)
}

fn replace(place: &Place, name: &str, bytes: &[u8]) {
    fs::remove_file(place.path(name)).unwrap();
    fs::write(place.path(name), bytes).unwrap();
}

#[test]
fn every_profile_of_a_folder_is_told_in_order_with_its_own_verdict() {
    let place = with_profiles(350);
    let json = |expected: i32| -> Vec<Value> {
        let output = place.proofmark(&[&VERIFY[..], &["--output", "json"]].concat());
        assert_eq!(code(&output), expected, "{}", place.told(&output));
        // The same text as if it had been printed as a whole.
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{rows:#}\n"));
        rows.as_array().unwrap().clone()
    };
    let names: Vec<String> = (0..350).map(name).collect();
    let rows = json(0);
    assert_eq!(rows.iter().map(|row| row["file"].as_str().unwrap()).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row["valid"] == true));

    let text = fs::read_to_string(place.path("profile.json")).unwrap();
    let edited = text.replacen("\"load_ns\":", "\"load_ns\":1", 1);
    for refused in [7, 123, 349] {
        replace(&place, &name(refused), edited.as_bytes());
    }
    let is_valid = |rows: &[Value]| rows.iter().map(|row| row["valid"] == true).collect::<Vec<_>>();
    let expected: Vec<bool> = (0..350).map(|number| ![7, 123, 349].contains(&number)).collect();
    assert_eq!(is_valid(&json(1)), expected);

    // Larger than any profile, and without a byte on disk.
    fs::remove_file(place.path(&name(200))).unwrap();
    fs::File::create(place.path(&name(200))).unwrap().set_len(17 << 20).unwrap();
    let rows = json(10);
    assert_eq!(rows.len(), 350);
    assert!(rows[200]["reasons"][0].as_str().unwrap().contains("more than 8 MiB"), "{}", rows[200]);
    assert_eq!(rows[201]["valid"], true);
    let output = place.proofmark(&VERIFY);
    assert_eq!(code(&output), 10);
    let table = String::from_utf8(output.stdout).unwrap();
    let told = |verdict: &str| table.lines().filter(|line| line.ends_with(verdict)).count();
    assert_eq!((told(": valid"), told(": REFUSED"), told(": UNREADABLE")), (346, 3, 1));
}

#[test]
fn a_folder_without_profiles_is_bad_input() {
    let place = Place::new();
    fs::create_dir(place.path("profiles")).unwrap();
    let output = place.proofmark(&VERIFY);
    assert_eq!(code(&output), 10);
    assert!(place.told(&output).contains("no file *.json inside"), "{}", place.told(&output));
}

/// The largest resident set of a run over the folder, as far as it is known before it ends: its output is read slowly, and what
/// the pipe does not hold keeps it waiting.
fn peak_memory_kib(place: &Place) -> u64 {
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let mut child = command.args(VERIFY).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        assert!(!line.unwrap().contains("REFUSED"));
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kib) = peak.and_then(|peak| peak.trim().strip_suffix(" kB")) {
            peak_kib = kib.parse().unwrap();
        }
    }
    assert!(child.wait().unwrap().success());
    peak_kib
}

#[test]
fn ten_times_as_many_profiles_take_no_more_memory() {
    let (few, many) = (peak_memory_kib(&with_profiles(300)), peak_memory_kib(&with_profiles(3000)));
    assert!(few > 1024, "{few} KiB");
    // Profiles that are held would be several MiB more, and their rows alone more than one.
    assert!(many < few + 1024, "{few} KiB for 300, {many} KiB for 3000");
}
