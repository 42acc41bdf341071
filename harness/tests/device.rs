//! Runs on a device: refused where there is none, and measured, verified and compared where there is one. In a build with the emulator
//! and without CUDA, the emulator stands for the first.

mod place;

#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
use std::io::Write;

use place::{Place, code};
#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
use serde_json::Value;

#[test]
fn a_name_that_is_no_device_is_a_mistake_of_usage() {
    let place = Place::new();
    for name in ["gpu", "cuda", "cuda:-1", "cuda:01"] {
        let output = place.proofmark(&["certify", "--device", name]);
        assert_eq!(code(&output), 2);
        assert!(place.told(&output).contains("expected cpu or cuda:N, N from 0, or all"));
    }
}

#[test]
fn a_challenge_is_not_answered_by_several_runs() {
    let place = Place::new();
    let made = place.proofmark(&["challenge", "new", "--suite", "tiny.toml"]);
    assert_eq!(code(&made), 0, "{}", place.told(&made));
    let output = place.certify(&["--device", "all", "--challenge", "challenge.json"]);
    assert_eq!(code(&output), 2);
    assert!(place.told(&output).contains("a challenge is answered by one run"), "{}", place.told(&output));
}

#[test]
#[cfg(not(any(feature = "cuda-exact", feature = "emulation")))]
fn a_build_without_cuda_says_what_it_lacks_before_anything_is_written() {
    let place = Place::new();
    for (command, device) in [("certify", "cuda:0"), ("certify", "all"), ("self-check", "cuda:0")] {
        let output = place.proofmark(&[command, "--suite", "tiny.toml", "--device", device]);
        assert_eq!(code(&output), 2);
        let told =
            "error: cuda:0 needs a build with CUDA (hint: build with --features cuda, or leave --device out)";
        assert!(place.told(&output).contains(told), "{}", place.told(&output));
    }
    let output = place.proofmark(&["devices"]);
    assert_eq!(code(&output), 0);
    assert!(place.told(&output).contains("no GPU  this build has no CUDA"));
    assert!(!place.path("profile.json").exists());
}

/// None where there is no device, which is said; `PROOFMARK_REQUIRE_GPU` makes its absence a failure.
#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn with_a_device() -> Option<Place> {
    let place = Place::new();
    let devices = place.proofmark(&["devices", "--output", "json"]);
    let devices: Value = serde_json::from_slice(&devices.stdout).unwrap();
    let gpus = devices["devices"].as_array().unwrap().iter().filter(|device| device["device"] != "cpu");
    let found = gpus.clone().next().is_some() && gpus.clone().all(|gpu| gpu["fault"].is_null());
    if !found {
        assert!(std::env::var_os("PROOFMARK_REQUIRE_GPU").is_none(), "{devices:#}");
        // Written past what the test harness captures, so that it is seen.
        drop(writeln!(std::io::stderr(), "SKIPPED on a GPU: {devices}"));
    }
    found.then_some(place)
}

#[test]
#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
fn a_run_on_a_device_gives_the_processors_digests_and_verifies() {
    let Some(place) = with_a_device() else { return };
    let exact = ["--numerics", "exact", "--quiet", "--suite", "tiny.toml"];
    let certify = |more: &[&str]| {
        let output = place.proofmark(&[&["certify"], &exact[..], more].concat());
        assert_eq!(code(&output), 0, "{}", place.told(&output));
    };
    certify(&["--out", "cpu.json"]);
    certify(&["--out", "gpu.json", "--device", "cuda:0"]);
    let output = place.proofmark(&["verify", "cpu.json", "gpu.json", "--suite", "tiny.toml"]);
    assert_eq!(code(&output), 0, "{}", place.told(&output));

    let read = |name| -> Value { serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap() };
    let (cpu, gpu) = (read("cpu.json"), read("gpu.json"));
    assert_eq!(gpu["machine"]["accelerators"][0]["device"], "cuda:0");
    assert_eq!(cpu["machine"]["accelerators"], Value::Array(Vec::new()));
    let cells = |profile: &Value| profile["cells"].as_array().unwrap().clone();
    for (cpu, gpu) in cells(&cpu).iter().zip(&cells(&gpu)) {
        assert_eq!((&cpu["device"], &gpu["device"]), (&Value::from("cpu"), &Value::from("cuda:0")));
        assert_eq!(cpu["self_check_digest"], gpu["self_check_digest"]);
        assert_eq!(gpu["status"], "measured");
        for round in gpu["rounds"].as_array().unwrap() {
            assert!(round["accelerator"]["peak_memory_bytes"].as_u64().unwrap() > 0);
        }
        assert!(cpu["rounds"].as_array().unwrap().iter().all(|round| round["accelerator"].is_null()));
    }
    let shown = |profile| {
        String::from_utf8(place.proofmark(&["show", profile, "--suite", "tiny.toml"]).stdout).unwrap()
    };
    assert!(
        shown("gpu.json").contains("GPU ") && !shown("cpu.json").contains("GPU "),
        "{}",
        shown("gpu.json")
    );
    // Another device is another machine.
    let output =
        place.proofmark(&["compare", "cpu.json", "gpu.json", "--same-machine", "--suite", "tiny.toml"]);
    assert_ne!(code(&output), 0);
    assert!(place.told(&output).contains("device was cpu, is cuda:0"), "{}", place.told(&output));

    // The bits are the same, so each can audit the other.
    for (profile, device, isa) in [("cpu.json", "cuda:0", "cuda:0, "), ("gpu.json", "cpu", "portable")] {
        let audit =
            ["audit", profile, "--device", device, "--isa", "portable", "--suite", "tiny.toml", "--quiet"];
        let output = place.proofmark(&audit);
        assert_eq!(code(&output), 0, "{}", place.told(&output));
        let verify = ["verify", profile, "--audit", "audit.json", "--suite", "tiny.toml"];
        let output = place.proofmark(&verify);
        assert_eq!(code(&output), 0, "{}", place.told(&output));
        let envelope = std::fs::read(place.path("audit.json")).unwrap();
        let audit =
            proofmark_reports::in_toto::open::<proofmark_reports::audit::AuditPredicate>(&envelope).unwrap();
        assert!(audit.statement.predicate.isa.starts_with(isa), "{}", audit.statement.predicate.isa);
    }

    let output = place.proofmark(&[&["certify", "--device", "cuda:99"], &exact[..]].concat());
    assert_eq!(code(&output), 10);
    assert!(place.told(&output).contains("no GPU cuda:99, the driver shows "), "{}", place.told(&output));
}

