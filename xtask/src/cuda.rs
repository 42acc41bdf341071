//! What can be shown of CUDA on a machine without a GPU: the kernels on the emulator, that everything compiles and links, and the
//! kernels' machine code. With a GPU the same tests run on it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::{cargo, command, execute, root};

/// How to get a compiler without NVIDIA's installer; the versions that were tried.
const WHEELS: &str = "pip install nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* \
                      nvidia-cuda-runtime==13.0.* nvidia-cuda-cccl==13.0.* nvidia-cuda-nvrtc==13.0.* nvidia-cublas==13.* \
                      nvidia-curand==10.4.*, and CUDA_HOME on its nvidia/cu13";
/// What stock candle links to, beside the driver.
const LIBRARIES: [&str; 5] = ["cudart", "cublas", "cublasLt", "curand", "nvrtc"];
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
    let mut tests = cargo();
    tests.args(["test", "--release", "--target-dir", "target/cuda", "--package", "proofmark-models"]);
    tests.args(["--features", "cuda-exact", "--test", "device", "--test", "vectors"]);
    execute(tests.env("PATH", &path))?;
    let mut build = cargo();
    build
        .args(["build", "--release", "--target-dir", "target/cuda", "--package", "proofmark"])
        .env("PATH", &path);
    match extent {
        Extent::Exact => execute(build.args(["--features", "cuda-exact"]))?,
        Extent::All => {
            let home = tools.parent().context("nvcc is in no folder of a toolkit")?;
            let libraries = [linkable(home)?, home.join("lib64"), home.join("lib")];
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

/// A folder with the names that a linker looks for: wheels have libraries under their versions alone, and the driver's library comes
/// with a driver, of which a linker needs no more than the symbols.
fn linkable(home: &Path) -> Result<PathBuf> {
    let folder = root().join("target/cuda/link");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let found: Vec<PathBuf> = ["lib", "lib64"]
        .iter()
        .filter_map(|lib| fs::read_dir(home.join(lib)).ok())
        .flat_map(|files| files.filter_map(|file| Some(file.ok()?.path())))
        .collect();
    for library in LIBRARIES {
        let file = format!("lib{library}.so");
        let is_it =
            |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&file));
        let Some(path) = found.iter().find(is_it) else { bail!("no {file} beside nvcc: {WHEELS}") };
        std::os::unix::fs::symlink(path, folder.join(file))?;
    }
    let header = fs::read_to_string(home.join("include/cuda.h")).context("no cuda.h beside nvcc")?;
    let source = folder.join("cuda.c");
    let symbols = driver_symbols(&header);
    fs::write(
        &source,
        symbols.iter().map(|name| format!("int {name}(void) {{ return 999; }}\n")).collect::<String>(),
    )?;
    let mut compiler = command(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler
        .args(["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o"])
        .arg(folder.join("libcuda.so"))
        .arg(source);
    execute(&mut compiler)?;
    Ok(folder)
}

/// Whatever in the header of the driver may be the name of a function.
fn driver_symbols(header: &str) -> BTreeSet<&str> {
    let words = header.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.strip_prefix("cu").is_some_and(|rest| rest.starts_with(char::is_uppercase)))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_the_driver_are_told_from_its_types() {
        let header = "#define cuMemAlloc cuMemAlloc_v2\nCUresult CUDAAPI cuInit(unsigned int Flags);\ntypedef cuuint32_t x;";
        assert_eq!(driver_symbols(header), BTreeSet::from(["cuInit", "cuMemAlloc", "cuMemAlloc_v2"]));
    }
}
