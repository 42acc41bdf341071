//! One file: asked for, resumed where an earlier download broke off, checked, and only then given its name.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE};

use super::address::Address;
use super::cache::Cache;
use super::client::{Client, Fault, Metadata, Progress, one_line, text};
use super::{HubError, HubProgress, Observer, unwritable};
use crate::Error;
use crate::pin::{Pin, from_hex, hex};

const CHUNK_BYTES: usize = 128 << 10;
/// A request that brings less and fails has brought nothing.
const WORTHWHILE_BYTES: u64 = 1 << 20;
/// What is downloaded only to be hashed.
const MAX_ASKED_BYTES: u64 = 64 << 20;

/// Fetches a file into the cache.
pub(super) fn download(
    client: &Client,
    cache: &Cache,
    address: &Address<'_>,
    pin: &Pin,
    observer: &mut Observer<'_>,
) -> Result<(), HubError> {
    let metadata = client.patiently(address, observer, |_| client.metadata(address))?;
    agree(client, address, pin, &metadata)?;
    // Without an etag a file is found all the same, through its link.
    let etag = metadata.etag.unwrap_or_else(|| hex(&pin.sha256));
    let blob = cache.blob(address.repo, &etag);
    let _lock = cache.lock(address, &etag, observer)?;
    if pin.check(&blob, |_| {}).is_err() {
        let mut partial = Partial::open(&blob)?;
        let was_begun = partial.bytes > 0;
        let mut result = partial.fill(client, address, pin, observer);
        // What an earlier download left may have been of another file.
        if was_begun && matches!(result, Err(HubError::Digest { .. })) {
            result = partial.fill(client, address, pin, observer);
        }
        match result {
            Ok(()) => partial.complete(&blob)?,
            Err(error @ HubError::Digest { .. }) => {
                let _ = fs::remove_file(&partial.path);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
    }
    cache.link(address, &etag)
}

/// Size and digest of a file, in the hub's words or by its bytes.
pub(super) fn ask(
    client: &Client,
    address: &Address<'_>,
    observer: &mut Observer<'_>,
) -> Result<Pin, HubError> {
    let metadata = client.patiently(address, observer, |_| client.metadata(address))?;
    let answer = |reason: String| HubError::Answer { url: client.url(address), reason };
    if metadata.commit.is_none() {
        return Err(answer("it names no commit".to_owned()));
    }
    let size_bytes = metadata.size_bytes.ok_or_else(|| answer("it names no size".to_owned()))?;
    if let Some(sha256) = metadata.sha256.as_deref().and_then(from_hex) {
        return Ok(Pin { size_bytes, sha256 });
    }
    if size_bytes > MAX_ASKED_BYTES {
        return Err(answer(format!("no SHA-256, and {size_bytes} bytes are too many to fetch for one")));
    }
    client.patiently(address, observer, |_| {
        let mut hash = Sha256::new();
        read(client, address, client.body(address, 0)?, size_bytes, |chunk| {
            hash.update(chunk);
            Ok(())
        })?;
        Ok(Pin { size_bytes, sha256: hash.finalize().into() })
    })
}

/// What the hub says of a file does not contradict what is known of it.
fn agree(client: &Client, address: &Address<'_>, pin: &Pin, metadata: &Metadata) -> Result<(), HubError> {
    let (size, expected) = (pin.size_bytes, hex(&pin.sha256));
    let reason = match metadata {
        Metadata { size_bytes: Some(said), .. } if *said != size => {
            format!("it has {said} bytes, expected {size}")
        }
        Metadata { sha256: Some(said), .. } if *said != expected => {
            format!("its SHA-256 is {said}, expected {expected}")
        }
        _ => return Ok(()),
    };
    Err(HubError::Answer { url: client.url(address), reason })
}

/// What is there of a file, beside its place.
struct Partial {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The most that it ever had: getting there once more is no progress.
    most_bytes: u64,
}

impl Partial {
    /// `blobs/ETAG.incomplete`, as Python calls it.
    fn open(blob: &Path) -> Result<Self, HubError> {
        let mut path = blob.to_owned().into_os_string();
        path.push(".incomplete");
        let path = PathBuf::from(path);
        let open = || -> std::io::Result<(File, u64)> {
            fs::create_dir_all(blob.parent().unwrap_or(blob))?;
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(|error| unwritable(&path, error))?;
        Ok(Self { path, file, bytes, most_bytes: bytes })
    }

    /// Fetches what is missing and checks all of it; bytes that are not those that were to come are thrown away.
    fn fill(
        &mut self,
        client: &Client,
        address: &Address<'_>,
        pin: &Pin,
        observer: &mut Observer<'_>,
    ) -> Result<(), HubError> {
        client.patiently(address, observer, |observer| self.fetch(client, address, pin, observer))?;
        self.file.sync_all().map_err(|error| unwritable(&self.path, error))?;
        match pin.check(&self.path, |_| {}) {
            Err(Error::Damaged { reason, .. }) => {
                self.clear()?;
                Err(HubError::Digest { url: client.url(address), reason })
            }
            result => result.map_err(HubError::Cached),
        }
    }

    /// Fetches what is missing, in one request.
    fn fetch(
        &mut self,
        client: &Client,
        address: &Address<'_>,
        pin: &Pin,
        observer: &mut Observer<'_>,
    ) -> Result<(), Fault> {
        if self.bytes > pin.size_bytes {
            self.clear()?;
        }
        if self.bytes == pin.size_bytes {
            return Ok(());
        }
        let response = client.body(address, self.bytes)?;
        match response.status().as_u16() {
            206 if !begins_at(&response, self.bytes) => {
                self.clear()?;
                let reason = "it sends another part than was asked for".to_owned();
                return Err(Fault::passing(HubError::Unreachable { url: client.url(address), reason }));
            }
            206 => {}
            // All of it, whatever was asked for.
            _ => self.clear()?,
        }
        let (before, path, size_bytes) = (self.bytes, address.path, pin.size_bytes);
        let result = read(client, address, response, size_bytes - before, |chunk| {
            self.file.write_all(chunk).map_err(|error| unwritable(&self.path, error))?;
            self.bytes += chunk.len() as u64;
            observer(HubProgress::Fetching { path, done_bytes: self.bytes, size_bytes });
            Ok(())
        });
        let is_worthwhile = self.bytes >= self.most_bytes + WORTHWHILE_BYTES;
        self.most_bytes = self.most_bytes.max(self.bytes);
        match result {
            Err(Fault::Passing { error, pause, .. }) if is_worthwhile => {
                Err(Fault::Passing { error, pause, progress: Progress::Some })
            }
            result => result,
        }
    }

    fn clear(&mut self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(|error| unwritable(&self.path, error))?;
        self.bytes = 0;
        Ok(())
    }

    /// Gives the bytes their name.
    fn complete(self, blob: &Path) -> Result<(), HubError> {
        fs::rename(&self.path, blob).map_err(|error| unwritable(blob, error))
    }
}

fn begins_at(response: &Response<Body>, byte: u64) -> bool {
    let range = text(response.headers(), CONTENT_RANGE.as_str());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// Reads `size_bytes` of an answer and no more, whatever it has.
fn read(
    client: &Client,
    address: &Address<'_>,
    response: Response<Body>,
    size_bytes: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), HubError>,
) -> Result<(), Fault> {
    let url = || client.url(address);
    let length = text(response.headers(), CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    if let Some(length) = length.filter(|length: &u64| *length != size_bytes) {
        let reason = format!("{length} bytes are to come, expected {size_bytes}");
        return Err(Fault::Lasting(HubError::Answer { url: url(), reason }));
    }
    let broken = |reason| Fault::passing(HubError::Unreachable { url: url(), reason });
    let mut reader = response.into_body().into_reader().take(size_bytes);
    let (mut chunk, mut done) = (vec![0; CHUNK_BYTES], 0);
    while done < size_bytes {
        match reader.read(&mut chunk) {
            Ok(0) => return Err(broken(format!("it broke off after {done} of {size_bytes} bytes"))),
            Ok(length) => {
                take(&chunk[..length])?;
                done += length as u64;
            }
            Err(error) => return Err(broken(one_line(&error))),
        }
    }
    Ok(())
}
