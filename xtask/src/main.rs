//! Developer tasks: `cargo xtask TASK`.

mod bench;
mod ci;
mod cross;
mod cuda;
mod dist;
mod goldens;
mod interop;
mod layers;
mod map;
mod pages;
mod redteam;
mod whole;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use cross::Extent;
use sha2::{Digest, Sha256};

/// Tasks of Proofmark's developers. Exit codes: 0 fine, 1 broken, 2 the command line is not understood; of `bench` also 3 regression,
/// 4 an exact digest changed, 5 the machine is too noisy to judge.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the crates' layers and lints, from `cargo metadata`, and the map in ARCHITECTURE.md
    Layers,
    /// Run what .ci/run runs: format, clippy, docs, layers, tests
    Ci,
    /// Write the exact digests of the embedded suites into their files
    Goldens {
        /// Compare only
        #[arg(long)]
        check: bool,
    },
    /// Run the benchmarks, and hold them against digests, ratios and another build
    Bench(Box<bench::Bench>),
    /// Replay the gate of `bench` on stored runs of one build against itself: how often it is wrong
    BenchRates(bench::Rates),
    /// Compute the digests on AArch64 and on x86-64 without fused multiply-add, under emulation
    Cross {
        /// All that takes less than an hour
        #[arg(long)]
        full: bool,
    },
    /// Test the kernels of GPUs: on an emulator, their machine code, and on a GPU where there is one
    CudaCheck {
        /// Compile stock candle's kernels too: twenty minutes and more
        #[arg(long)]
        full: bool,
    },
    /// Look at a page in Chromium: pictures, nothing loaded, nothing cut
    Pages {
        /// A profile; a fresh one without
        file: Option<String>,
        /// An invented profile that has everything a profile can have
        #[arg(long, conflicts_with = "file")]
        example: bool,
        /// Invented networks of 10 and of 10,000 operators
        #[arg(long, conflicts_with_all = ["file", "example"])]
        network: bool,
    },
    /// Build a release into target/dist/out
    Dist {
        /// Build it in two folders from nothing, and compare all bytes
        #[arg(long, conflicts_with = "allow_dirty")]
        check: bool,
        /// Of a working tree with changes, for trials
        #[arg(long)]
        allow_dirty: bool,
    },
    /// Make every attack of the red team and write what finds it into REDTEAM.md
    Redteam,
    /// Check a fresh profile and all else that is signed with implementations from npm, PyPI and Debian
    Interop,
}

fn main() -> ExitCode {
    let done = |result: Result<()>| result.map(|()| 0);
    let result = match Arguments::parse().task {
        Task::Layers => done(layers::check().and_then(|()| map::check())),
        Task::Ci => done(ci::run()),
        Task::Goldens { check } => {
            done(goldens::run(if check { goldens::Mode::Check } else { goldens::Mode::Write }))
        }
        Task::Bench(bench) => bench.run(),
        Task::BenchRates(rates) => done(rates.run()),
        Task::Cross { full } => done(cross::run(if full { Extent::Full } else { Extent::Smallest })),
        Task::CudaCheck { full } => {
            done(cuda::check(if full { cuda::Extent::All } else { cuda::Extent::Exact }))
        }
        Task::Pages { network: true, .. } => done(pages::networks()),
        Task::Pages { example: true, .. } => done(pages::run(pages::Source::Example)),
        Task::Pages { file: Some(file), .. } => done(pages::run(pages::Source::File(&file))),
        Task::Pages { .. } => done(pages::run(pages::Source::Fresh)),
        Task::Dist { check: true, .. } => done(dist::check()),
        Task::Dist { allow_dirty, .. } => {
            done(dist::run(if allow_dirty { dist::Tree::Any } else { dist::Tree::Clean }))
        }
        Task::Redteam => done(redteam::run()),
        Task::Interop => done(interop::run()),
    };
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn cargo() -> Command {
    command(env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from))
}

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command to its end, its output passing through.
fn execute(command: &mut Command) -> Result<()> {
    let text = format!("{command:?}").replace('"', "");
    eprintln!("$ {text}");
    let status = command.status().with_context(|| format!("cannot start {text}"))?;
    if !status.success() {
        bail!("{text}: {status}");
    }
    Ok(())
}

/// Runs a command and returns what it printed.
fn output(command: &mut Command) -> Result<String> {
    let text = format!("{command:?}").replace('"', "");
    let output = command.output().with_context(|| format!("cannot start {text}"))?;
    if !output.status.success() {
        bail!("{text}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// SHA-256 as 64 hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
