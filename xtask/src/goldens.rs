//! The digests that exact workloads carry, computed by the program itself.
//!
//! What makes them right is not this task but the vectors of the independent implementation (`models/tests/vectors.rs`);
//! what keeps them right is `harness/tests/goldens.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{cargo, output, root};

const SUITES: [&str; 2] = ["harness/tests/data/tiny.toml", "workloads/suites/smoke.toml"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

pub(crate) fn run(mode: Mode) -> Result<()> {
    for suite in SUITES {
        let path = root().join(suite);
        let text = fs::read_to_string(&path)?;
        let digests = compute(suite)?;
        let updated = with_digests(&text, &digests)?;
        match mode {
            Mode::Check if updated != text => {
                bail!("{suite}: digests differ; `cargo xtask goldens` writes them")
            }
            Mode::Check => println!("{suite}: {} digests hold", digests.len()),
            Mode::Write => {
                fs::write(&path, updated)?;
                println!("{suite}: {} digests written", digests.len());
            }
        }
    }
    Ok(())
}

/// Self-check digests by workload id, from a run of all exact workloads.
fn compute(suite: &str) -> Result<BTreeMap<String, String>> {
    let mut proofmark = cargo();
    proofmark.args(["run", "--release", "--quiet", "--package", "proofmark", "--"]);
    let cells = certified(&mut proofmark, suite, &[], &root().join("target/goldens"))?;
    cells
        .iter()
        .map(|cell| self_check_digest(cell).map(|(id, digest)| (id.to_owned(), digest.to_owned())))
        .collect()
}

/// The cells of a profile that `proofmark` makes in `folder` of the exact workloads of a suite.
pub(crate) fn certified(
    proofmark: &mut Command,
    suite: &str,
    workloads: &[&str],
    folder: &Path,
) -> Result<Vec<Value>> {
    fs::create_dir_all(folder)?;
    let profile = folder.join("profile.json");
    let _ = fs::remove_file(&profile);
    proofmark.args(["certify", "--quiet", "--numerics", "exact", "--suite", suite]);
    proofmark.args(workloads.iter().flat_map(|workload| ["--workload", workload]));
    proofmark.arg("--out").arg(&profile).env("XDG_STATE_HOME", folder.join("state"));
    // A mismatch ends it with another code; the profile is written all the same, and tells more.
    let result = output(proofmark);
    let profile = fs::read(&profile).with_context(|| format!("{suite}: {:?}", result.err()))?;
    let profile: Value = serde_json::from_slice(&profile)?;
    Ok(profile["cells"].as_array().cloned().unwrap_or_default())
}

/// A cell's workload and the digest of its self-check.
pub(crate) fn self_check_digest(cell: &Value) -> Result<(&str, &str)> {
    let workload = cell["workload"].as_str().context("a cell without workload")?;
    let digest = cell["self_check_digest"].as_str();
    Ok((workload, digest.with_context(|| format!("{workload}: {}", cell["reason"]))?))
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
            (Some("exact/1"), Some(precision)) => {
                let id = format!("{workload}-exact-{precision}");
                let digest = digests.get(&id).with_context(|| format!("no digest for {id}"))?;
                used += 1;
                let before =
                    line.split(", self_check").next().unwrap_or(line).trim_end_matches([' ', '}', ',']);
                format!("{before}, self_check = \"{digest}\" }},")
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
