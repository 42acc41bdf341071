//! Tells the program which commit and compiler it was built with.

use std::process::Command;

fn main() {
    let commit = first_line("git", &["rev-parse", "HEAD"]);
    let rustc = first_line(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["--version"]);
    println!("cargo:rustc-env=PROOFMARK_GIT_COMMIT={commit}");
    println!("cargo:rustc-env=PROOFMARK_RUSTC={rustc}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src");
    for reference in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if std::path::Path::new(reference).exists() {
            println!("cargo:rerun-if-changed={reference}");
        }
    }
}

/// `unknown` where the program is missing or fails, as in a source archive without history.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().filter(|line| !line.is_empty()).unwrap_or("unknown").to_owned()
}
