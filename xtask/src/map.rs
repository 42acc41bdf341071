//! The code map in ARCHITECTURE.md against the code: each line "- `path`: text" names a file or folder that is there, and
//! every source file is named, or lies in a folder that is.

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
    let mut faults: Vec<String> = named
        .iter()
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("names {path}, which is gone"))
        .collect();
    let mut files = 0;
    for folder in MAPPED {
        for file in rust_files(&root().join(folder))? {
            files += 1;
            let file = file.strip_prefix(root())?.display().to_string();
            let covers = |path: &String| *path == file || path.ends_with('/') && file.starts_with(path);
            if !named.iter().any(covers) {
                faults.push(format!("does not name {file}"));
            }
        }
    }
    for fault in &faults {
        eprintln!("map: ARCHITECTURE.md {fault}");
    }
    if !faults.is_empty() {
        bail!("the map in ARCHITECTURE.md is not the code");
    }
    println!("map: {files} files are where ARCHITECTURE.md says");
    Ok(())
}

/// All `.rs` files below a folder.
pub(crate) fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    Ok(files(folder)?.into_iter().filter(is_rust).collect())
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
