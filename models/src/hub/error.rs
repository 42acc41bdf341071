use std::path::PathBuf;

/// Why a file could not be had from the hub.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// What names a file could not be a name on the hub.
    #[error("`{0}` is no {1}")]
    Name(String, &'static str),
    /// What names the hub is no URL.
    #[error("hub endpoint `{0}` is no URL of http or https")]
    Endpoint(String),
    /// The cache lacks it and the hub is not to be asked.
    #[error("the cache lacks {path} of {repo}, and the hub is not asked when offline")]
    Offline {
        /// Of the file.
        repo: String,
        /// Inside the repository.
        path: String,
    },
    /// The cache has it otherwise, and the hub is not to be asked.
    #[error("what the cache holds cannot be used: {0}")]
    Cached(crate::Error),
    /// The hub wants to know who asks, or does not let them have it.
    #[error("the hub refuses {url} ({status})")]
    Refused {
        /// What was asked for.
        url: String,
        /// 401 or 403, and what the hub says of it.
        status: String,
    },
    /// The hub has no such file.
    #[error("the hub does not have {url} ({status})")]
    Missing {
        /// What was asked for.
        url: String,
        /// 404, and what the hub says of it.
        status: String,
    },
    /// No answer that could be used, however often it was tried.
    #[error("the hub cannot be reached at {url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Of the last attempt.
        reason: String,
    },
    /// An answer about another file, or none that the protocol has.
    #[error("the hub's answer for {url} is wrong: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// All bytes came, and they are not those that were to come.
    #[error("{url} was fetched and thrown away: {reason}")]
    Digest {
        /// What was asked for.
        url: String,
        /// What differs.
        reason: String,
    },
    /// The cache cannot take it.
    #[error("cannot write {} in the hub's cache: {error}", path.display())]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}
