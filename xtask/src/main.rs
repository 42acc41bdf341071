//! Developer tasks: `cargo xtask TASK`.

mod agree;
mod bench;
mod ci;
mod cross;
mod goldens;
mod interop;
mod layers;
mod map;
mod pages;
mod redteam;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use bench::Native;
use cross::Extent;

const HELP: &str = "\
cargo xtask TASK

  layers            check the crates' layers and lints, from `cargo metadata`, and the map in ARCHITECTURE.md
  ci                what .ci/run runs: format, clippy, docs, layers, tests
  goldens [--check] write the exact digests of the embedded suites into their files, or check them
  bench [FILTER]    run the benchmarks whose names contain FILTER, and print exact against native
  bench --native-x86-v4 [FILTER]
                    the same against stock candle with the AVX-512 kernels that it leaves out (compiled apart: minutes)
  cross [--full]    the same digests on AArch64 and on x86-64 without fused multiply-add, under emulation
  pages [FILE]      look at the page of a profile, of a fresh one without FILE, in Chromium: pictures, nothing loaded, nothing cut
  pages --example   the same of an invented profile that has everything a profile can have
  pages --network   the same of invented networks of 10 and of 10,000 operators
  agree A B         whether two profiles of one suite agree within their intervals, cell by cell
  redteam           make every attack of the red team and write what finds it into REDTEAM.md
  interop           check a fresh profile and all else that is signed with implementations from npm, PyPI and Debian
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["layers"] => layers::check().and_then(|()| map::check()),
        ["ci"] => ci::run(),
        ["goldens"] => goldens::run(goldens::Mode::Write),
        ["goldens", "--check"] => goldens::run(goldens::Mode::Check),
        ["bench"] => bench::run(Native::Stock, None),
        ["bench", "--native-x86-v4"] => bench::run(Native::X86V4, None),
        ["bench", "--native-x86-v4", filter] => bench::run(Native::X86V4, Some(filter)),
        ["bench", filter] if !filter.starts_with('-') => bench::run(Native::Stock, Some(filter)),
        ["cross"] => cross::run(Extent::Smallest),
        ["cross", "--full"] => cross::run(Extent::Full),
        ["pages"] => pages::run(pages::Source::Fresh),
        ["pages", "--network"] => pages::networks(),
        ["pages", "--example"] => pages::run(pages::Source::Example),
        ["pages", file] if !file.starts_with('-') => pages::run(pages::Source::File(file)),
        ["agree", first, second] => agree::run(first, second),
        ["redteam"] => redteam::run(),
        ["interop"] => interop::run(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
