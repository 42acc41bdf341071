//! The red team's table, written by the test that makes the attacks.

use anyhow::Result;

use crate::{cargo, execute};

pub(crate) fn run() -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--release", "--package", "proofmark", "--test", "redteam"]).env("REDTEAM", "write");
    execute(&mut test)?;
    println!("REDTEAM.md: read its diff before it is committed");
    Ok(())
}
