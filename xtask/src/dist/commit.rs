//! The commit that a release is of.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, output};

/// Which working trees may be built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Only one that is its commit, so that others can build the same.
    Clean,
    /// Any; what comes out belongs to no commit.
    Any,
}

/// Name and time of the commit.
pub(super) struct Commit {
    /// 40 hexadecimal digits, as the program itself says them: with `-dirty` where the tree has changes.
    pub(super) name: String,
    /// Seconds since 1970.
    pub(super) epoch_s: String,
    /// The same as RFC 3339 in UTC.
    pub(super) time: String,
}

impl Commit {
    /// The commit of the working tree.
    pub(super) fn head(tree: Tree) -> Result<Self> {
        let changes = output(&mut git(&["status", "--porcelain"]))?;
        if tree == Tree::Clean
            && let Some(change) = changes.lines().next()
        {
            bail!(
                "the working tree has changes ({change}), so it is no commit; `dist --allow-dirty` builds it for a trial"
            );
        }
        let format = ["log", "-1", "--format=%H %ct %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"];
        let line = output(git(&format).env("TZ", "UTC"))?;
        let mut fields = line.split_whitespace().map(str::to_owned);
        let mut field = || fields.next().with_context(|| format!("git tells of no commit: {line}"));
        let (hash, epoch_s, time) = (field()?, field()?, field()?);
        let name = if changes.is_empty() { hash } else { format!("{hash}-dirty") };
        Ok(Self { name, epoch_s, time })
    }
}

fn git(arguments: &[&str]) -> Command {
    let mut git = command("git");
    git.args(arguments);
    git
}
