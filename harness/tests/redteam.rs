//! The red team: every attack that we know of, made against the program itself, and how it is caught. `REDTEAM.md` is what this test finds.
//!
//! `cargo xtask redteam` writes it again; without that the test compares.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod forger;
mod place;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use forger::answers::kept_file;
use forger::attacks::{Attack, CaughtBy, Evidence, Scenes, attacks};
use forger::odds::{Audited, Odds};
use forger::scene::{ANSWERS_A_CELL, Scene};
use forger::table::{HonestRow, Row, page};
use place::{Place, code};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::AuditPredicate;
use proofmark_reports::in_toto;
use rayon::prelude::*;
use serde_json::Value;

const SUITE: [&str; 2] = ["--suite", "tiny.toml"];
const ALL: [&str; 2] = ["--answers", "1000000"];

#[test]
fn every_attack_is_caught_as_published_and_no_honest_run_is_accused() {
    let scenes = Scenes::new();
    let attacks = attacks(&scenes);
    let rows: Vec<Row> = attacks.par_iter().enumerate().map(|(number, attack)| row(number, attack)).collect();
    for (row, attack) in rows.iter().zip(&attacks) {
        assert_eq!(row.caught_by, attack.caught_by, "{row:?}");
    }
    let published = path();
    let written = fs::read_to_string(&published).unwrap_or_default();
    let honest = honest(&written);
    let found = page(&rows, &honest);
    if env::var("REDTEAM").is_ok_and(|task| task == "write") {
        fs::write(&published, found).unwrap();
        return;
    }
    assert!(found == written, "{} is stale; `cargo xtask redteam` writes it:\n{found}", published.display());
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../REDTEAM.md")
}

/// Hands an attack in, and asks one check after the other until one refuses.
fn row(number: usize, attack: &Attack<'_>) -> Row {
    let Attack { name, skill, numerics, evidence, forged, .. } = attack;
    let place = &forged.scene.place;
    let file = format!("attack-{number}.json");
    fs::write(place.path(&file), &forged.bytes).unwrap();
    fs::write(place.path(&format!("{file}.outputs")), kept_file(&forged.kept)).unwrap();
    let row = |caught_by, found: Vec<Audited>, reason: String| Row {
        attack: name,
        skill: *skill,
        numerics,
        caught_by,
        changed: forged.changed.len(),
        found: found.iter().map(|cell| cell.mismatched.len()).sum(),
        odds: Odds::of(&found),
        reason: without_measurements(&reason),
    };
    if let Some(reason) = refused(place, &file, &[]) {
        return row(CaughtBy::Verify, Vec::new(), reason);
    }
    if let Some((caught_by, reason)) = untimely(place, &file, *evidence) {
        return row(caught_by, Vec::new(), reason);
    }
    let (told, audit) = audited(place, &file, &["--threads", "1"]);
    let found = mismatches(&audit);
    if *numerics == "exact" {
        let all: BTreeSet<(u64, u64)> =
            found.iter().flat_map(|cell| cell.mismatched.iter().map(|place| (cell.cell, *place))).collect();
        assert_eq!(
            all, forged.changed,
            "{name}, {skill}: an audit of all answers finds what was changed, and nothing else"
        );
    }
    if audit.steps_mismatched == 0 {
        let words = match &audit.skipped[..] {
            [skipped, ..] => format!("cell skipped: {}", skipped.reason),
            [] if numerics.starts_with("native") => {
                let checked = told.lines().find_map(|line| line.strip_prefix("checked   "));
                checked.unwrap_or_else(|| panic!("{told}")).to_owned()
            }
            [] => meaning(place, &file, *evidence),
        };
        return row(CaughtBy::Nothing, found, words);
    }
    let result = format!("{file}.audit");
    let reason = refused(place, &file, &["--audit", &result]).expect(&told);
    let (_, fact) = reason.rsplit_once(": ").expect(&reason);
    row(CaughtBy::Audit, found, fact.to_owned())
}

