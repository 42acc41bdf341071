//! The program from outside: exit code, standard output and standard error, on a suite that takes a second.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use place::{FIXTURES, Place, code};
use proofmark_reports::schema::v1::SCHEMA;
use serde_json::Value;

/// Numbers, keys, digests and the width of columns vary from run to run.
fn without_measurements(text: &str) -> String {
    let mut redacted = String::new();
    for line in text.lines().filter(|line| !line.starts_with("machine") && !line.starts_with("doubt")) {
        let words = line.split_whitespace().map(|word| {
            let bare = word.trim_matches(['(', ')', ',']);
            let is_digest = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_number = bare.starts_with(|c: char| c.is_ascii_digit());
            match bare {
                _ if line.starts_with("exit") => word,
                _ if word.starts_with("did:key:") => "[DID]",
                _ if is_digest => "[DIGEST]",
                "avx512" | "avx2" | "neon" | "portable" => "[ISA]",
                "ns" | "us" | "ms" | "s" => "[UNIT]",
                _ if is_number => "[N]",
                _ => word,
            }
        });
        let _ = writeln!(redacted, "{}", words.collect::<Vec<_>>().join(" "));
    }
    redacted
}

fn self_checks(profile: &Value) -> Vec<(String, Value, Value)> {
    let cells = profile["cells"].as_array().unwrap();
    let exact = cells.iter().filter(|cell| cell["numerics"] == "exact/1");
    exact
        .map(|cell| {
            let workload = cell["workload"].as_str().unwrap().to_owned();
            (workload, cell["self_check"].clone(), cell["self_check_digest"].clone())
        })
        .collect()
}

