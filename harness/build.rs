//! Tells the program which commit and compiler it was built with.

use std::path::Path;
use std::process::Command;

fn main() {
    let commit = match first_line("git", &["rev-parse", "HEAD"]) {
        Some(commit) if first_line("git", &["status", "--porcelain"]).is_some() => format!("{commit}-dirty"),
        Some(commit) => commit,
        None => "unknown".to_owned(),
    };
    let rustc = first_line(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["--version"]);
    println!("cargo:rustc-env=PROOFMARK_GIT_COMMIT={commit}");
    println!("cargo:rustc-env=PROOFMARK_RUSTC={}", rustc.unwrap_or_else(|| "unknown".to_owned()));
    for name in ["HEAD", "logs/HEAD", "index"] {
        watch(first_line("git", &["rev-parse", "--git-path", name]).as_deref());
    }
    for source in ["build.rs", "src", "../models/src", "../workloads", "../reports/src", "../Cargo.lock"] {
        watch(Some(source));
    }
}

fn watch(path: Option<&str>) {
    if let Some(path) = path.filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
}

/// What a program prints first; nothing where it is missing or fails, as git does in a source archive.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().filter(|line| !line.is_empty()).map(str::to_owned)
}
