//! Everything that CI asks of a commit, in the order of its cost.

use anyhow::Result;

use crate::{cargo, cuda, execute, layers, map};

pub(crate) fn run() -> Result<()> {
    execute(cargo().args(["fmt", "--all", "--check"]))?;
    layers::check()?;
    map::check()?;
    execute(cargo().args(["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    execute(
        cargo().args(["doc", "--release", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    execute(cargo().args(["test", "--release", "--workspace"]))?;
    cuda::emulated(&["device", "vectors"])
}
