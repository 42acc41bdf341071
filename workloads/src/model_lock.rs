//! The lock file: which real weights a suite may name, down to the bytes.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use crate::source::Source;
use crate::{Digest, SuiteError};

/// The version of the file format that this program reads.
const FORMAT: u32 = 1;
/// Files of a model at most; a model of a trillion weights has some hundred shards.
const MAX_FILES: usize = 1000;
/// A file at most: 1 TiB.
const MAX_FILE_BYTES: u64 = 1 << 40;
/// What is fetched: never a format whose reader executes what it reads.
const SUFFIXES: [&str; 3] = [".json", ".safetensors", ".gguf"];
const HEADING: &str = "\
# Real weights that a suite may name: a repository of the hub at a revision, and each file's size and SHA-256. A file that lacks
# one of them is unpinned, and with it the model: `proofmark models lock` asks the hub for them and writes this file.
";

/// Models of the hub, a revision each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLock {
    /// In the order of the file.
    pub models: Vec<LockedModel>,
}

/// A model of the hub at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedModel {
    /// `organisation/name`, unique in the file.
    pub repo: String,
    /// A commit: 40 lower-case hexadecimal digits.
    pub revision: String,
    /// Never none.
    pub files: Vec<LockedFile>,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedFile {
    /// Inside the repository: plain names, joined by `/`.
    pub path: String,
    /// `None` until it was asked for.
    pub size_bytes: Option<u64>,
    /// `None` until it was asked for.
    pub sha256: Option<Digest>,
}

impl ModelLock {
    /// Parses and checks a lock file, of which `file` is the name for messages.
    ///
    /// # Errors
    /// [`SuiteError`] with the line of the first fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, SuiteError> {
        let source = Source { file, text };
        let wire: WireLock = source.read()?;
        source.require(&wire.format, *wire.format.get_ref() == FORMAT, || {
            format!("lock format {} is unknown, this program reads format {FORMAT}", wire.format.get_ref())
        })?;
        let mut models: Vec<LockedModel> = Vec::with_capacity(wire.model.len());
        for entry in &wire.model {
            let is_new = models.iter().all(|model| model.repo != *entry.repo.get_ref());
            source
                .require(&entry.repo, is_new, || format!("repo `{}` is there twice", entry.repo.get_ref()))?;
            models.push(source.locked_model(entry)?);
        }
        Ok(Self { models })
    }

    /// The entry of a repository.
    #[must_use]
    pub fn model(&self, repo: &str) -> Option<&LockedModel> {
        self.models.iter().find(|model| model.repo == repo)
    }
}

impl LockedModel {
    /// Whether size and digest of every file are known.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.files.iter().all(|file| file.pin().is_some())
    }

    /// All files together, as far as their sizes are known.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.size_bytes).sum()
    }
}

impl LockedFile {
    /// Size in bytes and SHA-256, if both are known.
    #[must_use]
    pub fn pin(&self) -> Option<(u64, Digest)> {
        self.size_bytes.zip(self.sha256)
    }
}

impl fmt::Display for ModelLock {
    /// The file's text, in the one form that `proofmark models lock` writes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADING}\nformat = {FORMAT}\n")?;
        for LockedModel { repo, revision, files } in &self.models {
            write!(f, "\n[[model]]\nrepo = \"{repo}\"\nrevision = \"{revision}\"\nfiles = [\n")?;
            for LockedFile { path, size_bytes, sha256 } in files {
                write!(f, "    {{ path = \"{path}\"")?;
                if let Some(size_bytes) = size_bytes {
                    write!(f, ", size_bytes = {size_bytes}")?;
                }
                if let Some(sha256) = sha256 {
                    write!(f, ", sha256 = \"{sha256}\"")?;
                }
                f.write_str(" },\n")?;
            }
            f.write_str("]\n")?;
        }
        Ok(())
    }
}

