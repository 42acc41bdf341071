//! Every document of the hostile corpus (`tests/hostile`) is refused, for its reason, in little time and memory.
//!
//! `CORPUS=write cargo test --release -p proofmark-reports --test hostile` writes the inputs again, after the schema has changed or an attack
//! was added; the reasons in `expected.txt` are written by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod forge;
mod honest;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use forge::attacks;
use honest::network::{brief_answer, challenge, receipt, time};
use honest::{signed, suite};
use proofmark_reports::document::{self, Opened};
use proofmark_reports::schema::v1::{NetworkChallenge, Receipt};
use proofmark_reports::verify::{Context, verify};
use serde_json::{Value, json};

/// Raised with each attack, so that none is lost.
const ATTACKS: usize = 271;
const TIME: Duration = Duration::from_secs(1);
const MEMORY_BYTES: u64 = 64 << 20;
/// Larger inputs are made when they are needed, and not stored.
const STORED_BYTES: usize = 1 << 16;
/// Before the line that a reader prints.
const MARK: &str = "read: ";

#[test]
fn every_attack_is_refused_for_its_reason_in_little_time_and_memory() {
    let mut faults = Vec::new();
    for (name, make) in attacks() {
        let expected = fs::read_to_string(folder(name).join("expected.txt")).unwrap_or_default();
        let expected = expected.trim_end();
        let Reading { refusals, time, peak_bytes } = read_apart(name, &make());
        if expected.is_empty() {
            faults.push(format!("{name}: expected.txt says nothing; given {refusals:?}"));
        }
        if refusals.iter().any(Vec::is_empty) {
            faults.push(format!("{name}: accepted"));
        }
        if !refusals.iter().flatten().any(|reason| reason.contains(expected)) {
            faults.push(format!("{name}: expected `{expected}`, given {refusals:?}"));
        }
        if time > TIME {
            faults.push(format!("{name}: took {time:?}"));
        }
        if peak_bytes > MEMORY_BYTES {
            faults.push(format!("{name}: took {} MiB", peak_bytes >> 20));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_corpus_is_what_forgers_make_and_has_not_shrunk() {
    let made: BTreeSet<String> = attacks().iter().map(|(name, _)| (*name).to_owned()).collect();
    let stored: BTreeSet<String> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(made, stored);
    assert_eq!((made.len(), attacks().len()), (ATTACKS, ATTACKS));
    let mut inputs = BTreeSet::new();
    for (name, make) in attacks() {
        let input = make();
        keep(&folder(name).join("input.json"), &input);
        assert!(inputs.insert(input), "{name} is another attack's input");
    }
}

#[test]
fn the_honest_documents_that_are_attacked_are_accepted() {
    let challenge = challenge(|_| {});
    let profile = brief_answer(&challenge);
    let receipt = receipt(&profile, |_| {});
    let documents = [
        ("profile.json", signed(profile)),
        ("challenge.json", document::write(&challenge).unwrap()),
        ("receipt.json", document::write(&receipt).unwrap()),
    ];
    for (name, bytes) in &documents {
        keep(&honest_documents().join(name), bytes);
    }
    for (place, (name, bytes)) in documents.iter().enumerate() {
        assert_eq!(refusals(bytes)[place], [""; 0], "{name}");
    }
}

/// Holds a stored input against what is made, or writes it.
#[track_caller]
fn keep(path: &Path, made: &[u8]) {
    let is_stored = made.len() <= STORED_BYTES;
    if env::var("CORPUS").is_ok_and(|task| task == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if is_stored {
            fs::write(path, made).unwrap();
        }
        return;
    }
    let stored = fs::read(path).ok();
    let advice = "CORPUS=write makes it again";
    assert!(stored.as_deref() == is_stored.then_some(made), "{} is stale; {advice}", path.display());
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

fn folder(name: &str) -> PathBuf {
    corpus().join(name)
}

fn honest_documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/honest")
}

/// What became of one input.
struct Reading {
    refusals: [Vec<String>; 3],
    time: Duration,
    peak_bytes: u64,
}

/// Reads an input in a process of its own, whose memory is the reader's alone and whose end, if it crashes, is its own too.
#[track_caller]
fn read_apart(name: &str, input: &[u8]) -> Reading {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "reader", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sent = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && sent.is_ok(), "{name}: {}: {said}", output.status);
    let line = printed.lines().find_map(|line| line.strip_prefix(MARK)).unwrap();
    let read: Value = serde_json::from_str(line).unwrap();
    Reading {
        refusals: serde_json::from_value(read["refusals"].clone()).unwrap(),
        time: Duration::from_nanos(read["time_ns"].as_u64().unwrap()),
        peak_bytes: read["peak_bytes"].as_u64().unwrap(),
    }
}

#[test]
#[ignore = "reads one input from standard input, in a process that another test starts"]
fn reader() {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).unwrap();
    let begun = Clock::now();
    let refusals = refusals(&input);
    let time_ns = begun.elapsed_ns();
    let peak_bytes = peak_memory_bytes();
    println!();
    println!("{MARK}{}", json!({"refusals": refusals, "time_ns": time_ns, "peak_bytes": peak_bytes}));
}

/// The processor time of this thread, which does not pass while others have the processor; elsewhere than on Linux the time of day.
struct Clock {
    begun: Instant,
    run_ns: Option<u64>,
}

impl Clock {
    fn now() -> Self {
        Self { begun: Instant::now(), run_ns: run_ns() }
    }

    fn elapsed_ns(&self) -> u64 {
        let run_ns = run_ns().zip(self.run_ns).map(|(now, before)| now - before);
        run_ns.unwrap_or_else(|| self.begun.elapsed().as_nanos() as u64)
    }
}

fn run_ns() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The largest resident set of this process so far; 0 where the system does not say.
fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.map_or(0, |kibibytes| kibibytes * 1024)
}

/// The reasons against an input, read as a profile that answers the honest challenge, as a challenge, and as a receipt for the honest profile.
fn refusals(input: &[u8]) -> [Vec<String>; 3] {
    let honest = |name: &str| fs::read(honest_documents().join(name)).unwrap();
    let asked: NetworkChallenge = document::open(&honest("challenge.json")).unwrap().document;
    let suites = [suite()];
    let context = Context { challenge: Some(&asked), ..Context::new(&suites, time("2026-11-21T05:00:00Z")) };
    let against_profile = |bytes: &[u8], receipt: Option<&Receipt>| -> Vec<String> {
        let verification = verify(bytes, Context { receipt, ..context });
        verification.reasons.iter().map(beginning).collect()
    };
    let as_challenge = match document::open::<NetworkChallenge>(input) {
        Err(fault) => vec![beginning(&fault)],
        Ok(Opened { faults, .. }) => faults.iter().map(beginning).collect(),
    };
    let as_receipt = match document::open::<Receipt>(input) {
        Err(fault) => vec![beginning(&fault)],
        Ok(Opened { document, faults, .. }) => {
            let faults = faults.iter().map(beginning);
            faults.chain(against_profile(&honest("profile.json"), Some(&document))).collect()
        }
    };
    [against_profile(input, None), as_challenge, as_receipt]
}

/// The beginning of a reason, which may repeat all that it refuses.
fn beginning(reason: &impl ToString) -> String {
    reason.to_string().chars().take(1_000).collect()
}
