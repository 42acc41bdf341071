//! What a suite's text says of its workloads, as far as a gate needs it; the program itself checks suites.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The suites whose digests hold.
pub(crate) const SUITES: [&str; 4] = ["smoke", "standard", "full", "real"];

/// A suite.
#[derive(Debug, Deserialize)]
pub(crate) struct Suite {
    pub(crate) version: String,
    #[serde(default, rename = "workload")]
    workloads: Vec<Workload>,
}

#[derive(Debug, Deserialize)]
struct Workload {
    name: String,
    #[serde(rename = "variant")]
    variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
struct Variant {
    numerics: String,
    precision: String,
    self_check: Option<String>,
}

/// A workload in one numerics and precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As in profiles.
    pub(crate) id: String,
    /// With the version of the arithmetic.
    pub(crate) numerics: String,
    /// The golden digest.
    pub(crate) digest: Option<String>,
}

impl Suite {
    /// The suite of that name in the sources below `folder`; `None` where there is none yet.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<Self>> {
        let path = folder.join("workloads/suites").join(format!("{name}.toml"));
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Some(toml::from_str(&text).with_context(|| format!("{} is no suite", path.display()))?))
    }

    /// Its workloads, but for those that it includes from another suite.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.workloads.iter().flat_map(|workload| {
            workload.variants.iter().map(|Variant { numerics, precision, self_check }| {
                let kind = numerics.split('/').next().unwrap_or(numerics);
                let id = format!("{}-{kind}-{precision}", workload.name);
                Entry { id, numerics: numerics.clone(), digest: self_check.clone() }
            })
        })
    }
}
