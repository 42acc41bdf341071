//! Suites by name or file, and reading of bounded files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use proofmark_workloads::{Suite, embedded, embedded_suite};

use super::{Failure, Outcome};

/// No suite and no profile is larger; profiles have the same limit in their parser.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// A suite and where it came from, so that a child process can be given the same one.
#[derive(Clone, Debug)]
pub struct SuiteSource {
    /// The suite.
    pub suite: Suite,
    /// The file, unless it is an embedded one.
    pub text: Option<String>,
}

/// The suite of this name, or in this file.
///
/// # Errors
/// When there is none.
pub fn load(name_or_file: &str) -> Result<SuiteSource, Failure> {
    if let Some(suite) = embedded_suite(name_or_file) {
        return Ok(SuiteSource { suite, text: None });
    }
    let path = Path::new(name_or_file);
    if path.extension().is_none() && !path.exists() {
        let names: Vec<String> = embedded().into_iter().map(|suite| suite.name).collect();
        let error = anyhow!("suite `{name_or_file}` is unknown");
        let hint = format!("embedded suites: {}; or pass a TOML file", names.join(", "));
        return Err(Failure::new(Outcome::BadInput, error).hint(hint));
    }
    let text = String::from_utf8(read_bounded(path)?)
        .map_err(|_| Failure::new(Outcome::BadInput, anyhow!("{name_or_file} is not UTF-8")))?;
    let suite = Suite::parse(name_or_file, &text).map_err(|error| Failure::new(Outcome::BadInput, error))?;
    Ok(SuiteSource { suite, text: Some(text) })
}

/// The embedded suites and those of `files`.
///
/// # Errors
/// When one cannot be read.
pub fn known(files: &[String]) -> Result<Vec<Suite>, Failure> {
    let mut suites = embedded();
    for file in files {
        suites.push(load(file)?.suite);
    }
    Ok(suites)
}

/// The bytes of a file of at most 8 MiB.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, MAX_FILE_BYTES)
}

/// The bytes of a file that has no more than `most`.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_up_to(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let bad_input = |error: anyhow::Error| Failure::new(Outcome::BadInput, error);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(|error| bad_input(error).hint("check the path and its permissions"))?;
    if bytes.len() as u64 > most {
        return Err(bad_input(anyhow!("{} has more than {} MiB", path.display(), most >> 20)));
    }
    Ok(bytes)
}
