//! Runs on a device: refused where there is none, and measured, verified and compared where there is one. In a build with the emulator
//! and without CUDA, the emulator stands for the first GPU.

mod place;

use place::{Place, code};
#[cfg(all(feature = "emulation", not(feature = "cuda-exact")))]
use serde_json::Value;

#[test]
fn a_name_that_is_no_device_is_a_mistake_of_usage() {
    let place = Place::new();
    for name in ["gpu", "cuda", "cuda:-1", "cuda:01"] {
        let output = place.proofmark(&["certify", "--device", name]);
        assert_eq!(code(&output), 2);
        assert!(place.told(&output).contains("expected cpu or cuda:N, N from 0"));
    }
}

#[test]
#[cfg(not(any(feature = "cuda-exact", feature = "emulation")))]
fn a_build_without_cuda_says_what_it_lacks_before_anything_is_written() {
    let place = Place::new();
    for command in ["certify", "self-check"] {
        let output = place.proofmark(&[command, "--suite", "tiny.toml", "--device", "cuda:0"]);
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

#[test]
#[cfg(all(feature = "emulation", not(feature = "cuda-exact")))]
fn a_run_on_a_device_gives_the_processors_digests_and_verifies() {
    let place = Place::new();
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
    assert_eq!(gpu["machine"]["accelerators"][0]["model"], "emulator");
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
    // Another device is another machine.
    let output =
        place.proofmark(&["compare", "cpu.json", "gpu.json", "--same-machine", "--suite", "tiny.toml"]);
    assert_ne!(code(&output), 0);
    assert!(place.told(&output).contains("device was cpu, is cuda:0"), "{}", place.told(&output));

    let output = place.proofmark(&[&["certify", "--device", "cuda:1"], &exact[..]].concat());
    assert_eq!(code(&output), 10);
    assert!(place.told(&output).contains("no GPU cuda:1, the driver shows 1"), "{}", place.told(&output));
}
