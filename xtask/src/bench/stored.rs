//! Rounds of an earlier run, by name: `target/bench/baselines/NAME.json`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::alone::Rounds;
use crate::whole;

const SCHEMA: &str = "proofmark/bench-baseline/2";

/// A baseline.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    schema: String,
    /// Of what was measured.
    pub(crate) revision: String,
    /// The processor that it was measured on.
    pub(crate) machine: String,
    /// How it was measured.
    way: String,
    /// The time of each round, in nanoseconds.
    pub(crate) rounds_ns: Rounds,
}

impl Stored {
    pub(crate) fn new(revision: String, machine: String, way: String, rounds_ns: Rounds) -> Self {
        Self { schema: SCHEMA.to_owned(), revision, machine, way, rounds_ns }
    }

    /// The baseline of that name, if it is of this machine and was measured in this way.
    pub(crate) fn read(folder: &Path, name: &str, machine: &str, way: &str) -> Result<Self> {
        let path = place(folder, name)?;
        let text = fs::read(&path).with_context(|| {
            format!("no baseline `{name}`: `cargo xtask bench --save-baseline {name}` makes it")
        })?;
        let stored: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is no baseline", path.display()))?;
        ensure!(stored.schema == SCHEMA, "{} is of schema {}, not {SCHEMA}", path.display(), stored.schema);
        if stored.machine != machine {
            bail!("baseline `{name}` is of another machine: {}, this is {machine}", stored.machine);
        }
        if stored.way != way {
            bail!("baseline `{name}` was measured otherwise: {}, this is {way}", stored.way);
        }
        Ok(stored)
    }

    /// Writes it under its name once it is whole.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let path = place(folder, name)?;
        whole::write(&path, whole::Mode::Document, &serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

fn place(folder: &Path, name: &str) -> Result<PathBuf> {
    let is_plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    ensure!(is_plain, "a baseline's name has letters, digits, `-` and `_`: `{name}` has others");
    Ok(folder.join("baselines").join(format!("{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_again_on_its_own_machine_only() {
        let folder = std::env::temp_dir().join(format!("proofmark-baseline-{}", std::process::id()));
        let rounds = Rounds::from([("verify/proofmark".to_owned(), vec![1.5, 2.0])]);
        let path =
            Stored::new("abc".to_owned(), "a processor".to_owned(), "quick".to_owned(), rounds.clone())
                .write(&folder, "main")
                .unwrap();
        assert!(path.ends_with("baselines/main.json"));
        let read = Stored::read(&folder, "main", "a processor", "quick").unwrap();
        assert_eq!((read.revision.as_str(), read.rounds_ns), ("abc", rounds));
        for (name, machine, way, fact) in [
            ("main", "another", "quick", "of another machine"),
            ("main", "a processor", "slow", "measured otherwise: quick"),
            ("other", "a processor", "quick", "no baseline `other`"),
            ("../main", "a processor", "quick", "letters, digits"),
        ] {
            let error = format!("{:#}", Stored::read(&folder, name, machine, way).unwrap_err());
            assert!(error.contains(fact), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