#[test]
fn certify_writes_a_profile_that_verify_accepts_and_show_prints() {
    let place = Place::new();
    let output = place.certify(&[]);
    insta::assert_snapshot!("certify", without_measurements(&place.told(&output)));
    let output = place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]);
    insta::assert_snapshot!("verify", without_measurements(&place.told(&output)));
    let output = place.proofmark(&["show", "--suite", "tiny.toml"]);
    insta::assert_snapshot!("show", without_measurements(&place.told(&output)));

    assert_eq!(place.files(), ["profile.json", "profile.json.outputs", "state", "tiny.toml"]);
    let profile = place.profile();
    assert_eq!(profile["kind"], "proofmark.coverage_profile");
    for cell in profile["cells"].as_array().unwrap() {
        assert_eq!(cell["status"], "measured", "{}", cell["reason"]);
        let rounds = cell["rounds"].as_array().unwrap();
        assert_eq!(rounds.len(), 2);
        for round in rounds {
            assert_eq!(round["latency_ns"].as_array().unwrap().len(), 3);
            assert_eq!(round["output_digests"].as_array().unwrap().len(), 3);
            assert!(round["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
        }
    }
}

#[test]
fn show_prints_every_face_of_a_profile() {
    let place = Place::new();
    let profile = place.certified(&["--workload", "embed-exact-*"]);
    let show = |face: &str| {
        let output = place.proofmark(&["show", "--suite", "tiny.toml", "--output", face]);
        assert_eq!(code(&output), 0, "{}", place.told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(show("json").into_bytes(), fs::read(place.path("profile.json")).unwrap());
    let html = show("html");
    assert!(html.starts_with("<!doctype html>"));
    assert!(html.contains("embed-exact-f16") && html.contains(profile["operator"].as_str().unwrap()));
    assert_eq!(show("csv").lines().count(), 3);
    assert!(show("md").contains("| embed-exact-f32 |"));
    assert!(show("table").contains("This machine serves"));
}

#[test]
fn thread_counts_and_instruction_sets_give_the_suites_digests() {
    let place = Place::new();
    let expected = self_checks(&place.certified(&[]));
    assert_eq!(expected.len(), 5);
    assert!(expected.iter().all(|(_, outcome, _)| outcome == "match"));
    for arguments in [["--threads", "1"], ["--threads", "2"], ["--threads", "5"], ["--isa", "portable"]] {
        assert_eq!(self_checks(&place.certified(&arguments)), expected, "{arguments:?}");
    }
}

#[test]
fn the_environment_names_an_instruction_set_unless_the_command_line_does() {
    let place = Place::new();
    let isa = |arguments: &[&str]| {
        let arguments =
            [&["certify", "--suite", "tiny.toml", "--workload", "embed-exact-f32"], arguments].concat();
        let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
        let output = command.args(arguments).env("PROOFMARK_ISA", "portable").output().unwrap();
        assert!(output.status.success(), "{}", place.told(&output));
        place.profile()["harness"]["isa"].clone()
    };
    assert_eq!(isa(&[]), "portable");
    let detected = proofmark_models::exact::isa::Isa::detect().to_string();
    assert_eq!(isa(&["--isa", &detected]), detected.as_str());
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let output = command.args(["certify"]).env("PROOFMARK_ISA", "sse9").output().unwrap();
    assert_eq!(code(&output), 2, "{}", place.told(&output));
}

#[test]
fn every_run_has_fresh_seeds_and_outputs() {
    let place = Place::new();
    let (first, second) = (place.certified(&[]), place.certified(&[]));
    for (a, b) in first["cells"].as_array().unwrap().iter().zip(second["cells"].as_array().unwrap()) {
        let rounds = |cell: &Value| cell["rounds"].as_array().unwrap().clone();
        let (a, b) = (rounds(a), rounds(b));
        assert_ne!(a[0]["seed_0"], b[0]["seed_0"]);
        assert_ne!(a[0]["output_digests"][0], b[0]["output_digests"][0]);
        let digests: Vec<&Value> =
            a.iter().flat_map(|round| round["output_digests"].as_array().unwrap()).collect();
        assert!(digests.windows(2).all(|pair| pair[0] != pair[1]), "an input was used twice");
    }
    assert_eq!(first["machine"]["commitment"], second["machine"]["commitment"]);
    assert_eq!(first["operator"], second["operator"]);
}

#[test]
fn selections_narrow_the_run() {
    let place = Place::new();
    let ids = |profile: &Value| -> Vec<String> {
        let cells = profile["cells"].as_array().unwrap();
        cells.iter().map(|cell| cell["workload"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        ids(&place.certified(&["--workload", "emb*f32", "--numerics", "native"])),
        ["embed-native-f32"]
    );
    let profile = place.certified(&["--workload", "emb*", "--workload", "*rank-exact*"]);
    assert_eq!(
        ids(&profile),
        ["embed-exact-f32", "embed-native-f32", "embed-exact-f16", "embed-native-f16", "rerank-exact-f32"]
    );
    let chat = &profile["coverage"]["classes"][0];
    assert_eq!(
        (&chat["class"], &chat["missing"][0]["reason"]),
        (&"chat".into(), &"not measured in this run".into())
    );
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn json_output_is_the_profile_and_quiet_is_silent() {
    let place = Place::new();
    let output = place.certify(&["--output", "json", "--quiet", "--workload", "embed-*"]);
    assert_eq!(code(&output), 0);
    let file = fs::read(place.path("profile.json")).unwrap();
    assert_eq!(output.stdout, file);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn verify_in_json_names_file_ids_and_reasons() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let text = fs::read_to_string(place.path("profile.json")).unwrap();
    fs::write(place.path("edited.json"), text.replacen("\"threads\":", "\"threads\":1", 1)).unwrap();
    let output = place.proofmark(&[
        "verify",
        "--suite",
        "tiny.toml",
        "--output",
        "json",
        "absent.json",
        "profile.json",
        "edited.json",
    ]);
    assert_eq!(code(&output), 10);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&rows[0]["valid"], &rows[0]["report_id"]), (&false.into(), &Value::Null));
    assert!(rows[0]["reasons"][0].as_str().unwrap().starts_with("cannot read absent.json"));
    assert_eq!((&rows[1]["file"], &rows[1]["valid"]), (&"profile.json".into(), &true.into()));
    assert_eq!(rows[1]["reasons"].as_array().unwrap().len(), 0);
    assert_eq!(rows[1]["report_id"].as_str().unwrap().len(), 64);
    assert_eq!(rows[2]["valid"], false);
    assert!(rows[2]["reasons"].as_array().unwrap().len() >= 2, "{rows:#}");
}

#[test]
fn edited_truncated_and_newer_profiles_are_refused() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let text = fs::read_to_string(place.path("profile.json")).unwrap();
    fs::write(place.path("edited.json"), text.replacen("\"attempt\":0", "\"attempt\":1", 1)).unwrap();
    fs::write(place.path("truncated.json"), &text[..100]).unwrap();
    fs::write(
        place.path("newer.json"),
        text.replace(&format!("\"schema\":\"{SCHEMA}\""), "\"schema\":\"7.0.0\""),
    )
    .unwrap();
    fs::write(place.path("empty.json"), "").unwrap();
    let files =
        ["verify", "--suite", "tiny.toml", "edited.json", "truncated.json", "newer.json", "empty.json"];
    let output = place.proofmark(&files);
    insta::assert_snapshot!("refused", without_measurements(&place.told(&output)));
    let output = place.proofmark(&["show", "--suite", "tiny.toml", "truncated.json"]);
    insta::assert_snapshot!("show_refused", place.told(&output));
}

#[test]
fn a_machine_that_computes_wrongly_is_told_so() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    let (before, after) = suite.split_once("self_check = \"").unwrap();
    fs::write(place.path("tiny.toml"), format!("{before}self_check = \"{}{}", "0".repeat(64), &after[64..]))
        .unwrap();
    let output = place.certify(&["--quiet", "--numerics", "exact"]);
    insta::assert_snapshot!("computes_wrongly", without_measurements(&place.told(&output)));
    // The profile tells the truth about it, so it is valid.
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn a_cell_beyond_its_time_fails_alone() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    fs::write(place.path("tiny.toml"), suite.replace("time_limit_s = 60", "time_limit_s = 0")).unwrap();
    let output = place.certify(&["--quiet", "--workload", "embed-exact-f32"]);
    assert_eq!(code(&output), 13, "{}", place.told(&output));
    let cell = &place.profile()["cells"][0];
    assert_eq!(
        (&cell["status"], &cell["reason"]),
        (&"failed".into(), &"took longer than its limit of 0 s".into())
    );
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn a_model_that_does_not_fit_the_memory_is_not_run_and_says_so() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    // The first model is the decoder: 4096 layers of 400 MB.
    let huge = suite.replacen("num_hidden_layers = 2", "num_hidden_layers = 4096", 1);
    let huge = huge.replacen("intermediate_size = 64", "intermediate_size = 1048576", 1);
    fs::write(place.path("tiny.toml"), huge).unwrap();
    let profile = place.certified(&["--workload", "generate-exact-f32", "--workload", "embed-exact-f32"]);
    let cell = &profile["cells"][0];
    assert_eq!((&cell["status"], &cell["obstacle"]["kind"]), (&"not_covered".into(), &"memory".into()));
    let reason = cell["reason"].as_str().unwrap();
    assert!(reason.starts_with("needs ") && reason.contains(" GiB, has "), "{reason}");
    assert_eq!(profile["cells"][1]["status"], "measured");
    let row = &profile["coverage"]["workloads"][0];
    assert_eq!(
        (&row["workload"], &row["failing_factor"]),
        (&"generate-exact-f32".into(), &"hardware".into())
    );
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn the_ceilings_are_measured_where_the_suite_asks_and_every_cell_has_its_share() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    fs::write(place.path("tiny.toml"), suite.replace("ceilings_ms = 0", "ceilings_ms = 100")).unwrap();
    let profile = place.certified(&["--workload", "generate-exact-f32"]);
    for ceiling in ["read_bytes_per_s", "f32_flops_per_s"] {
        assert!(profile["ceilings"][ceiling].as_u64().unwrap() > 10_000_000, "{}", profile["ceilings"]);
    }
    assert!(profile["cells"][0]["roofline"]["share_ppm"].as_u64().unwrap() > 0);
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn a_search_for_capacity_is_in_the_profile_and_in_the_chain() {
    let place = Place::new();
    let profile = place.certified(&["--workload", "generate-exact-f32", "--workload", "embed-exact-f32"]);
    for cell in profile["cells"].as_array().unwrap() {
        let capacity = &cell["capacity"];
        assert_eq!(capacity["basis"], "open_loop");
        let trials = capacity["trials"].as_array().unwrap();
        assert!(!trials.is_empty());
        for trial in trials {
            let served = trial["latency_ns"].as_array().unwrap().len();
            assert_eq!(trial["output_digests"].as_array().unwrap().len(), served);
            let batches = trial["batches"].as_array().unwrap().iter().map(|batch| batch.as_u64().unwrap());
            assert!(batches.clone().all(|batch| (1..=4).contains(&batch)));
            assert_eq!(batches.sum::<u64>(), served as u64);
        }
    }
    let heads: Vec<&Value> = (0..2)
        .flat_map(|round| [0, 1].map(|cell| &profile["cells"][cell]["rounds"][round]["chain_head"]))
        .collect();
    assert!(heads.windows(2).all(|pair| pair[0] != pair[1]), "{heads:?}");
}

#[test]
fn a_self_check_says_match_and_ends_with_1_where_one_does_not() {
    let place = Place::new();
    let output = place.proofmark(&["self-check", "--suite", "tiny.toml"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((code(&output), told.lines().count()), (0, 5), "{}", place.told(&output));
    assert!(told.lines().all(|line| line.ends_with(" match")), "{told}");
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    let (before, after) = suite.split_once("self_check = \"").unwrap();
    let wrong = format!("{before}self_check = \"{}{}", "0".repeat(64), &after[64..]);
    fs::write(place.path("tiny.toml"), wrong).unwrap();
    let output = place.proofmark(&["self-check", "--suite", "tiny.toml", "--workload", "gen*f32"]);
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8_lossy(&output.stdout).trim_end().ends_with(" MISMATCH"));
}

#[test]
fn weights_come_from_a_folder() {
    let place = Place::new();
    let weights = format!("encoder={FIXTURES}/bert_embedding");
    let profile = place.certified(&["--workload", "embed-*", "--weights", &weights]);
    for cell in profile["cells"].as_array().unwrap() {
        assert_eq!((&cell["weights"]["source"], &cell["self_check"]), (&"local".into(), &"none".into()));
    }
    assert!(place.proofmark(&["verify", "profile.json", "--suite", "tiny.toml"]).status.success());
}

#[test]
fn weights_that_cannot_be_used_are_refused_before_measuring() {
    let place = Place::new();
    let copy = |name: &str| {
        let folder = place.path(name);
        fs::create_dir(&folder).unwrap();
        for file in ["config.json", "model.safetensors"] {
            fs::copy(format!("{FIXTURES}/bert_embedding/{file}"), folder.join(file)).unwrap();
        }
        folder
    };
    let cut = copy("cut").join("model.safetensors");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 10]).unwrap();
    let garbled = copy("garbled").join("model.safetensors");
    fs::write(&garbled, [&bytes[..8], b"nonsense", &bytes[16..]].concat()).unwrap();
    fs::remove_file(copy("missing").join("model.safetensors")).unwrap();
    let other = copy("other").join("config.json");
    let config = fs::read_to_string(&other).unwrap();
    fs::write(&other, config.replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2")).unwrap();
    fs::write(copy("broken_config").join("config.json"), "{").unwrap();

    let mut told = String::new();
    for folder in ["cut", "garbled", "missing", "other", "broken_config", "nowhere"] {
        let output = place.certify(&["--quiet", "--weights", &format!("encoder={folder}")]);
        let _ = writeln!(told, "# {folder}\n{}", place.told(&output));
    }
    let output = place.certify(&["--quiet", "--weights", "nobody=cut"]);
    let _ = writeln!(told, "# unknown model\n{}", place.told(&output));
    insta::assert_snapshot!("weights", told);
    assert!(!place.path("profile.json").exists());
}

#[test]
fn a_cell_whose_weights_lack_a_tensor_fails_with_its_name() {
    let place = Place::new();
    let weights = format!("encoder={FIXTURES}/bert_embedding");
    let output = place.certify(&["--quiet", "--workload", "rerank-exact-f32", "--weights", &weights]);
    assert_eq!(code(&output), 13, "{}", place.told(&output));
    let reason = place.profile()["cells"][0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "weights have no tensor `classifier.weight`");
}

#[test]
fn a_wrong_suite_is_refused_with_file_and_line() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    fs::write(place.path("typo.toml"), suite.replacen("warm_up_ms", "warmup_ms", 1)).unwrap();
    fs::write(place.path("binary.toml"), [0xff, 0xfe]).unwrap();
    let mut told = String::new();
    for arguments in [
        &["certify", "--suite", "typo.toml"][..],
        &["certify", "--suite", "binary.toml"],
        &["certify", "--suite", "absent.toml"],
        &["certify", "--suite", "huge"],
        &["certify", "--suite", "tiny.toml", "--workload", "nothing*"],
        &["certify", "--suite", "tiny.toml", "--workload", "[a"],
        &["certify", "--suite", "tiny.toml", "--threads", "0"],
        &["certify", "--suite", "tiny.toml", "--isa", "sse9"],
        &["verify", "absent.json"],
        &["list", "--suite", "absent.toml"],
        &["frobnicate"],
    ] {
        let output = place.proofmark(arguments);
        let _ = writeln!(told, "# {}\n{}", arguments.join(" "), place.told(&output));
    }
    insta::assert_snapshot!("bad_usage", told);
    assert!(!place.path("profile.json").exists());
}

#[test]
fn a_key_is_made_once_kept_private_and_never_replaced() {
    let place = Place::new();
    let made = place.proofmark(&["key", "new", "--out", "me.pem"]);
    assert_eq!(code(&made), 0, "{}", place.told(&made));
    let mode = fs::metadata(place.path("me.pem")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let shown = place.proofmark(&["key", "show", "--key", "me.pem"]);
    assert_eq!(made.stdout, shown.stdout);
    let before = fs::read(place.path("me.pem")).unwrap();
    let again = place.proofmark(&["key", "new", "--out", "me.pem"]);
    assert_eq!(code(&again), 12);
    assert_eq!(fs::read(place.path("me.pem")).unwrap(), before);

    let profile = place.certified(&["--key", "me.pem", "--workload", "embed-exact-f32"]);
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(told.contains(profile["operator"].as_str().unwrap()), "{told}");
}

#[test]
fn a_key_that_cannot_be_used_is_refused() {
    let place = Place::new();
    place.proofmark(&["key", "new", "--out", "open.pem"]);
    fs::set_permissions(place.path("open.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    // An EC key, as `openssl genpkey -algorithm EC` begins one.
    let foreign = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQ==\n-----END PRIVATE KEY-----\n";
    for (name, text) in [("foreign.pem", foreign), ("cut.pem", "-----BEGIN PRIV"), ("empty.pem", "")] {
        fs::write(place.path(name), text).unwrap();
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut told = String::new();
    for name in ["absent.pem", "open.pem", "foreign.pem", "cut.pem", "empty.pem"] {
        let output = place.certify(&["--key", name]);
        let _ = writeln!(told, "# {name}\n{}", place.told(&output));
    }
    let output = place.proofmark(&["key", "show"]);
    let _ = writeln!(told, "# no key yet\n{}", place.told(&output));
    insta::assert_snapshot!("keys", told);
    assert!(!place.path("profile.json").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_measuring() {
    let place = Place::new();
    let mut told = String::new();
    // Not even root writes to /proc.
    for out in ["/proc/profile.json", "no/such/folder/profile.json", "."] {
        let output = place.certify(&["--out", out]);
        let _ = writeln!(told, "# {out}\n{}", place.told(&output));
    }
    // The temporary file's random name.
    let words = told.split(' ').map(|word| if word.contains("/.tmp") { "[TEMPORARY]" } else { word });
    insta::assert_snapshot!("out", words.collect::<Vec<_>>().join(" "));
}

#[test]
fn a_full_disk_leaves_the_old_profile_and_no_fragment() {
    let place = Place::new();
    place.certified(&["--workload", "embed-exact-f32"]);
    let before = fs::read(place.path("profile.json")).unwrap();
    // A limit on file sizes is the closest to a full disk that needs no disk; 100 blocks of 512 or 1024 bytes.
    let script =
        "trap '' XFSZ; ulimit -f 100; exec \"$0\" certify --suite tiny.toml --workload embed-exact-f32";
    let output = place.command("sh").args(["-c", script, env!("CARGO_BIN_EXE_proofmark")]).output().unwrap();
    assert_eq!(code(&output), 11, "{}", place.told(&output));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write profile.json: "));
    assert_eq!(fs::read(place.path("profile.json")).unwrap(), before);
    assert_eq!(place.files(), ["profile.json", "profile.json.outputs", "state", "tiny.toml"]);
}

#[test]
fn a_killed_run_leaves_no_profile_and_no_process() {
    let place = Place::new();
    let suite = fs::read_to_string(place.path("tiny.toml")).unwrap();
    let slow =
        suite.replace("warm_up_ms = 5\n", "warm_up_ms = 20000\n").replace("cap_ms = 50", "cap_ms = 20000");
    fs::write(place.path("tiny.toml"), slow).unwrap();
    let mut command = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let mut run = command.args(["certify", "--suite", "tiny.toml", "--quiet"]).spawn().unwrap();
    let cell_of = |parent: u32| -> Option<PathBuf> {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        let child = children.split_whitespace().next()?;
        Some(PathBuf::from(format!("/proc/{child}")))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let cell = loop {
        assert!(std::time::Instant::now() < deadline, "no cell was started");
        match cell_of(run.id()) {
            // Past its start, in its warm-up of twenty seconds.
            Some(cell)
                if fs::read_to_string(cell.join("cmdline")).is_ok_and(|line| line.contains("cell")) =>
            {
                std::thread::sleep(std::time::Duration::from_millis(300));
                break cell;
            }
            _ => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    };
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!place.path("profile.json").exists());
    let is_alive = |cell: &Path| {
        let stat = fs::read_to_string(cell.join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
    };
    // Long before its warm-up is over.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while is_alive(&cell) {
        assert!(std::time::Instant::now() < deadline, "the cell outlives its parent");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn what_an_operator_says_of_itself_is_signed_and_compared() {
    let place = Place::new();
    let output = place.certify(&[
        "--quiet",
        "--workload",
        "embed-exact-*",
        "--attribute",
        "region=eu-west",
        "--attribute",
        "availability=0.5",
    ]);
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    assert_eq!(
        place.profile()["extensions"],
        serde_json::json!({ "network": { "region": "eu-west", "availability_ppm": 500_000 } })
    );
    let output = place.proofmark(&["compare", "profile.json", "--suite", "tiny.toml", "--output", "json"]);
    let comparison: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(comparison["operators"][0]["region"], "eu-west");
    assert_eq!(comparison["operators"][0]["availability"], 0.5);
    assert!(comparison["coverage"]["value"].as_f64().unwrap() <= 0.5);

    let output = place.certify(&["--attribute", "zone=a"]);
    insta::assert_snapshot!("attribute", place.told(&output));
}
