//! The suite `smoke` as benchmarks: whole requests by the program itself, a round at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::build::Build;
use super::criterion::Threads;
use super::suites::Suite;

const SUITE: &str = "workloads/suites/smoke.toml";
/// Before the names of its workloads.
const PREFIX: &str = "smoke/";

/// The names of the suite's workloads.
pub(crate) fn names(build: &Build) -> Result<Vec<String>> {
    let suite = Suite::read(&build.folder, "smoke")?.context("no suite smoke")?;
    Ok(suite.entries().map(|entry| format!("{PREFIX}{}", entry.id)).collect())
}

/// The suite's version.
pub(crate) fn version(build: &Build) -> Result<String> {
    Ok(Suite::read(&build.folder, "smoke")?.context("no suite smoke")?.version)
}

/// Measures workloads once; of each the latencies of its requests.
pub(crate) fn run(
    build: &Build,
    names: &[String],
    threads: Threads,
    scratch: &Path,
) -> Result<BTreeMap<String, Vec<f64>>> {
    fs::create_dir_all(scratch)?;
    let (suite, profile) = (scratch.join("smoke.toml"), scratch.join("smoke.json"));
    fs::write(&suite, one_round(&fs::read_to_string(build.folder.join(SUITE))?)?)?;
    let mut certify = Command::new(&build.program);
    // A key of its own: what is signed here is no certificate.
    certify.env("XDG_STATE_HOME", scratch.join("state")).stdin(Stdio::null());
    certify.args(["certify", "--quiet", "--suite"]).arg(&suite).arg("--out").arg(&profile);
    // The program sees to them itself.
    certify.env_remove("MALLOC_TRIM_THRESHOLD_").env_remove("MALLOC_MMAP_THRESHOLD_");
    if threads == Threads::One {
        certify.args(["--threads", "1"]);
    }
    for name in names {
        certify.args(["--workload", name.strip_prefix(PREFIX).unwrap_or(name)]);
    }
    let ended = certify.output().with_context(|| format!("cannot start {}", build.program.display()))?;
    if !ended.status.success() {
        let told = String::from_utf8_lossy(&ended.stderr);
        bail!("certify of {}: {}: {}", build.revision, ended.status, told.trim());
    }
    let profile: Value = serde_json::from_slice(&fs::read(&profile)?).context("the profile is no JSON")?;
    let cells = profile["cells"].as_array().context("a profile without cells")?;
    Ok(cells.iter().filter_map(latencies).collect())
}

/// The suite with one round, and without what measures the machine and not the program.
fn one_round(suite: &str) -> Result<String> {
    let mut text = suite.to_owned();
    for (field, value) in [("rounds", 1), ("capacity_ms", 0), ("ceilings_ms", 0)] {
        let lines = text.lines().map(|line| match line.strip_prefix(field) {
            Some(rest) if rest.starts_with(" = ") => format!("{field} = {value}\n"),
            _ => format!("{line}\n"),
        });
        let changed: String = lines.collect();
        if !changed.contains(&format!("\n{field} = {value}\n")) {
            bail!("{SUITE} has no `{field}`");
        }
        text = changed;
    }
    Ok(text)
}

fn latencies(cell: &Value) -> Option<(String, Vec<f64>)> {
    let rounds = cell["rounds"].as_array()?.iter();
    let all: Vec<f64> = rounds
        .filter_map(|round| round["latency_ns"].as_array())
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    (!all.is_empty()).then_some((format!("{PREFIX}{}", cell["workload"].as_str()?), all))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_timing_of_the_suite_is_changed() {
        let suite =
            "format = 1\n[timing]\nrounds = 6\ncapacity_ms = 4000\nceilings_ms = 1000\nmeasure_ms = 450\n";
        let expected =
            "format = 1\n[timing]\nrounds = 1\ncapacity_ms = 0\nceilings_ms = 0\nmeasure_ms = 450\n";
        assert_eq!(one_round(suite).unwrap(), expected);
        assert!(one_round("rounds = 6\n").is_err());
    }

    #[test]
    fn latencies_of_all_rounds_are_taken_and_cells_without_any_left_out() {
        let cell = json!({"workload": "w", "rounds": [{"latency_ns": [5, 7]}, {"latency_ns": [6]}]});
        assert_eq!(latencies(&cell), Some(("smoke/w".to_owned(), vec![5.0, 7.0, 6.0])));
        assert_eq!(latencies(&json!({"workload": "w", "rounds": []})), None);
    }
}
