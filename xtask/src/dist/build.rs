//! A program's build, which sees the commit and the tools, and neither the folder it happens in nor the rest of the environment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::commit::Commit;
use super::packages::Packages;
use crate::{cargo, command, output, root};

/// Where tools are and how the registry is reached; of these nothing gets into a program.
const PASSED: [&str; 16] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "CARGO_HOME",
    "CARGO_NET_OFFLINE",
    "CARGO_HTTP_CAINFO",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];
/// What folders of the build are called in a program.
const WORKSPACE: &str = "/proofmark";
const CRATES: &str = "/crates";

/// Tools, and what they are told.
pub(super) struct Workshop {
    rustc: Rustc,
    c_compiler: String,
    environment: Vec<(String, OsString)>,
}

/// A program as it came out.
pub(super) struct Built {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// Ids of all packages that were compiled for it.
    pub(super) packages: BTreeSet<String>,
}

/// What the compiler says of itself.
struct Rustc {
    line: String,
    host: String,
    /// The compiler's own commit.
    commit: String,
    /// Where the sources of the standard library are, if they are there.
    library: PathBuf,
}

impl Workshop {
    /// Asks the tools for their versions.
    pub(super) fn open(commit: &Commit) -> Result<Self> {
        let mut environment: Vec<(String, OsString)> =
            PASSED.iter().filter_map(|name| Some(((*name).to_owned(), env::var_os(name)?))).collect();
        let fixed = [("LC_ALL", "C"), ("TZ", "UTC"), ("SOURCE_DATE_EPOCH", commit.epoch_s.as_str())];
        environment.extend(fixed.map(|(name, value)| (name.to_owned(), value.into())));
        let told = |program: &str, argument: &str| {
            output(command(program).env_clear().envs(environment.clone()).args(argument.split(' ')))
        };
        let rustc = Rustc::parse(&told("rustc", "-vV")?, told("rustc", "--print sysroot")?.trim())?;
        let c_compiler = told("cc", "--version")?.lines().next().unwrap_or_default().to_owned();
        Ok(Self { rustc, c_compiler, environment })
    }

    /// The target triple, this machine's.
    pub(super) fn target(&self) -> &str {
        &self.rustc.host
    }

    /// What a program depends on beside its sources.
    pub(super) fn circumstances(&self, commit: &Commit) -> [(&'static str, String); 4] {
        [
            ("commit", commit.name.clone()),
            ("target", self.rustc.host.clone()),
            ("rustc", self.rustc.line.clone()),
            ("cc", self.c_compiler.clone()),
        ]
    }

    /// Cargo in the environment of the build.
    pub(super) fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo.env_clear().envs(self.environment.clone());
        cargo
    }

    /// Builds a program, and makes sure that it names no folder of this machine.
    pub(super) fn build(&self, program: &str, packages: &Packages) -> Result<Built> {
        let folders = self.folders(packages);
        let mut cargo = self.cargo();
        cargo.args(["build", "--locked", "--profile", "dist", "--package", program, "--bin", program]);
        cargo.arg("--target-dir").arg(root().join("target/dist"));
        cargo.args(["--message-format", "json-render-diagnostics"]);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix=", &folders, "\x1f")?);
        let c_flags = flags("-ffile-prefix-map=", &folders, " ")?;
        cargo.env("CFLAGS", &c_flags).env("CXXFLAGS", &c_flags);
        eprintln!("$ cargo build --locked --profile dist --package {program} --bin {program}");
        let told = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
        ensure!(told.status.success(), "cargo build of {program}: {}", told.status);
        let (path, packages) = compiled(&String::from_utf8_lossy(&told.stdout), program)?;
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for (folder, _) in &folders {
            if names(&bytes, folder) {
                bail!("{program} names {}, a folder of this machine", folder.display());
            }
        }
        Ok(Built { path, bytes, packages })
    }

    /// Folders whose names may get into a program, and what they are called there.
    fn folders(&self, packages: &Packages) -> Vec<(PathBuf, String)> {
        let mut folders = vec![(root().to_owned(), WORKSPACE.to_owned())];
        folders.extend(packages.registries().into_iter().map(|folder| (folder, CRATES.to_owned())));
        // Where these sources are installed, the compiler names them instead.
        folders.push((self.rustc.library.clone(), format!("/rustc/{}", self.rustc.commit)));
        folders
    }
}

