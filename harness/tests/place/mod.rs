//! A folder of one's own to run the program in.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
pub(crate) const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/fixtures");

/// What else says how the hub is reached.
const HUB_VARIABLES: [&str; 12] = [
    "HF_ENDPOINT",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// A folder of one's own with the suite in it, as working folder and home of the program.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::copy(format!("{DATA}/tiny.toml"), place.path("tiny.toml")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("PROOFMARK_ISA")
            .env("RUST_BACKTRACE", "0")
            .env("HF_HOME", self.path("hf"));
        for of_the_user in HUB_VARIABLES {
            command.env_remove(of_the_user);
        }
        command
    }

    pub(crate) fn proofmark(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_proofmark")).args(arguments).output().unwrap()
    }

    pub(crate) fn certify(&self, arguments: &[&str]) -> Output {
        self.proofmark(&[&["certify", "--suite", "tiny.toml"], arguments].concat())
    }

    /// Exit code and both streams, this folder's name replaced.
    pub(crate) fn told(&self, output: &Output) -> String {
        let folder = self.0.path().display().to_string();
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&folder, "[DIR]").replace(FIXTURES, "[FIXTURES]")
        };
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
    }

    pub(crate) fn profile(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("profile.json")).unwrap()).unwrap()
    }

    /// Certifies quietly and returns the profile.
    pub(crate) fn certified(&self, arguments: &[&str]) -> Value {
        let output = self.certify(&[&["--quiet"], arguments].concat());
        assert!(output.status.success(), "{}", self.told(&output));
        self.profile()
    }

    /// The names of this folder's files, hidden ones too.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}
