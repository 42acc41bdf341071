//! A release: the programs of a commit, each with a bill of materials, and the digests of all; the same bytes wherever it is built.

mod bill;
mod build;
mod check;
mod commit;
mod packages;
mod shelf;

use anyhow::{Context, Result};
use build::Workshop;
use commit::Commit;
use packages::Packages;
use shelf::Shelf;

pub(crate) use check::run as check;
pub(crate) use commit::Tree;

use crate::whole::Mode;
use crate::{command, execute, root};

/// What is shipped, each built by itself, so that no program has what only another asks for.
const PROGRAMS: [&str; 2] = ["proofmark", "proofmark-reports"];
/// Where a release lies, below the workspace's folder.
const OUT: &str = "target/dist/out";
/// Exact workloads of some seconds, whose digests the shipped program must give.
const TINY: &str = "harness/tests/data/tiny.toml";

/// Builds both programs, lets the first check its arithmetic, and writes everything with its digests into `target/dist/out`.
pub(crate) fn run(tree: Tree) -> Result<()> {
    let commit = Commit::head(tree)?;
    let workshop = Workshop::open(&commit)?;
    let packages = Packages::read(&workshop)?;
    let mut shelf = Shelf::default();
    for program in PROGRAMS {
        let built = workshop.build(program, &packages)?;
        if program == PROGRAMS[0] {
            execute(command(&built.path).args(["self-check", "--suite", TINY]))?;
        }
        let package = packages.of_workspace(program)?;
        let name = format!("{program}-{}-{}", package.version, workshop.target());
        let bill = bill::of(&built, package, &packages, &workshop.circumstances(&commit), &commit)?;
        shelf.add(&format!("{name}.cdx.json"), Mode::Document, bill.into_bytes());
        shelf.add(&name, Mode::Program, built.bytes);
    }
    let folder = root().join(OUT);
    let digests = shelf.write(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    print!("{digests}");
    println!("dist: {} of commit {}", folder.display(), commit.name);
    Ok(())
}
