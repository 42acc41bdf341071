//! What can be shown of CUDA on a machine without a GPU: the kernels on the emulator, that everything compiles and links, and the
//! kernels' machine code. With a GPU the same tests run on it.

mod libraries;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{cargo, command, execute, root};

/// How to get a compiler without NVIDIA's installer; the versions that were tried.
const WHEELS: &str = "pip install nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* \
                      nvidia-cuda-runtime==13.0.* nvidia-cuda-cccl==13.0.* nvidia-cuda-nvrtc==13.0.* nvidia-cublas==13.* \
                      nvidia-curand==10.4.*, and CUDA_HOME on its nvidia/cu13";
/// The compute capability that stock candle's kernels are compiled for on a machine without a GPU: of an H100.
const CAPABILITY: &str = "90";

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
    let path = before("PATH", std::iter::once(tools.clone()))?;
    // In a folder of its own: stock candle is compiled anew with CUDA, and `target/release` keeps the ordinary program.
    let tests = |package: &str, names: &[&str]| {
        let mut tests = cargo();
        tests.args([
            "test",
            "--release",
            "--target-dir",
            "target/cuda",
            "--features",
            "cuda-exact",
            "--package",
            package,
        ]);
        tests.args(names.iter().flat_map(|name| ["--test", name])).env("PATH", &path);
        tests
    };
    // On the GPU, if there is one; then on a driver whose device is the emulator.
    let driver = before("LD_LIBRARY_PATH", [libraries::emulated_driver()?])?;
    for (package, names) in [("proofmark-models", &["device", "vectors"][..]), ("proofmark", &["device"])] {
        execute(&mut tests(package, names))?;
        execute(tests(package, names).env("LD_LIBRARY_PATH", &driver).env("PROOFMARK_REQUIRE_GPU", "1"))?;
    }
    let mut build = cargo();
    build
        .args(["build", "--release", "--target-dir", "target/cuda", "--package", "proofmark"])
        .env("PATH", &path);
    match extent {
        Extent::Exact => execute(build.args(["--features", "cuda-exact"]))?,
        Extent::All => {
            let home = tools.parent().context("nvcc is in no folder of a toolkit")?;
            let libraries = [libraries::linkable(home)?, home.join("lib64"), home.join("lib")];
            build.args(["--features", "cuda"]).env("LIBRARY_PATH", before("LIBRARY_PATH", libraries)?);
            for variable in ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"] {
                build.env(variable, home);
            }
            if env::var_os("CUDA_COMPUTE_CAP").is_none() && command("nvidia-smi").output().is_err() {
                build.env("CUDA_COMPUTE_CAP", CAPABILITY);
            }
            execute(&mut build)?;
        }
    }
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

/// A variable of paths with others before it.
fn before(variable: &str, paths: impl IntoIterator<Item = PathBuf>) -> Result<OsString> {
    let had = env::var_os(variable).unwrap_or_default();
    let had = env::split_paths(&had).filter(|path| !path.as_os_str().is_empty());
    Ok(env::join_paths(paths.into_iter().chain(had))?)
}

/// The folder with nvcc.
fn nvcc() -> Option<PathBuf> {
    let home = env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let paths = env::var_os("PATH").unwrap_or_default();
    home.into_iter().chain(env::split_paths(&paths)).find(|folder| folder.join("nvcc").exists())
}
