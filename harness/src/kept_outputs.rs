//! The file beside a profile with what is kept of its outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use proofmark_reports::Digest;
use proofmark_reports::audit::{Kept, KeptHeader, KeptOutput};

use crate::{Failure, Outcome};

/// More than the sketch of any request of a suite takes.
const MAX_LINE: u64 = 16 << 20;
/// More than an audit of any suite wants, and little enough to hold at once.
const MAX_WANTED: u64 = 256 << 20;

/// Where it lies unless somebody says otherwise.
pub(crate) fn place(profile: &Path) -> PathBuf {
    let mut name = profile.as_os_str().to_owned();
    name.push(".outputs");
    name.into()
}

/// The file's bytes.
///
/// # Errors
/// None that is known.
pub(crate) fn written(outputs: &[KeptOutput]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&KeptHeader::current())?;
    for output in outputs {
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, output)?;
    }
    bytes.push(b'\n');
    Ok(bytes)
}

/// What a file has kept of these outputs. The rest is passed over, so that the file may be of any size.
///
/// # Errors
/// When the file cannot be read or is of another form.
pub(crate) fn read(path: &Path, wanted: &BTreeSet<Digest>) -> Result<BTreeMap<Digest, Kept>, Failure> {
    let find = || -> anyhow::Result<BTreeMap<Digest, Kept>> {
        let mut lines = Lines { file: BufReader::new(File::open(path)?), number: 0, last_bytes: 0 };
        let header: KeptHeader = lines.next()?.context("it is empty")?;
        ensure!(header == KeptHeader::current(), "it is {} {}", header.kind, header.schema);
        let mut found = BTreeMap::new();
        let mut left = MAX_WANTED;
        while let Some(KeptOutput { digest, kept }) = lines.next()? {
            if wanted.contains(&digest) && !found.contains_key(&digest) {
                left = left.checked_sub(lines.last_bytes).context("the outputs asked for are too large")?;
                found.insert(digest, kept);
            }
        }
        Ok(found)
    };
    find().with_context(|| format!("cannot take outputs from {}", path.display())).map_err(|error| {
        Failure::new(Outcome::BadInput, error)
            .hint("--outputs names the file that `certify` wrote with the profile")
    })
}

struct Lines {
    file: BufReader<File>,
    number: u64,
    last_bytes: u64,
}

impl Lines {
    fn next<T: serde::de::DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        self.number += 1;
        let mut line = Vec::new();
        self.file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        self.last_bytes = line.len() as u64;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            bail!("line {} is cut off or too long", self.number);
        }
        let parsed = serde_json::from_slice(&line);
        parsed.map(Some).with_context(|| format!("line {} is of another form", self.number))
    }
}
