//! `compare` from outside: exit code, standard output and standard error, on synthetic fleets of the light suite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod told;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proofmark_reports::document;
use proofmark_reports::schema::v1::Profile;
use proofmark_reports::synthetic::{Fleet, Kind, Truth};
use proofmark_workloads::Suite;
use serde_json::Value;
use told::told;

const LIGHT: &str = include_str!("data/light.toml");

/// A folder with the light suite and a fleet of it.
struct Place {
    folder: tempfile::TempDir,
    truths: Vec<Truth>,
}

impl Place {
    fn new(operators: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("light.toml"), LIGHT).unwrap();
        let suite = Suite::parse("light.toml", LIGHT).unwrap();
        let fleet = Fleet::new(&suite, operators, 1);
        fs::create_dir(folder.path().join("fleet")).unwrap();
        let truths = (0..fleet.profiles()).map(|index| {
            let profile = fleet.profile(index).unwrap();
            fs::write(folder.path().join("fleet").join(&profile.file_name), profile.bytes).unwrap();
            profile.truth
        });
        let truths = truths.collect();
        Self { folder, truths }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Profiles of the light suite, synthetic ones too.
    fn compare(&self, arguments: &[&str]) -> Output {
        self.run(&[&["compare", "--suite", "light.toml", "--allow-synthetic"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_proofmark-reports"));
        program.args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.compare(&[arguments, &["--output", "json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_small_network_is_told_on_every_face() {
    let place = Place::new(4);
    for face in ["table", "md", "csv"] {
        let output = place.compare(&["fleet", "--rate", "20", "--output", face]);
        insta::assert_snapshot!(face, told(&output));
    }
    let page = place.compare(&["fleet", "--rate", "20", "--output", "html"]);
    assert!(page.status.success() && page.stdout.starts_with(b"<!doctype html>"));
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place() {
    let place = Place::new(2);
    let suite = Suite::parse("light.toml", LIGHT).unwrap();
    let first = &suite.workloads[0].id;
    let operator = &place.truths[0].operator;
    for (name, text) in [
        ("columns.csv", "workload,weight\n".to_owned()),
        ("unknown.csv", format!("workload,share\n{first},0.5\nchat-900b,0.5\n")),
        ("negative.csv", format!("workload,share\n{first},-1\n")),
        ("half.csv", format!("workload,share\n{first},0.5\n")),
        ("twice.csv", format!("operator,region\n{operator},eu\n{operator},us\n")),
        ("nobody.csv", "operator,region\nbob,eu\n".to_owned()),
        ("trace.csv", "arrival_ms,prompt_tokens,output_tokens\n1,1,1\n0,1,1\n".to_owned()),
    ] {
        place.write(name, &text);
    }
    fs::create_dir(place.path("empty")).unwrap();
    fs::create_dir(place.path("there")).unwrap();
    fs::write(place.path("broken.json"), "{").unwrap();
    let mut all = String::new();
    for arguments in [
        &["fleet", "--demand", "columns.csv"][..],
        &["fleet", "--demand", "unknown.csv"],
        &["fleet", "--demand", "negative.csv"],
        &["fleet", "--demand", "half.csv"],
        &["fleet", "--demand", "absent.csv"],
        &["fleet", "--demand", "nothing"],
        &["fleet", "--operators", "twice.csv"],
        &["fleet", "--operators", "nobody.csv"],
        &["fleet", "--rate", "0"],
        &["fleet", "--trace", "trace.csv"],
        &["fleet", "--outage-probability", "1"],
        &["fleet", "--group-by", "colour"],
        &["fleet", "--candidate", "fleet/synthetic-000000.json"],
        &["fleet", "--candidate", "broken.json"],
        &["empty"],
        &["broken.json"],
        &[],
    ] {
        let _ = writeln!(all, "# compare {}\n{}", arguments.join(" "), told(&place.compare(arguments)));
    }
    let synthetic = place.run(&["compare", "fleet", "--suite", "light.toml"]);
    let _ = writeln!(all, "# without --allow-synthetic\n{}", told(&synthetic));
    insta::assert_snapshot!("refusals", all);
}

#[test]
fn profiles_of_two_suites_are_refused_by_name() {
    let place = Place::new(1);
    let smoke = proofmark_workloads::embedded_suite("smoke").unwrap();
    fs::write(place.path("smoke.json"), Fleet::new(&smoke, 1, 1).profile(0).unwrap().bytes).unwrap();
    insta::assert_snapshot!("suites", told(&place.compare(&["fleet", "smoke.json"])));
}

#[test]
fn verify_says_of_a_synthetic_profile_that_it_is_one() {
    let place = Place::new(1);
    let profile = "fleet/synthetic-000000.json";
    insta::assert_snapshot!("synthetic", told(&place.run(&["verify", profile, "--suite", "light.toml"])));
}

#[test]
fn a_bad_profile_is_listed_with_its_reasons_and_left_out() {
    let place = Place::new(3);
    let before = place.json(&["fleet"]);
    let bytes = fs::read_to_string(place.path("fleet/synthetic-000000.json")).unwrap();
    let edited = bytes.replacen("\"threads\":", "\"threads\":1", 1);
    assert_ne!(bytes, edited);
    place.write("fleet/edited.json", &edited);
    place.write("fleet/copy.json", &bytes);
    let after = place.json(&["fleet"]);
    assert_eq!((&after["coverage"], &after["operators"]), (&before["coverage"], &before["operators"]));
    let [edited, copied] = &after["refused"].as_array().unwrap()[..] else { panic!("{}", after["refused"]) };
    assert_eq!(edited["file"], "fleet/edited.json");
    assert!(
        edited["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .any(|reason| reason.as_str().unwrap().contains("signature"))
    );
    // Names ascend, so the copy is read first, and the other is the same report.
    assert!(copied["reasons"][0].as_str().unwrap().starts_with("it is the same report as "), "{copied}");
}

/// Names that DESIGN fixes, and figures by simpler sums over the profiles' own rows.
#[test]
fn coverage_is_that_of_the_profiles_own_rows_times_what_the_network_knows_of_availability() {
    let place = Place::new(5);
    let mut csv = "operator,availability\n".to_owned();
    for (place, truth) in place
        .truths
        .iter()
        .enumerate()
        .filter(|(at, truth)| place.truths[..*at].iter().all(|before| before.operator != truth.operator))
    {
        let _ = writeln!(csv, "{},{}", truth.operator, 0.5 + place as f64 / 100.0);
    }
    place.write("operators.csv", &csv);
    let comparison = place.json(&["fleet", "--operators", "operators.csv"]);
    let suite = Suite::parse("light.toml", LIGHT).unwrap();
    let profiles: Vec<Profile> = place
        .truths
        .iter()
        .map(|truth| {
            document::open(&fs::read(place.path("fleet").join(&truth.file)).unwrap()).unwrap().document
        })
        .collect();
    let rows = comparison["operators"].as_array().unwrap();
    let available = |operator: &str| {
        let row = rows.iter().find(|row| row["operator"] == operator).unwrap();
        number(&row["availability"])
    };
    assert!(place.truths.iter().all(|truth| truth.kind != Kind::SharedMachine), "one machine a profile here");
    let mut expected = 0.0;
    for workload in suite.workloads.iter().filter(|workload| workload.share_ppm > 0) {
        let mut fails = 1.0;
        for profile in &profiles {
            let row = profile.coverage.workloads.iter().find(|row| row.workload == workload.id).unwrap();
            if row.failing_factor.is_none() {
                let proportion = row.within_slo as f64 / row.requests as f64;
                fails *= 1.0 - proportion * available(&profile.operator);
            }
        }
        expected += workload.share_ppm as f64 / 1e6 * (1.0 - fails);
    }
    assert!(
        (number(&comparison["coverage"]["value"]) - expected).abs() < 1e-12,
        "{expected} {}",
        comparison["coverage"]
    );
    let sum: f64 = rows.iter().map(|row| number(&row["shapley"]["value"])).sum();
    assert!((sum - expected).abs() < 1e-9, "{sum} {expected}");
    for member in ["demand", "outages", "concentration", "agreement", "gaps", "refused"] {
        assert!(comparison[member].is_array(), "{member}");
    }
    for member in ["workload", "class", "share", "success", "failing_factor"] {
        assert!(comparison["demand"][0].get(member).is_some(), "{member}");
    }
    for member in ["operator", "availability", "marginal", "shapley", "coverage_part", "volume_part"] {
        assert!(rows[0].get(member).is_some(), "{member}");
    }
}

/// What the generator knows and did not tell.
#[test]
fn whoever_computes_wrongly_shares_a_machine_or_copies_another_is_found() {
    let place = Place::new(60);
    let comparison = place.json(&["fleet"]);
    let of = |kind: Kind| place.truths.iter().filter(move |truth| truth.kind == kind);
    let differing: Vec<&str> = comparison["agreement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row["differing"].as_array().unwrap())
        .map(|operator| operator.as_str().unwrap())
        .collect();
    let wrong: Vec<&str> = of(Kind::ComputesWrongly).map(|truth| truth.operator.as_str()).collect();
    assert!(!wrong.is_empty());
    assert_eq!(differing, wrong);

    let rows = comparison["operators"].as_array().unwrap();
    for truth in of(Kind::SharedMachine) {
        let row = rows.iter().find(|row| row["operator"] == truth.operator.as_str()).unwrap();
        assert_eq!(row["shared_machines"], 1, "{}", truth.file);
    }
    let pairs: Vec<[&str; 2]> = comparison["resemblances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| [0, 1].map(|at| row["operators"][at].as_str().unwrap()))
        .collect();
    let copies: Vec<&Truth> = of(Kind::NearCopy).chain(of(Kind::ExactCopy)).collect();
    assert!(copies.len() >= 2);
    for copy in &copies {
        let original = copy.of.as_deref().unwrap();
        assert!(
            pairs.iter().any(|pair| pair.contains(&original) && pair.contains(&copy.operator.as_str())),
            "{}",
            copy.file
        );
    }
    let is_copy = |operator: &str| copies.iter().any(|copy| copy.operator == operator);
    assert!(pairs.iter().all(|pair| pair.iter().any(|operator| is_copy(operator))), "{pairs:?}");
}

#[test]
fn a_clone_of_a_machine_has_volume_and_no_coverage() {
    let place = Place::new(30);
    let comparison = place.json(&["fleet", "--rate", "2000"]);
    let rows = comparison["operators"].as_array().unwrap();
    let part = |row: &Value, name: &str| number(&row[name]);
    let (coverage, volume): (f64, f64) = (
        rows.iter().map(|row| part(row, "coverage_part")).sum(),
        rows.iter().map(|row| part(row, "volume_part")).sum(),
    );
    // Thirty machines that serve the same: at a rate that keeps them busy they differ in volume.
    assert!(coverage < 0.01 && volume > 0.1, "{coverage} {volume}");
    let served = number(&comparison["capacity"]["success"]["value"]);
    for router in comparison["capacity"]["routers"].as_array().unwrap() {
        let (success, error) = (number(&router["success"]), number(&router["standard_error"]));
        assert!(success <= served + 5.0 * error, "{router} {served}");
    }
}

#[test]
fn a_candidate_adds_what_the_network_gains_with_it() {
    let place = Place::new(6);
    let last = place.truths.last().unwrap().file.clone();
    fs::rename(place.path("fleet").join(&last), place.path("candidate.json")).unwrap();
    let without = place.json(&["fleet", "--candidate", "candidate.json"]);
    let with = place.json(&["fleet", "candidate.json"]);
    let gain = number(&with["coverage"]["value"]) - number(&without["coverage"]["value"]);
    let stated = number(&without["candidates"][0]["marginal"]["value"]);
    assert!((gain - stated).abs() < 1e-12, "{gain} {stated}");
}

#[test]
fn synth_writes_a_folder_that_compare_reads_and_never_overwrites() {
    let place = Place::new(1);
    let arguments = ["fleet", "synth", "--operators", "3", "--suite", "light.toml", "--out", "made"];
    let output = place.run(&arguments);
    assert!(output.status.success(), "{}", told(&output));
    assert!(place.path("made/truth.jsonl").exists());
    let comparison = place.json(&["made", "--operators", "made/operators.csv"]);
    assert_eq!(comparison["synthetic_profiles"], comparison["profiles"]);
    assert_eq!(comparison["machines_of_unknown_availability"], 0);
    insta::assert_snapshot!("again", told(&place.run(&arguments)));
    let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!(names(&place.path("made")), comparison["profiles"].as_u64().unwrap() as usize + 2);
}
