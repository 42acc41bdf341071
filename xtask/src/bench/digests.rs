//! Exact digests, gated before any time is: a faster program that computes something else is no faster program.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::build::Build;
use super::suites::{Entry, SUITES, Suite};
use crate::command;

/// A workload whose digest is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DigestChange {
    pub(crate) suite: String,
    pub(crate) workload: String,
    /// What it was, or what the suite says.
    pub(crate) expected: String,
    /// What it is.
    pub(crate) actual: String,
}

/// What the program computes otherwise than the suite `smoke` says, and golden digests that are not those of `old`'s sources.
pub(crate) fn changes(old: Option<&Build>, new: &Build) -> Result<Vec<DigestChange>> {
    let mut changes = computed(new)?;
    if let Some(old) = old {
        changes.extend(of_sources(&old.folder, &new.folder)?);
    }
    Ok(changes)
}

fn computed(build: &Build) -> Result<Vec<DigestChange>> {
    let name = "smoke";
    let suite = Suite::read(&build.folder, name)?.context("no suite smoke")?;
    let file = build.folder.join("workloads/suites/smoke.toml");
    let mut program = command(&build.program);
    program.args(["self-check", "--output", "json", "--suite"]).arg(file).stdin(Stdio::null());
    let told = program.output().with_context(|| format!("cannot start {}", build.program.display()))?;
    // A mismatch ends it with another code, and is told below; what is no JSON is another failure.
    let computed: BTreeMap<String, String> = serde_json::from_slice(&told.stdout)
        .with_context(|| format!("proofmark self-check: {}", String::from_utf8_lossy(&told.stderr).trim()))?;
    let mut changes = Vec::new();
    for Entry { id, digest, .. } in suite.entries() {
        let Some(expected) = digest else { continue };
        match computed.get(&id) {
            Some(actual) if *actual == expected => {}
            Some(actual) => {
                let actual = actual.clone();
                changes.push(DigestChange { suite: name.to_owned(), workload: id, expected, actual });
            }
            None => bail!("proofmark self-check says nothing of {id}"),
        }
    }
    Ok(changes)
}

/// Golden digests that differ between two source trees although neither the suite's version nor that of the arithmetic does.
fn of_sources(old: &Path, new: &Path) -> Result<Vec<DigestChange>> {
    let mut changes = Vec::new();
    for name in SUITES {
        if let (Some(old), Some(new)) = (Suite::read(old, name)?, Suite::read(new, name)?) {
            changes.extend(unversioned(name, &old, &new));
        }
    }
    Ok(changes)
}

fn unversioned(name: &str, old: &Suite, new: &Suite) -> Vec<DigestChange> {
    if old.version != new.version {
        return Vec::new();
    }
    let old: BTreeMap<String, Entry> = old.entries().map(|entry| (entry.id.clone(), entry)).collect();
    let changed = new.entries().filter_map(|Entry { id, numerics, digest }| {
        let old = old.get(&id).filter(|old| old.numerics == numerics)?;
        let (expected, actual) = (old.digest.clone()?, digest.unwrap_or_else(|| "none".to_owned()));
        let suite = name.to_owned();
        (expected != actual).then_some(DigestChange { suite, workload: id, expected, actual })
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(version: &str, numerics: &str, digest: &str) -> Suite {
        let text = format!(
            "version = \"{version}\"\n[[workload]]\nname = \"chat\"\nvariant = [\n\
             {{ numerics = \"{numerics}\", precision = \"f32\", share_ppm = 0, self_check = \"{digest}\" }},\n\
             {{ numerics = \"native\", precision = \"f32\", share_ppm = 0 }},\n]\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_changed_digest_is_named_unless_a_version_was_raised() {
        let old = suite("1.0.0", "exact/1", "aa");
        let changes = unversioned("smoke", &old, &suite("1.0.0", "exact/1", "bb"));
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (&*changes[0].workload, &*changes[0].expected, &*changes[0].actual),
            ("chat-exact-f32", "aa", "bb")
        );
        for new in [
            suite("1.0.0", "exact/1", "aa"),
            suite("1.1.0", "exact/1", "bb"),
            suite("1.0.0", "exact/2", "bb"),
        ] {
            assert_eq!(unversioned("smoke", &old, &new), []);
        }
    }

    #[test]
    fn the_embedded_suites_are_read() {
        for name in SUITES {
            let suite = Suite::read(crate::root(), name).unwrap().unwrap();
            assert!(suite.entries().count() > 0, "{name}");
        }
        let smoke = Suite::read(crate::root(), "smoke").unwrap().unwrap();
        assert!(smoke.entries().any(|entry| entry.id == "chat-15m-exact-f32" && entry.digest.is_some()));
    }
}
