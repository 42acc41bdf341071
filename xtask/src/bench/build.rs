//! The executables of a revision: its benchmarks and its program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{cargo, command, output, root};

/// Everything of one revision that is run.
#[derive(Debug)]
pub(crate) struct Build {
    /// Where its sources are.
    pub(crate) folder: PathBuf,
    /// Which commit, and whether something was changed since.
    pub(crate) revision: String,
    /// Criterion's and others, by the name of the target.
    pub(crate) benches: BTreeMap<String, PathBuf>,
    /// `proofmark`
    pub(crate) program: PathBuf,
}

impl Build {
    /// Builds the working tree; `features` goes to cargo.
    pub(crate) fn of_working_tree(features: &[&str], target: &Path) -> Result<Self> {
        let head = output(command("git").args(["rev-parse", "--short=12", "HEAD"]))?.trim().to_owned();
        let is_clean = output(command("git").args(["status", "--porcelain"]))?.trim().is_empty();
        let revision = if is_clean { head } else { format!("{head}, changed") };
        Self::of(root(), revision, features, target)
    }

    /// Builds a commit in a worktree below `target`, into a target folder of its own: cargo takes two copies of a workspace for one, and
    /// would run the executables of one as those of the other.
    pub(crate) fn of_commit(revision: &str, target: &Path) -> Result<Self> {
        let name = format!("{revision}^{{commit}}");
        let commit =
            output(command("git").args(["rev-parse", "--verify", "--quiet", "--end-of-options", &name]))
                .with_context(|| format!("`{revision}` is no commit of this repository"))?;
        let commit = commit.trim();
        let folder = target.join("bench").join("old");
        let git = |arguments: &[&str]| output(command("git").current_dir(&folder).args(arguments));
        // One that a cache brought along is unknown to git, and in one that was interrupted files are missing.
        let is_whole = folder.join(".git").exists()
            && git(&["status", "--porcelain"]).is_ok_and(|changes| changes.trim().is_empty());
        if !is_whole {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
            output(command("git").args(["worktree", "prune"]))?;
            output(command("git").args(["worktree", "add", "--force", "--detach"]).arg(&folder).arg(commit))?;
        }
        // A checkout touches what cargo looks at.
        if git(&["rev-parse", "HEAD"])?.trim() != commit {
            git(&["checkout", "--quiet", "--force", "--detach", commit])?;
        }
        let revision = commit[..12.min(commit.len())].to_owned();
        Self::of(&folder, revision, &[], &target.join("bench").join("old-target"))
    }

    fn of(folder: &Path, revision: String, features: &[&str], target: &Path) -> Result<Self> {
        eprintln!("building {revision} in {}", target.display());
        let mut build = cargo();
        build.current_dir(folder).env("CARGO_TARGET_DIR", target);
        build.args([
            "bench",
            "--workspace",
            "--no-run",
            "--locked",
            "--message-format",
            "json-render-diagnostics",
        ]);
        if !features.is_empty() {
            build.args(["--features", &features.join(",")]);
        }
        let (mut benches, mut program) = (BTreeMap::new(), None);
        // Benchmarks of a package with a program bring the program along, beside its unit tests.
        for artifact in artifacts(&mut build)? {
            match (artifact["target"]["kind"][0].as_str(), executable(&artifact)) {
                (Some("bench"), Some((name, path))) => drop(benches.insert(name, path)),
                (Some("bin"), Some((name, path)))
                    if name == "proofmark" && artifact["profile"]["test"] == false =>
                {
                    program = Some(path);
                }
                _ => {}
            }
        }
        let program = program.context("cargo built no `proofmark`")?;
        ensure!(!benches.is_empty(), "cargo built no benchmarks");
        Ok(Self { folder: folder.to_owned(), revision, benches, program })
    }
}

/// What cargo says that it made.
fn artifacts(build: &mut Command) -> Result<Vec<Value>> {
    let text = format!("{build:?}").replace('"', "");
    let built = build.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {text}"))?;
    if !built.status.success() {
        bail!("{text}: {}", built.status);
    }
    let messages = String::from_utf8(built.stdout).context("cargo's messages are no UTF-8")?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter(|message| message["reason"] == "compiler-artifact").collect())
}

fn executable(artifact: &Value) -> Option<(String, PathBuf)> {
    let name = artifact["target"]["name"].as_str()?;
    Some((name.to_owned(), PathBuf::from(artifact["executable"].as_str()?)))
}
