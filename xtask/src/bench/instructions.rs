//! Instructions that the program executes, counted by Callgrind: a signal without noise, where valgrind is there.
//!
//! Counted are whole commands on one thread, with the kernels for AVX2: valgrind knows no AVX-512.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::build::Build;
use super::change::Verdict;
use super::report::InstructionRow;

/// A command of the program, and how many instructions it takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) old: Option<u64>,
    pub(crate) new: u64,
}

/// Counts for one build, or for both; `None` where there is no valgrind. More than `limit_percent` more is a regression.
pub(crate) fn rows(
    old: Option<&Build>,
    new: &Build,
    limit_percent: f64,
    scratch: &Path,
) -> Result<Option<Vec<InstructionRow>>> {
    if !are_countable() {
        return Ok(None);
    }
    let limit = 1.0 + limit_percent / 100.0;
    let judged = |count: Count| {
        let verdict = count.old.map(|old| match count.new as f64 / old as f64 {
            ratio if ratio > limit => Verdict::Regression,
            ratio if ratio < 1.0 / limit => Verdict::Improvement,
            _ => Verdict::Unchanged,
        });
        InstructionRow { count, verdict }
    };
    Ok(Some(counts(old, new, scratch)?.into_iter().map(judged).collect()))
}

/// Whether valgrind can be asked.
fn are_countable() -> bool {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    cfg!(target_arch = "x86_64") && version.is_ok_and(|status| status.success())
}

fn counts(old: Option<&Build>, new: &Build, scratch: &Path) -> Result<Vec<Count>> {
    let network = scratch.join("network");
    if network.exists() {
        fs::remove_dir_all(&network).with_context(|| format!("cannot remove {}", network.display()))?;
    }
    let mut synth = Command::new(&new.program);
    synth.args(["fleet", "synth", "--operators", "20", "--seed", "1", "--suite", "smoke", "--out"]);
    let made = synth.arg(&network).env("XDG_STATE_HOME", scratch.join("state")).output()?;
    if !made.status.success() {
        bail!("fleet synth: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let network = network.to_str().context("the folder's name is no UTF-8")?;
    let tiny = new.folder.join("harness/tests/data/tiny.toml");
    let tiny = tiny.to_str().context("the folder's name is no UTF-8")?;
    let commands: [(&'static str, &[&str]); 3] = [
        ("verify of 20 profiles", &["verify", network]),
        ("compare of 20 profiles", &["compare", "--allow-synthetic", network]),
        ("self-check of tiny models", &["self-check", "--isa", "avx2", "--suite", tiny]),
    ];
    let suite = |build: &Build| fs::read(build.folder.join("workloads/suites/smoke.toml"));
    // A profile of a suite that a build does not know is soon done with.
    let knows_suite =
        old.is_none_or(|old| matches!((suite(old), suite(new)), (Ok(old), Ok(new)) if old == new));
    let count = |build: &Build, arguments: &[&str]| instructions(&build.program, arguments, scratch);
    let counted = commands.into_iter().map(|(name, arguments)| {
        let old = old
            .filter(|_| knows_suite || arguments[0] == "self-check")
            .map(|old| count(old, arguments))
            .transpose()?;
        Ok(Count { name, old, new: count(new, arguments)? })
    });
    counted.collect()
}

fn instructions(program: &Path, arguments: &[&str], scratch: &Path) -> Result<u64> {
    let file = scratch.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", file.display()));
    valgrind
        .arg(program)
        .args(arguments)
        .env("RAYON_NUM_THREADS", "1")
        .env("XDG_STATE_HOME", scratch.join("state"));
    valgrind.stdin(Stdio::null()).stdout(Stdio::null());
    let ended = valgrind.output().context("cannot start valgrind")?;
    // A command may well end with another code, as verify does of what nobody measured; a signal is another matter.
    if ended.status.code().is_none_or(|code| code == 70 || code == 2) {
        let told = String::from_utf8_lossy(&ended.stderr);
        bail!("{} under valgrind: {}: {}", arguments.join(" "), ended.status, told.trim());
    }
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    total(&text).with_context(|| format!("{} has no total", file.display()))
}

/// The line `totals:` of Callgrind's format.
fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_what_callgrind_writes() {
        assert_eq!(total("version: 1\nevents: Ir\nfn=a\n1 2\n\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("events: Ir\ntotals: 1 2\n"), None);
        assert_eq!(total("events: Ir\n"), None);
    }
}