#[test]
#[cfg(all(any(feature = "cuda-exact", feature = "emulation"), not(feature = "cuda")))]
fn native_numerics_that_the_build_lacks_there_are_refused_before_anything_is_measured() {
    let Some(place) = with_a_device() else { return };
    for device in ["cuda:0", "all"] {
        let output = place.certify(&["--device", device]);
        assert_eq!(code(&output), 2);
        let told = "stock candle on cuda:0 needs a build with its kernels for GPUs (hint: leave native numerics out with --numerics exact, or build with --features cuda)";
        assert!(place.told(&output).contains(told), "{}", place.told(&output));
    }
    assert!(place.files().iter().all(|file| !file.starts_with("profile")), "{:?}", place.files());
}

#[test]
#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
fn all_devices_are_certified_one_after_another_as_one_machine() {
    let Some(place) = with_a_device() else { return };
    let all = ["certify", "--device", "all", "--numerics", "exact", "--quiet", "--suite", "tiny.toml"];
    let output = place.proofmark(&[&all[..], &["--in-toto", "statement.json"]].concat());
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    for device in ["cpu", "cuda-0"] {
        let (profile, statement) = (format!("profile.{device}.json"), format!("statement.{device}.json"));
        let verify = ["verify", &profile, "--in-toto", &statement, "--suite", "tiny.toml"];
        let output = place.proofmark(&verify);
        assert_eq!(code(&output), 0, "{}", place.told(&output));
        assert!(place.path(&format!("{profile}.outputs")).exists());
    }
    assert!(!place.path("profile.json").exists());
    let files =
        ["compare", "profile.cpu.json", "profile.cuda-0.json", "--suite", "tiny.toml", "--output", "json"];
    let compared: Value = serde_json::from_slice(&place.proofmark(&files).stdout).unwrap();
    assert_eq!(compared["machines"], 1, "{compared:#}");
}

#[test]
#[cfg(any(feature = "cuda-exact", feature = "emulation"))]
fn a_run_of_all_devices_goes_on_with_the_one_it_was_killed_on() {
    let Some(place) = with_a_device() else { return };
    let all = ["certify", "--device", "all", "--numerics", "exact", "--quiet", "--suite", "tiny.toml"];
    let refused = place.proofmark(&[&all[..], &["--resume"]].concat());
    assert_eq!(code(&refused), 10, "{}", place.told(&refused));
    let mut run = place.command(env!("CARGO_BIN_EXE_proofmark"));
    let mut run = run.args(all).stdout(std::process::Stdio::null()).spawn().unwrap();
    let has_begun = || {
        std::fs::read_to_string(place.path("profile.cpu.json.journal"))
            .is_ok_and(|journal| journal.contains("\"finished\""))
    };
    while !has_begun() {
        assert!(run.try_wait().unwrap().is_none(), "the run ended before it was killed");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let of_the_gpu = std::fs::read(place.path("profile.cuda-0.json")).unwrap();
    let output = place.proofmark(&[&all[..], &["--resume"]].concat());
    assert_eq!(code(&output), 0, "{}", place.told(&output));
    assert_eq!(std::fs::read(place.path("profile.cuda-0.json")).unwrap(), of_the_gpu);
    let read = std::fs::read(place.path("profile.cpu.json")).unwrap();
    let of_the_processor: Value = serde_json::from_slice(&read).unwrap();
    assert_eq!(of_the_processor["sittings"].as_array().unwrap().len(), 2);
}
