//! Whether a release is the same bytes when others build it: twice from nothing, in folders of different names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::OUT;
use super::commit::{Commit, Tree};
use crate::{cargo, command, execute, map, root};

/// Their paths differ in length and depth, so that whatever keeps one of them, or is laid out by it, differs too.
const FOLDERS: [&str; 2] = ["a", "another/place/with/a/longer/name"];

/// Files of a release by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Clones the commit into both folders, builds a release in each, compares all files, and keeps one of two that are the same.
pub(crate) fn run() -> Result<()> {
    let commit = Commit::head(Tree::Clean)?;
    let folder = root().join("target/dist/check");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let clones = FOLDERS.map(|name| folder.join(name));
    // Both before a build, because somebody may commit during the first.
    for clone in &clones {
        execute(command("git").args(["clone", "--quiet"]).arg(root()).arg(clone))?;
    }
    let mut releases = Vec::new();
    for clone in &clones {
        let begun = Instant::now();
        // A shared folder for targets would give the second what the first has built.
        execute(cargo().args(["xtask", "dist"]).current_dir(clone).env_remove("CARGO_TARGET_DIR"))?;
        println!("dist: {} took {} s", clone.display(), begun.elapsed().as_secs());
        releases.push(read(&clone.join(OUT))?);
    }
    let differences = differences(&releases[0], &releases[1]);
    for difference in &differences {
        eprintln!("dist: {difference}");
    }
    if !differences.is_empty() {
        bail!("the release of {} depends on where it is built; see {}", commit.name, folder.display());
    }
    let out = root().join(OUT);
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    fs::rename(clones[0].join(OUT), &out).with_context(|| format!("cannot write {}", out.display()))?;
    fs::remove_dir_all(&folder)?;
    println!("dist: {} files of commit {} are the same in both folders", releases[0].len(), commit.name);
    println!("dist: {}", out.display());
    Ok(())
}

fn read(folder: &Path) -> Result<Files> {
    let mut read = Files::new();
    for file in map::files(folder)? {
        let name = file.strip_prefix(folder)?.display().to_string();
        read.insert(name, fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(read)
}

/// Each file that only one has, or where the two begin to differ.
fn differences(first: &Files, second: &Files) -> Vec<String> {
    let mut names: Vec<&String> = first.keys().chain(second.keys()).collect();
    names.sort();
    names.dedup();
    let difference = |name: &String| match (first.get(name), second.get(name)) {
        (Some(first), Some(second)) if first == second => None,
        (Some(first), Some(second)) => {
            let at = first.iter().zip(second).take_while(|(first, second)| first == second).count();
            Some(format!("{name} differs from byte {at} on ({} and {} bytes)", first.len(), second.len()))
        }
        _ => Some(format!("{name} is in one release only")),
    };
    names.into_iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_differ_by_a_byte_a_length_or_a_file() {
        let release = |program: &str, bill: Option<&str>| -> Files {
            let files = [("program", Some(program)), ("bill", bill)];
            files.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect()
        };
        let honest = release("bytes", Some("{}"));
        assert!(differences(&honest, &honest).is_empty());
        assert_eq!(
            differences(&honest, &release("bytez", Some("{}"))),
            ["program differs from byte 4 on (5 and 5 bytes)"]
        );
        assert_eq!(
            differences(&honest, &release("bytes and more", Some("{}"))),
            ["program differs from byte 5 on (5 and 14 bytes)"]
        );
        assert_eq!(differences(&honest, &release("bytes", None)), ["bill is in one release only"]);
    }
}