impl Source<'_> {
    fn locked_model(self, wire: &WireLocked) -> Result<LockedModel, SuiteError> {
        self.require_repo(&wire.repo)?;
        self.require_revision(&wire.revision)?;
        let entries = wire.files.get_ref();
        self.require(&wire.files, (1..=MAX_FILES).contains(&entries.len()), || {
            format!("{} files, expected 1 to {MAX_FILES}", entries.len())
        })?;
        let mut files: Vec<LockedFile> = Vec::with_capacity(entries.len());
        for entry in entries {
            let path = entry.path.get_ref();
            self.require(&entry.path, is_plain_path(path), || {
                format!("`{}` is no path of plain names", path.escape_debug())
            })?;
            self.require(&entry.path, SUFFIXES.iter().any(|suffix| path.ends_with(suffix)), || {
                format!("`{path}` is none of {}", SUFFIXES.join(", "))
            })?;
            let is_new = files.iter().all(|file| file.path != *path);
            self.require(&entry.path, is_new, || format!("file `{path}` is there twice"))?;
            let size_bytes = entry.size_bytes.as_ref();
            let size_bytes =
                size_bytes.map(|size| self.bounded("size_bytes", size, 1..=MAX_FILE_BYTES)).transpose()?;
            let sha256 = entry.sha256.as_ref();
            let sha256 = sha256
                .map(|text| text.get_ref().parse().map_err(|error| self.error(text, format!("{error}"))));
            files.push(LockedFile { path: path.clone(), size_bytes, sha256: sha256.transpose()? });
        }
        let has_weights = files.iter().any(|file| !file.path.ends_with(".json"));
        let is_complete = has_weights && files.iter().any(|file| file.path == "config.json");
        self.require(&wire.files, is_complete, || "no config.json, or no weights".to_owned())?;
        Ok(LockedModel {
            repo: wire.repo.get_ref().clone(),
            revision: wire.revision.get_ref().clone(),
            files,
        })
    }

    /// `organisation/name`, as the hub has it.
    pub(crate) fn require_repo(self, repo: &Spanned<String>) -> Result<(), SuiteError> {
        let text = repo.get_ref();
        let fits = text.len() <= 200 && text.split('/').count() == 2 && is_plain_path(text);
        self.require(repo, fits && !text.contains("--"), || {
            format!("repo `{}` is not of the form organisation/name", text.escape_debug())
        })
    }

    /// A commit; a branch or tag could name other bytes tomorrow.
    pub(crate) fn require_revision(self, revision: &Spanned<String>) -> Result<(), SuiteError> {
        let text = revision.get_ref();
        let is_commit =
            text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.require(revision, is_commit, || {
            format!("revision `{}` is not 40 lower-case hexadecimal digits", text.escape_debug())
        })
    }
}

/// Names of letters, digits, `.`, `_` and `-` that begin with a letter or digit, joined by `/`: the same on a disk and in a URL.
fn is_plain_path(path: &str) -> bool {
    path.len() <= 200
        && path.split('/').all(|name| {
            name.starts_with(|first: char| first.is_ascii_alphanumeric())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLock {
    format: Spanned<u32>,
    model: Vec<WireLocked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLocked {
    repo: Spanned<String>,
    revision: Spanned<String>,
    files: Spanned<Vec<WireFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFile {
    path: Spanned<String>,
    size_bytes: Option<Spanned<u64>>,
    sha256: Option<Spanned<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"format = 1
[[model]]
repo = "org/tiny"
revision = "0123456789abcdef0123456789abcdef01234567"
files = [
    { path = "config.json", size_bytes = 2, sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { path = "model.safetensors" },
]
"#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(LOCK.contains(from), "{from}");
        ModelLock::parse("models.lock", &LOCK.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_model_is_pinned_once_every_file_has_size_and_digest() {
        let mut model = ModelLock::parse("models.lock", LOCK).unwrap().models.remove(0);
        assert_eq!((model.is_pinned(), model.bytes()), (false, 2));
        model.files[1].size_bytes = Some(5);
        assert!(!model.is_pinned());
        model.files[1].sha256 = Some(Digest::of(b"any"));
        assert_eq!((model.is_pinned(), model.bytes()), (true, 7));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let lock = ModelLock::parse("models.lock", LOCK).unwrap();
        assert_eq!(ModelLock::parse("models.lock", &lock.to_string()).unwrap(), lock);
    }

    #[test]
    fn every_fault_names_its_line() {
        for (from, to, expected) in [
            ("format = 1", "format = 2", "models.lock:1: lock format 2 is unknown"),
            ("org/tiny", "tiny", "models.lock:3: repo `tiny`"),
            ("org/tiny", "../tiny", "models.lock:3: repo `../tiny`"),
            ("org/tiny", "org--x/tiny", "models.lock:3: repo `org--x/tiny`"),
            ("\"01234567", "\"main", "models.lock:4: revision `main"),
            ("abcdef01", "ABCDEF01", "models.lock:4: revision `"),
            ("config.json", "../config.json", "models.lock:6: `../config.json` is no path"),
            ("config.json", "/config.json", "models.lock:6: `/config.json` is no path"),
            ("config.json", "a/.git/config.json", "models.lock:6: `a/.git/config.json` is no path"),
            ("config.json", "c%6fnfig.json", "models.lock:6: `c%6fnfig.json` is no path"),
            (
                "model.safetensors",
                "pytorch_model.bin",
                "models.lock:7: `pytorch_model.bin` is none of .json, .safetensors, .gguf",
            ),
            ("model.safetensors", "config.json", "models.lock:7: file `config.json` is there twice"),
            ("model.safetensors", "vocab.json", "models.lock:5: no config.json, or no weights"),
            ("\"config.json", "\"1_Pooling/config.json", "models.lock:5: no config.json, or no weights"),
            ("size_bytes = 2", "size_bytes = 0", "models.lock:6: size_bytes 0"),
            ("\"e3b0", "\"E3b0", "models.lock:6: a digest is 64"),
            ("size_bytes", "size", "models.lock:6: unknown field `size`"),
        ] {
            let message = refusal(from, to);
            assert!(message.starts_with(expected), "{from} -> {to}: {message}");
        }
        let twice = format!("{LOCK}{}", LOCK.replacen("format = 1", "", 1));
        let message = ModelLock::parse("models.lock", &twice).unwrap_err().to_string();
        assert!(message.contains("repo `org/tiny` is there twice"), "{message}");
    }
}
