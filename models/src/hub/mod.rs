//! Weights from the hub: fetched at a revision, checked against size and digest, kept in the cache that Python's
//! `huggingface_hub` has too.
//!
//! Nothing that the hub says is believed but for the name of a blob: a file has its place in the cache only once all its
//! bytes have the digest that was known beforehand. Where nothing is known yet, [`Hub::ask`] learns it.

mod address;
mod cache;
mod client;
mod download;
mod error;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::HubError;
pub use ureq::Proxy;

use crate::pin::{Pin, Pins};
use address::Address;
use cache::{Cache, Found};
use client::Client;

/// How the hub is reached and where its files are kept; whoever calls reads the environment.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The folder with `models--organisation--name`.
    pub cache: PathBuf,
    /// `https://huggingface.co`, or a mirror.
    pub endpoint: String,
    /// Sent to the endpoint alone.
    pub token: Option<Token>,
    /// Whether the hub may be asked.
    pub network: Network,
    /// On the way to the hub.
    pub proxy: Option<Proxy>,
    /// How long to wait.
    pub patience: Patience,
}

/// A secret, which is not told to whoever prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret itself.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Whether the network is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// What the cache lacks is fetched.
    Online,
    /// The cache is all there is.
    Offline,
}

/// How long a slow or failing hub is borne.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Of silence, until a request has failed.
    pub silence: Duration,
    /// Of a whole request, after which a download is resumed by another.
    pub request: Duration,
    /// Requests in a row that bring nothing.
    pub attempts: u32,
    /// After the first of them; twice as long after each further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            request: Duration::from_secs(600),
            attempts: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// What [`Hub::fetch`] is doing.
#[derive(Clone, Copy, Debug)]
pub enum HubProgress<'a> {
    /// A file of the cache is hashed.
    Checking {
        /// Inside the repository.
        path: &'a str,
        /// So far.
        done_bytes: u64,
        /// In all.
        size_bytes: u64,
    },
    /// A file is on its way.
    Fetching {
        /// Inside the repository.
        path: &'a str,
        /// So far, with what an earlier download left.
        done_bytes: u64,
        /// In all.
        size_bytes: u64,
    },
    /// Another program fetches the same file.
    Waiting {
        /// Inside the repository.
        path: &'a str,
    },
    /// A request failed, and is made once more.
    Retrying {
        /// Inside the repository.
        path: &'a str,
        /// Why it failed.
        reason: &'a str,
    },
}

/// Told of progress.
pub type Observer<'a> = dyn FnMut(HubProgress<'_>) + 'a;

/// The hub and its cache.
#[derive(Debug)]
pub struct Hub {
    cache: Cache,
    client: Option<Client>,
}

impl Hub {
    /// A hub that nothing was asked of yet.
    ///
    /// # Errors
    /// [`HubError::Endpoint`]
    pub fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let client = match settings.network {
            Network::Online => Some(Client::new(settings)?),
            Network::Offline => None,
        };
        Ok(Self { cache: Cache::new(&settings.cache), client })
    }

    /// The folder of a repository at a revision, with all of `files` in it: those that the cache lacks, or has otherwise, are fetched.
    ///
    /// # Errors
    /// When a file cannot be had with its size and digest; nothing else is then left under its name.
    pub fn fetch(
        &self,
        repo: &str,
        revision: &str,
        files: &Pins,
        observer: &mut Observer<'_>,
    ) -> Result<PathBuf, HubError> {
        for (path, pin) in files {
            let address = Address::new(repo, revision, path)?;
            let found = self.cache.check(&address, pin, observer);
            match (&self.client, found) {
                (_, Found::Good) => {}
                (Some(client), Found::Absent | Found::Other(_)) => {
                    download::download(client, &self.cache, &address, pin, observer)?;
                }
                (None, Found::Absent) => {
                    return Err(HubError::Offline { repo: repo.to_owned(), path: path.clone() });
                }
                (None, Found::Other(error)) => return Err(HubError::Cached(error)),
            }
        }
        Ok(self.cache.snapshot(repo, revision))
    }

    /// Size and digest of a file, as the hub has it. A file whose digest the hub does not keep is downloaded for it, up to 64 MiB.
    ///
    /// # Errors
    /// When the hub cannot be asked, or its answer is not about this file.
    pub fn ask(
        &self,
        repo: &str,
        revision: &str,
        path: &str,
        observer: &mut Observer<'_>,
    ) -> Result<Pin, HubError> {
        let address = Address::new(repo, revision, path)?;
        let offline = || HubError::Offline { repo: repo.to_owned(), path: path.to_owned() };
        download::ask(self.client.as_ref().ok_or_else(offline)?, &address, observer)
    }

    /// Whether the cache has a file of this name and size; its bytes are not looked at.
    #[must_use]
    pub fn has(&self, repo: &str, revision: &str, path: &str, size_bytes: Option<u64>) -> bool {
        Address::new(repo, revision, path).is_ok_and(|address| {
            let metadata = std::fs::metadata(self.cache.place(&address));
            metadata.is_ok_and(|file| file.is_file() && size_bytes.is_none_or(|size| size == file.len()))
        })
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> HubError {
    HubError::Unwritable { path: path.to_owned(), error }
}
