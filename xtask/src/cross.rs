//! The same digests on other processors, under emulation: AArch64 with NEON, and x86-64 without fused multiply-add.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cargo, command, execute, output, root};

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Programs and files by which the packages of Debian 12 are known.
const NEEDED: [(&str, &str); 5] = [
    ("/usr/bin/aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("/usr/aarch64-linux-gnu/include/stdio.h", "libc6-dev-arm64-cross"),
    ("/usr/bin/qemu-aarch64-static", "qemu-user-static"),
    ("/usr/bin/qemu-x86_64-static", "qemu-user-static"),
    ("/lib/ld-linux-aarch64.so.1", "libc6:arm64"),
];
/// An x86-64 processor from before AVX and fused multiply-add.
const OLD_PROCESSOR: &str = "qemu-x86_64-static -cpu Nehalem";

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What takes about a minute once all is built.
    Smallest,
    /// Every exact workload of the embedded suites too.
    Full,
}

/// Runs the tests of the exact numerics and self-checks of suites on both processors, and compares the digests.
pub(crate) fn run(extent: Extent) -> Result<()> {
    let compiler = tools()?;
    let emulated = |mut command: Command| {
        if let Compiler::Debian = compiler {
            command.env("RUSTC", "/usr/bin/rustc").env("RUSTDOC", "/usr/bin/rustdoc");
        }
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator());
        // Another C library than the one that the compiler's standard library brings makes every thread hang.
        command.env_remove("QEMU_LD_PREFIX").env_remove("LD_LIBRARY_PATH");
        command
    };
    let test = |package: &str, test: &str| {
        let mut cargo = emulated(cargo());
        cargo.args(["test", "--release", "--target", TARGET, "--target-dir", "target/cross"]);
        cargo.args(["--package", package, "--test", test]);
        cargo
    };
    execute(&mut test("proofmark-models", "vectors"))?;
    execute(&mut test("proofmark-models", "invariance"))?;
    let workloads = if extent == Extent::Full { "one_thread" } else { "portable_code" };
    execute(test("proofmark", "goldens").args(["--", workloads]))?;
    execute(&mut test("proofmark", "cli"))?;
    execute(
        cargo()
            .args(["test", "--release", "--package", "proofmark-models", "--test", "vectors"])
            .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", OLD_PROCESSOR),
    )?;

    execute(cargo().args(["build", "--release", "--package", "proofmark"]))?;
    let native = digests(&[&root().join("target/release/proofmark")], "native")?;
    let program = root().join("target/cross").join(TARGET).join("release/proofmark");
    let emulated = digests(&[&emulator(), &program], "emulated")?;
    if native != emulated {
        bail!("digests differ: native {native:#?}, emulated {emulated:#?}");
    }
    for (workload, digest) in &native {
        println!("cross: {workload} gives {digest} on both");
    }
    Ok(())
}

/// Where the standard library for the target comes from.
enum Compiler {
    /// The ordinary toolchain has the target.
    Ordinary,
    /// Debian's `rustc-web`.
    Debian,
}

/// Finds the tools, or says how to install them.
fn tools() -> Result<Compiler> {
    let mut missing: Vec<&str> =
        NEEDED.iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, package)| *package).collect();
    let has_target = |rustc: &str| {
        let folder = output(command(rustc).args(["--print", "target-libdir", "--target", TARGET]));
        folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
    };
    let compiler = if has_target("rustc") {
        Compiler::Ordinary
    } else {
        if !has_target("/usr/bin/rustc") {
            missing.extend(["rustc-web", "libstd-rust-web-dev:arm64"]);
        }
        Compiler::Debian
    };
    missing.dedup();
    if !missing.is_empty() {
        bail!(
            "missing; on Debian 12: dpkg --add-architecture arm64 && apt-get update && \
             apt-get install --no-install-recommends {}",
            missing.join(" ")
        );
    }
    Ok(compiler)
}

fn emulator() -> PathBuf {
    root().join("xtask/src/emulate.sh")
}

/// Self-check digests by workload, each of which matches its suite.
fn digests(program: &[&Path], name: &str) -> Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    for (suite, workloads) in [
        ("harness/tests/data/tiny.toml", &["*"][..]),
        ("harness/tests/data/eight_bits.toml", &["*"]),
        ("smoke", &["rerank-tinybert*", "embed-query*", "chat-15m-exact-bf16"]),
    ] {
        let mut proofmark = command(program[0]);
        proofmark.args(&program[1..]).args(["self-check", "--output", "json", "--suite", suite]);
        proofmark.args(workloads.iter().flat_map(|workload| ["--workload", workload]));
        let told = output(&mut proofmark).with_context(|| format!("{name}: digests of {suite} differ"))?;
        let found: BTreeMap<String, String> = serde_json::from_str(&told)?;
        digests.extend(found.into_iter().map(|(workload, digest)| (format!("{suite} {workload}"), digest)));
    }
    if digests.is_empty() {
        bail!("{name}: no digests");
    }
    Ok(digests)
}