/// The first reason against a profile.
fn refused(place: &Place, file: &str, further: &[&str]) -> Option<String> {
    let output = place.proofmark(&[&["verify", file, "--output", "json"], &SUITE[..], further].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = told[0]["reasons"][0].as_str().map(str::to_owned);
    assert_eq!(code(&output), i32::from(reason.is_some()), "{}", place.told(&output));
    reason
}

/// What `verify` says of times that it cannot doubt.
fn meaning(place: &Place, file: &str, evidence: Evidence) -> String {
    let receipt = format!("{file}.receipt");
    let held = match evidence {
        Evidence::Received(challenge) => vec!["--challenge", challenge, "--receipt", &receipt],
        _ => Vec::new(),
    };
    let told = place.told(&place.proofmark(&[&["verify", file], &SUITE[..], &held].concat()));
    let last = told.lines().rfind(|line| line.starts_with("  means    ")).unwrap_or_else(|| panic!("{told}"));
    // Shares of time vary.
    last.rsplit(": ").next().unwrap_or_default().trim_start_matches("  means    ").to_owned()
}

/// What speaks against the time of a run.
fn untimely(place: &Place, file: &str, evidence: Evidence) -> Option<(CaughtBy, String)> {
    let held = |challenge| {
        refused(place, file, &["--challenge", challenge]).map(|reason| (CaughtBy::Challenge, reason))
    };
    let received = |challenge, receipt: &str| {
        refused(place, file, &["--challenge", challenge, "--receipt", receipt])
            .map(|reason| (CaughtBy::Receipt, reason))
    };
    match evidence {
        Evidence::Nothing => None,
        Evidence::Challenge(challenge) => held(challenge),
        Evidence::ReceiptOfAnother(challenge) => {
            let output = place.proofmark(&[&["receipt", "profile.json"], &SUITE[..]].concat());
            assert!(output.status.success(), "{}", place.told(&output));
            held(challenge).or_else(|| received(challenge, "receipt.json"))
        }
        Evidence::Received(challenge) => held(challenge).or_else(|| {
            let receipt = format!("{file}.receipt");
            let output = place.proofmark(&[&["receipt", file, "--out", &receipt], &SUITE[..]].concat());
            if output.status.success() {
                return received(challenge, &receipt);
            }
            let told = place.told(&output);
            let (_, facts) = told.split_once("is not received: ").unwrap_or_else(|| panic!("{told}"));
            let fact = facts.split(" (hint").next().unwrap_or_default();
            Some((CaughtBy::Receipt, fact.to_owned()))
        }),
    }
}

/// What an audit of all answers tells and finds.
fn audited(place: &Place, file: &str, further: &[&str]) -> (String, AuditPredicate) {
    let result = format!("{file}.audit");
    let arguments = ["audit", file, "--quiet", "--out", &result];
    let output = place.proofmark(&[&arguments[..], &SUITE, &ALL, further].concat());
    let told = place.told(&output);
    let bytes = fs::read(place.path(&result)).unwrap_or_else(|_| panic!("{told}"));
    let audit = in_toto::open::<AuditPredicate>(&bytes).unwrap().statement.predicate;
    assert_eq!(code(&output), i32::from(audit.steps_mismatched > 0), "{told}");
    (told, audit)
}

/// Cell by cell.
fn mismatches(audit: &AuditPredicate) -> Vec<Audited> {
    let cells = audit.indices.iter().map(|checked| {
        let of_cell = audit.mismatches.iter().filter(|mismatch| mismatch.cell == checked.cell);
        let mismatched: BTreeSet<u64> = of_cell.map(|mismatch| mismatch.place).collect();
        assert_eq!(mismatched.len() as u64, checked.mismatched, "every place that differs is listed");
        Audited { cell: checked.cell, answers: checked.answers, mismatched }
    });
    cells.collect()
}

/// Honest runs on every instruction set of this machine, on one and on all threads, audited whole on every one. Of those that it has not, what is
/// written stays.
fn honest(written: &str) -> Vec<String> {
    let sets = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon];
    let runs: Vec<(Isa, &str)> = sets.iter().flat_map(|isa| [(*isa, "one"), (*isa, "all")]).collect();
    let lines = runs.par_iter().flat_map(|(isa, threads)| {
        let title = format!("{isa}, {threads}");
        if !isa.is_available() {
            let start = format!("| {title} |");
            return written.lines().filter(|line| line.starts_with(&start)).map(str::to_owned).collect();
        }
        let place = Scene::place();
        place.certified(&[&["--isa", &*isa.to_string()], number(threads)].concat());
        let audits = sets.iter().filter(|set| set.is_available());
        let other = if *threads == "one" { "all" } else { "one" };
        let rows = audits.map(|set| {
            let set = set.to_string();
            let arguments = [&["--isa", &*set], number(other)].concat();
            let (told, audit) = audited(&place, "profile.json", &arguments);
            assert_eq!(audit.steps_checked, 10 * ANSWERS_A_CELL, "{told}");
            assert_eq!(audit.steps_mismatched, 0, "an honest run is accused: {told}");
            let (certified, audited) = (title.clone(), format!("{set}, {other}"));
            HonestRow { certified, audited, answers: audit.steps_checked, differ: audit.steps_mismatched }
                .line()
        });
        rows.collect::<Vec<_>>()
    });
    lines.collect()
}

fn number(threads: &str) -> &'static [&'static str] {
    if threads == "one" { &["--threads", "1"] } else { &[] }
}

/// Digests, keys, times and large numbers vary from run to run.
fn without_measurements(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_end_matches([':', ',', ';', '.']);
        let is_long = bare.len() >= 6 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_key = bare.starts_with("did:key:");
        let is_time = bare.ends_with('Z') && bare.starts_with("20");
        if is_long || is_key || is_time { format!("..{}", &word[bare.len()..]) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}
