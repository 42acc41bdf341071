//! Criterion's benchmarks: which there are, and the raw samples of a run.
//!
//! Criterion writes each benchmark's samples to `GROUP/FUNCTION/new/sample.json` below `CRITERION_HOME`, beside its name in
//! `benchmark.json`; its own statistics are left aside, because they hold for one process in one minute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::{command, map};

/// How long a benchmark is run, and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) warm_up_s: f64,
    pub(crate) measurement_s: f64,
    pub(crate) threads: Threads,
}

/// How many threads a benchmark has; what RAYON_NUM_THREADS says goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// As many as the machine has processors.
    All,
    /// One: two threads that wait for each other wait for whatever disturbs either.
    One,
}

/// Many short ones: some of them nothing disturbs.
pub(crate) const SAMPLES: &str = "30";
/// How many threads rayon's pool has.
pub(crate) const RAYON: &str = "RAYON_NUM_THREADS";

#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// The names of an executable's benchmarks; none where it is not criterion's.
pub(crate) fn names(executable: &Path) -> Result<Vec<String>> {
    let listed = command(executable).args(["--bench", "--list"]).stdin(Stdio::null()).output();
    let listed = listed.with_context(|| format!("cannot start {}", executable.display()))?;
    if !listed.status.success() {
        let told = String::from_utf8_lossy(&listed.stderr);
        bail!("{} --list: {}: {}", executable.display(), listed.status, told.trim());
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": benchmark")).map(str::to_owned).collect())
}

/// One process that runs benchmarks and leaves their samples in `results`, which holds nothing else.
///
/// # Errors
///
/// Fails where what lies there cannot be removed.
pub(crate) fn process(
    executable: &Path,
    folder: &Path,
    names: &[String],
    effort: Effort,
    results: &Path,
) -> Result<Command> {
    if results.exists() {
        fs::remove_dir_all(results).with_context(|| format!("cannot remove {}", results.display()))?;
    }
    let escaped: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    let mut bench = Command::new(executable);
    bench.current_dir(folder).env("CRITERION_HOME", results).stdin(Stdio::null());
    bench.args(["--bench", "--noplot", "--color", "never", "--nresamples", "1000", "--sample-size", SAMPLES]);
    bench.args(["--warm-up-time", &effort.warm_up_s.to_string()]);
    bench.args(["--measurement-time", &effort.measurement_s.to_string()]);
    bench.arg(format!("^({})$", escaped.join("|")));
    if effort.threads == Threads::One && env::var_os(RAYON).is_none() {
        bench.env(RAYON, "1");
    }
    Ok(bench)
}

/// The samples that such a process left: of each benchmark the nanoseconds a repetition.
pub(crate) fn samples(results: &Path, names: &[String]) -> Result<BTreeMap<String, Vec<f64>>> {
    let found = all_samples(results)?;
    match names.iter().find(|name| !found.contains_key(*name)) {
        Some(missing) => bail!("criterion left no samples of `{missing}`"),
        None => Ok(found),
    }
}

fn all_samples(results: &Path) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut found = BTreeMap::new();
    let files = if results.exists() { map::files(results)? } else { Vec::new() };
    for file in files.into_iter().filter(|file| file.ends_with("new/benchmark.json")) {
        let benchmark: Value = json(&file)?;
        let name = benchmark["full_id"].as_str().context("a benchmark without full_id")?;
        let Samples { iters, times } = json(&file.with_file_name("sample.json"))?;
        let each = times.iter().zip(&iters).map(|(time, count)| time / count).collect();
        found.insert(name.to_owned(), each);
    }
    Ok(found)
}

fn json<T: serde::de::DeserializeOwned>(path: &PathBuf) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what criterion 0.8 writes", path.display()))
}
