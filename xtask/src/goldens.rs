//! The digests that exact workloads carry, computed by the program itself.
//!
//! What makes them right is not this task but the vectors of the independent implementation (`models/tests/vectors`);
//! what keeps them right is `harness/tests/goldens.rs`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::{cargo, root, sha256};

const SUITES: [&str; 5] = [
    "harness/tests/data/tiny.toml",
    "harness/tests/data/eight_bits.toml",
    "harness/tests/data/families.toml",
    "workloads/suites/smoke.toml",
    "workloads/suites/standard.toml",
];
/// Includes the last of them, by digest.
const FULL: &str = "workloads/suites/full.toml";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

pub(crate) fn run(mode: Mode) -> Result<()> {
    let mut included = String::new();
    for suite in SUITES {
        let digests = compute(suite)?;
        included = settle(suite, mode, |text| with_digests(text, &digests))?;
        println!("{suite}: {} digests", digests.len());
    }
    settle(FULL, mode, |text| Ok(with_include(text, &sha256(included.as_bytes()))))?;
    Ok(())
}

/// Writes a suite as it should be, or checks that it is; its text then.
fn settle(suite: &str, mode: Mode, update: impl FnOnce(&str) -> Result<String>) -> Result<String> {
    let path = root().join(suite);
    let text = fs::read_to_string(&path)?;
    let updated = update(&text)?;
    match mode {
        Mode::Check if updated != text => bail!("{suite}: digests differ; `cargo xtask goldens` writes them"),
        Mode::Check => {}
        Mode::Write => fs::write(&path, &updated)?,
    }
    Ok(updated)
}

/// The text with another digest of the suite that it includes.
fn with_include(text: &str, digest: &str) -> String {
    let line = |line: &str| match line.strip_prefix("digest = \"") {
        Some(_) => format!("digest = \"{digest}\"\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Digests by workload id, of all exact workloads that fit this machine's memory.
fn compute(suite: &str) -> Result<BTreeMap<String, String>> {
    let mut proofmark = cargo();
    proofmark.args(["run", "--release", "--quiet", "--package", "proofmark", "--"]);
    proofmark.args(["self-check", "--output", "json", "--suite", suite]);
    // A mismatch ends it with another code, and is what this task is for.
    let told = proofmark.output().with_context(|| format!("cannot run proofmark for {suite}"))?;
    serde_json::from_slice(&told.stdout)
        .with_context(|| format!("{suite}: {}", String::from_utf8_lossy(&told.stderr).trim()))
}

/// The suite's text with each exact variant's `self_check` replaced; the rest stays as it is written.
fn with_digests(text: &str, digests: &BTreeMap<String, String>) -> Result<String> {
    let field = |line: &str, name: &str| -> Option<String> {
        let (_, rest) = line.split_once(&format!("{name} = \""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let (mut updated, mut workload, mut used) = (String::new(), String::new(), 0);
    for line in text.lines() {
        if line.starts_with("name = ") {
            workload = field(line, "name").unwrap_or_default();
        }
        let line = match (field(line, "numerics").as_deref(), field(line, "precision")) {
            (Some("exact/1" | "exact/q8"), Some(precision)) => {
                let id = format!("{workload}-exact-{precision}");
                match digests.get(&id) {
                    None => {
                        println!("{id} does not fit this machine; its digest stays as it is");
                        line.to_owned()
                    }
                    Some(digest) => {
                        used += 1;
                        let before = line
                            .split(", self_check")
                            .next()
                            .unwrap_or(line)
                            .trim_end_matches([' ', '}', ',']);
                        format!("{before}, self_check = \"{digest}\" }},")
                    }
                }
            }
            _ => line.to_owned(),
        };
        updated += &line;
        updated.push('\n');
    }
    if used != digests.len() {
        bail!("{used} variants for {} digests", digests.len());
    }
    Ok(updated)
}
