//! Libraries that stand in for those of NVIDIA's driver, on a machine without one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::WHEELS;
use crate::{command, execute, root};

/// What stock candle links to, beside the driver.
const LIBRARIES: [&str; 5] = ["cudart", "cublas", "cublasLt", "curand", "nvrtc"];
/// How a compiler makes a library under the driver's name; the file follows.
const SHARED: [&str; 4] = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o"];

/// A folder with the names that a linker looks for: wheels have libraries under their versions alone, and the driver's library comes
/// with a driver, of which a linker needs no more than the symbols.
pub(super) fn linkable(home: &Path) -> Result<PathBuf> {
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
    compiler.args(SHARED).arg(folder.join("libcuda.so")).arg(source);
    execute(&mut compiler)?;
    Ok(folder)
}

/// The folder of a driver whose one device is the emulator.
pub(super) fn emulated_driver() -> Result<PathBuf> {
    let folder = root().join("target/cuda/driver");
    fs::create_dir_all(&folder)?;
    let mut compiler = command(env::var_os("CXX").unwrap_or_else(|| "c++".into()));
    let host = root().join("models/kernels/host");
    compiler.args(fs::read_to_string(host.join("flags.txt"))?.lines());
    compiler.args(SHARED).arg(folder.join("libcuda.so")).arg(host.join("driver.cpp"));
    execute(&mut compiler)?;
    fs::copy(folder.join("libcuda.so"), folder.join("libcuda.so.1"))?;
    Ok(folder)
}

/// Whatever in the header of the driver may be the name of a function.
fn driver_symbols(header: &str) -> BTreeSet<&str> {
    let words = header.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.strip_prefix("cu").is_some_and(|rest| rest.starts_with(char::is_uppercase)))
        .collect()
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
