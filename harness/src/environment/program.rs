use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use proofmark_reports::Digest;
use sha2::{Digest as _, Sha256};

use crate::{Failure, Outcome};

const LOCK_FILE: &str = include_str!("../../../Cargo.lock");
/// Crates whose version decides the bits of native outputs.
const CRATES: [&str; 5] = ["candle-core", "candle-nn", "gemm", "gemm-f32", "rayon"];

/// Where the kernel keeps the running program, whatever became of its file; elsewhere its file.
pub(super) fn path() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        Ok(running)
    } else {
        std::env::current_exe().context("cannot find the program's own file")
    }
}

/// SHA-256 of the running executable.
pub(super) fn binary_digest() -> Result<Digest, Failure> {
    let digest = || -> anyhow::Result<Digest> {
        let mut file = File::open(path()?)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Digest(hash.finalize().into())),
                length => hash.update(&buffer[..length]),
            }
        }
    };
    digest()
        .context("cannot read the program's own file")
        .map_err(|error| Failure::new(Outcome::Internal, error))
}

/// Versions from the lock file of the build, with `_` for `-` as the schema's keys have it.
pub(super) fn crate_versions() -> BTreeMap<String, String> {
    let field = |line: &str, name: &str| {
        line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"').map(str::to_owned)
    };
    let mut versions = BTreeMap::new();
    let mut name = None;
    for line in LOCK_FILE.lines() {
        if let Some(found) = field(line, "name") {
            name = Some(found);
        } else if let (Some(version), Some(name)) = (field(line, "version"), &name)
            && CRATES.contains(&name.as_str())
        {
            versions.insert(name.replace('-', "_"), version);
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_crate_is_in_the_lock_file() {
        assert_eq!(crate_versions().len(), CRATES.len());
    }
}
