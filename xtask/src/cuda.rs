//! What can be shown of CUDA on a machine without a GPU: the kernels on the emulator, that everything compiles and links, and the
//! kernels' machine code. With a GPU the same tests run on it.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{cargo, command, execute, root};

/// How to get a compiler without NVIDIA's installer; the versions that were tried.
const WHEELS: &str = "pip install nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* \
                      nvidia-cuda-runtime==13.0.* nvidia-cuda-cccl==13.0.*, and CUDA_HOME on its nvidia/cu13";

/// How much is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The exact kernels: some minutes.
    Exact,
    /// Stock candle's kernels too: twenty minutes and more on two cores.
    All,
}

/// Runs all of it.
pub(crate) fn check(extent: Extent) -> Result<()> {
    emulated(&["device", "vectors", "families"])?;
    let mut runs = cargo();
    runs.args(["test", "--release", "--package", "proofmark", "--features", "emulation"]);
    execute(runs.args(["--test", "goldens", "--test", "device"]))?;
    let Some(tools) = nvcc() else { bail!("no nvcc on PATH or in CUDA_HOME: {WHEELS}") };
    let paths = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(tools).chain(env::split_paths(&paths)))?;
    // In a folder of its own: stock candle is compiled anew with CUDA, and `target/release` keeps the ordinary program.
    let mut tests = cargo();
    tests.args(["test", "--release", "--target-dir", "target/cuda", "--package", "proofmark-models"]);
    tests.args(["--features", "cuda-exact", "--test", "device", "--test", "vectors"]);
    execute(tests.env("PATH", &path))?;
    let features = match extent {
        Extent::Exact => "cuda-exact",
        Extent::All => "cuda",
    };
    let mut build = cargo();
    build.args(["build", "--release", "--target-dir", "target/cuda", "--package", "proofmark"]);
    execute(build.args(["--features", features]).env("PATH", &path))?;
    println!("cuda: {} is built", root().join("target/cuda/release/proofmark").display());
    Ok(())
}

/// Some tests of the models with the emulator; a note where no C++ compiler is.
pub(crate) fn emulated(tests: &[&str]) -> Result<()> {
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if command(compiler).arg("--version").output().is_err() {
        eprintln!("SKIPPED: the emulator of GPU kernels needs a C++ compiler, c++ or CXX");
        return Ok(());
    }
    let mut cargo = cargo();
    cargo.args(["test", "--release", "--package", "proofmark-models", "--features", "emulation"]);
    execute(cargo.args(tests.iter().flat_map(|test| ["--test", test])))
}

/// The folder with nvcc.
fn nvcc() -> Option<PathBuf> {
    let home = env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let paths = env::var_os("PATH").unwrap_or_default();
    home.into_iter().chain(env::split_paths(&paths)).find(|folder| folder.join("nvcc").exists())
}