impl Rustc {
    fn parse(verbose: &str, sysroot: &str) -> Result<Self> {
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("rustc does not say its {name}"))
        };
        Ok(Self {
            line: verbose.lines().next().unwrap_or_default().to_owned(),
            host: field("host")?,
            commit: field("commit-hash")?,
            library: Path::new(sysroot).join("lib/rustlib/src/rust"),
        })
    }
}

/// One flag a folder.
fn flags(flag: &str, folders: &[(PathBuf, String)], between: &str) -> Result<String> {
    let flag = |(folder, name): &(PathBuf, String)| {
        let folder = folder.to_str().with_context(|| format!("{} is no text", folder.display()))?;
        ensure!(!folder.contains(char::is_whitespace), "{folder} has white space, which splits flags for C");
        Ok(format!("{flag}{folder}={name}"))
    };
    Ok(folders.iter().map(flag).collect::<Result<Vec<String>>>()?.join(between))
}

/// Where cargo says that the program is, and the packages that it says it compiled.
fn compiled(messages: &str, program: &str) -> Result<(PathBuf, BTreeSet<String>)> {
    let (mut path, mut packages) = (None, BTreeSet::new());
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("cargo's message is no JSON")?;
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        packages.extend(message["package_id"].as_str().map(str::to_owned));
        if message["target"]["name"] == program
            && let Some(executable) = message["executable"].as_str()
        {
            path = Some(PathBuf::from(executable));
        }
    }
    Ok((path.with_context(|| format!("cargo built no {program}"))?, packages))
}

/// Whether a path below the folder is in the bytes. A folder right below `/` is passed over: other paths hold its name too.
fn names(bytes: &[u8], folder: &Path) -> bool {
    let path = format!("{}/", folder.display());
    folder.components().count() > 2 && bytes.windows(path.len()).any(|window| window == path.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_folder_is_found_in_a_program() {
        let program = b"\0panicked at /home/eve/work/src/main.rs\0";
        assert!(names(program, Path::new("/home/eve/work")));
        assert!(!names(program, Path::new("/home/eve/wor")));
        assert!(!names(program, Path::new("/src")), "src lies right below the root, and everywhere");
    }

    #[test]
    fn each_folder_has_a_flag_of_its_own_and_none_that_would_be_two() {
        let folders = [("/home/eve/work".into(), "/w".into()), ("/home/eve/.cargo".into(), "/c".into())];
        assert_eq!(flags("-m=", &folders, " ").unwrap(), "-m=/home/eve/work=/w -m=/home/eve/.cargo=/c");
        assert!(flags("-m=", &[("/home/eve/my work".into(), "/w".into())], " ").is_err());
    }

    #[test]
    fn cargos_messages_tell_the_program_and_all_that_was_compiled_for_it() {
        let messages = r#"{"reason":"compiler-artifact","package_id":"a","target":{"name":"tool"},"executable":null}
{"reason":"build-script-executed","package_id":"b"}
{"reason":"compiler-artifact","package_id":"c","target":{"name":"tool"},"executable":"/out/tool"}
{"reason":"build-finished","success":true}"#;
        let (path, packages) = compiled(messages, "tool").unwrap();
        assert_eq!(path, Path::new("/out/tool"));
        assert_eq!(packages, BTreeSet::from(["a".to_owned(), "c".to_owned()]));
        assert!(compiled(messages, "other").is_err());
    }

    #[test]
    fn the_compiler_is_read_from_its_own_words() {
        let verbose = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 5980\nhost: x86_64-unknown-linux-gnu\n";
        let rustc = Rustc::parse(verbose, "/opt/rust").unwrap();
        assert_eq!([rustc.host.as_str(), rustc.commit.as_str()], ["x86_64-unknown-linux-gnu", "5980"]);
        assert_eq!(rustc.library, Path::new("/opt/rust/lib/rustlib/src/rust"));
        assert!(Rustc::parse("rustc 1.95.0\nhost: here\n", "/opt/rust").is_err());
    }
}
