//! Compiles the kernels of `kernels/` where a feature asks for it: by nvcc for GPUs, by a C++ compiler for the emulator.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "emulation")]
    emulation();
    #[cfg(feature = "cuda-exact")]
    cuda::compile();
}

/// The emulator, with the arithmetic that EXACT.md asks for: nothing contracted, nothing reassociated.
#[cfg(feature = "emulation")]
fn emulation() {
    println!("cargo::rerun-if-changed=kernels");
    let mut build = cc::Build::new();
    build.cpp(true).opt_level(2).file("kernels/host/emulator.cpp");
    for flag in include_str!("kernels/host/flags.txt").lines() {
        build.flag(flag);
    }
    build.compile("proofmark_emulator");
}

#[cfg(feature = "cuda-exact")]
mod cuda {
    use std::env;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// GPUs that get machine code of their own; PTX of the first serves those in between and later ones.
    const ARCHITECTURES: [&str; 7] = ["75", "80", "86", "89", "90", "100", "120"];

    /// Compiles the kernels to `exact.fatbin`. `PROOFMARK_CUDA_ARCHITECTURES` names others than these, as `90` or `80,90`.
    pub(super) fn compile() {
        println!("cargo::rerun-if-changed=kernels");
        println!("cargo::rerun-if-env-changed=PROOFMARK_CUDA_ARCHITECTURES");
        println!("cargo::rerun-if-env-changed=PATH");
        let asked = env::var("PROOFMARK_CUDA_ARCHITECTURES").unwrap_or_else(|_| ARCHITECTURES.join(","));
        let architectures: Vec<&str> = asked.split(',').map(str::trim).collect();
        let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("exact.fatbin");
        // The one that cudarc asks for its version.
        let nvcc = Path::new("nvcc");
        let mut command = Command::new(nvcc);
        command.args(["-fatbin", "-std=c++17", "-O3", "-fmad=false", "-ftz=false", "-prec-div=true"]);
        command.args(["-prec-sqrt=true", "--threads", "0", "-o"]).arg(&output);
        for name in &architectures {
            command.arg(format!("-gencode=arch=compute_{name},code=sm_{name}"));
        }
        command.arg(format!("-gencode=arch=compute_{0},code=compute_{0}", architectures[0]));
        command.arg("kernels/exact.cu");
        println!("cargo::rustc-env=PROOFMARK_NVCC_VERSION={}", version(nvcc));
        let status = command.status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => fail(&format!("{}: {status}", nvcc.display())),
            Err(error) => fail(&format!("cannot start {}: {error}; put it on PATH", nvcc.display())),
        }
    }

    /// `13.0`, from the last line but one of what nvcc says.
    fn version(nvcc: &Path) -> String {
        let output =
            Command::new(nvcc).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&output).into_owned();
        let release = text.split_once("release ").and_then(|(_, rest)| rest.split_once(','));
        release.map_or_else(|| "an unknown version".to_owned(), |(version, _)| version.to_owned())
    }

    fn fail(fact: &str) -> ! {
        eprintln!("the feature `cuda-exact` needs nvcc of CUDA 12.8 or later: {fact}");
        std::process::exit(1);
    }
}
