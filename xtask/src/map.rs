//! The code map in ARCHITECTURE.md against the code: each line `path`: text names what is there, and every source file
//! is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::root;

const MAPPED: [&str; 5] = ["models/src", "workloads/src", "reports/src", "harness/src", "xtask/src"];

/// Prints every difference, and fails if there is one.
pub(crate) fn check() -> Result<()> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(path, _)| path.to_owned())
        .filter(|path| MAPPED.iter().any(|folder| path.starts_with(folder)))
        .collect();
    let mut present = BTreeSet::new();
    for folder in MAPPED {
        for file in rust_files(&root().join(folder))? {
            present.insert(file.strip_prefix(root())?.display().to_string());
        }
    }
    for path in named.difference(&present) {
        eprintln!("map: ARCHITECTURE.md names {path}, which is gone");
    }
    for path in present.difference(&named) {
        eprintln!("map: ARCHITECTURE.md does not name {path}");
    }
    if named != present {
        bail!("the map in ARCHITECTURE.md is not the code");
    }
    println!("map: {} files are where ARCHITECTURE.md says", present.len());
    Ok(())
}

/// All `.rs` files below a folder.
pub(crate) fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
