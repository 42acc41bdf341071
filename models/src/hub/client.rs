//! Requests to the hub: redirects followed one by one, the token shown to the endpoint alone, failures told apart by whether
//! another attempt may help.

use std::fmt;
use std::thread;
use std::time::Duration;

use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ETAG, LOCATION, RANGE, RETRY_AFTER,
};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::{Agent, Body};

use super::address::{Address, is_hex};
use super::{HubError, HubProgress, HubSettings, Observer, Patience, Token};

const MAX_REDIRECTS: usize = 5;
/// However long the hub asks for.
const MAX_PAUSE: Duration = Duration::from_secs(60);
const USER_AGENT: &str = concat!("proofmark/", env!("CARGO_PKG_VERSION"));
const COMMIT: &str = "x-repo-commit";
const LINKED_ETAG: &str = "x-linked-etag";
const LINKED_SIZE: &str = "x-linked-size";
const ERROR_CODE: &str = "x-error-code";

/// A way to the hub.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    /// Without a slash at its end.
    endpoint: String,
    origin: Origin,
    token: Option<Token>,
    patience: Patience,
}

/// What the hub says of a file before it is fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// What the blob is called: a SHA-256 or the hash of a git blob.
    pub(super) etag: Option<String>,
    /// The SHA-256 of a large file, in the hub's own words.
    pub(super) sha256: Option<String>,
    pub(super) size_bytes: Option<u64>,
    pub(super) commit: Option<String>,
}

/// Why an attempt failed.
pub(super) enum Fault {
    /// Another attempt would fail too.
    Lasting(HubError),
    /// Another attempt may succeed.
    Passing {
        error: HubError,
        /// The hub's wish.
        pause: Option<Duration>,
        /// The attempt was worth it all the same.
        progress: Progress,
    },
}

/// Whether an attempt that failed brought something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Some,
    None,
}

/// To which a token may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: String,
}

#[derive(Clone, Copy)]
enum Method {
    Head,
    Get { from: u64 },
}

impl Client {
    pub(super) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let endpoint = settings.endpoint.trim_end_matches('/');
        let fault = || HubError::Endpoint(endpoint.escape_debug().to_string());
        let uri: Uri = endpoint.parse().map_err(|_| fault())?;
        let origin = Origin::of(&uri).filter(|_| uri.query().is_none()).ok_or_else(fault)?;
        let Patience { silence, request, .. } = settings.patience;
        let config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .proxy(settings.proxy.clone())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(silence))
            .timeout_per_read(Some(silence))
            .timeout_per_call(Some(request))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            endpoint: endpoint.to_owned(),
            origin,
            token: settings.token.clone(),
            patience: settings.patience,
        })
    }

    pub(super) fn url(&self, address: &Address<'_>) -> String {
        let Address { repo, revision, path } = address;
        format!("{}/{repo}/resolve/{revision}/{path}", self.endpoint)
    }

    /// What the hub says of a file, which must be at the revision.
    pub(super) fn metadata(&self, address: &Address<'_>) -> Result<Metadata, Fault> {
        let url = self.url(address);
        let response = self.follow(Method::Head, &url)?;
        let headers = response.headers();
        let linked = text(headers, LINKED_ETAG).map(unquoted);
        let etag = linked.or_else(|| text(headers, ETAG.as_str()).map(unquoted));
        let size = text(headers, LINKED_SIZE).or_else(|| text(headers, CONTENT_LENGTH.as_str()));
        let metadata = Metadata {
            etag: etag.filter(|etag| is_hex(etag, 40) || is_hex(etag, 64)).map(str::to_owned),
            sha256: linked.filter(|etag| is_hex(etag, 64)).map(str::to_owned),
            size_bytes: size.and_then(|size| size.parse().ok()),
            commit: text(headers, COMMIT).map(str::to_owned),
        };
        match &metadata.commit {
            Some(commit) if commit != address.revision => {
                let reason = format!("it is about commit {}", commit.escape_debug());
                Err(Fault::Lasting(HubError::Answer { url, reason }))
            }
            _ => Ok(metadata),
        }
    }

    /// The bytes of a file from a place on: status 200 or 206.
    pub(super) fn body(&self, address: &Address<'_>, from: u64) -> Result<Response<Body>, Fault> {
        self.follow(Method::Get { from }, &self.url(address))
    }

    /// Makes attempts until one succeeds, or fails for good, or too many have brought nothing.
    pub(super) fn patiently<T>(
        &self,
        address: &Address<'_>,
        observer: &mut Observer<'_>,
        mut attempt: impl FnMut(&mut Observer<'_>) -> Result<T, Fault>,
    ) -> Result<T, HubError> {
        let mut failures = 0;
        loop {
            match attempt(observer) {
                Ok(result) => return Ok(result),
                Err(Fault::Lasting(error)) => return Err(error),
                Err(Fault::Passing { error, pause, progress }) => {
                    failures = if progress == Progress::Some { 0 } else { failures + 1 };
                    if failures >= self.patience.attempts {
                        return Err(error);
                    }
                    observer(HubProgress::Retrying { path: address.path, reason: &error.to_string() });
                    let usual = self.patience.pause * 2_u32.saturating_pow(failures.saturating_sub(1));
                    thread::sleep(pause.unwrap_or(usual).min(MAX_PAUSE));
                }
            }
        }
    }

    /// The answer at the end of the redirects. That a large file is elsewhere is all that [`Method::Head`] wants to know.
    fn follow(&self, method: Method, url: &str) -> Result<Response<Body>, Fault> {
        let mut place = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(method, url, &place)?;
            let status = response.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return self.judged(response, url);
            }
            if matches!(method, Method::Head) && response.headers().contains_key(LINKED_ETAG) {
                return Ok(response);
            }
            let location = text(response.headers(), LOCATION.as_str()).unwrap_or_default();
            let next = self.redirected(&place, location).ok_or_else(|| {
                let reason = format!("it leads to `{}`", location.escape_debug());
                Fault::Lasting(HubError::Answer { url: url.to_owned(), reason })
            })?;
            place = next;
        }
        let reason = format!("more than {MAX_REDIRECTS} redirects");
        Err(Fault::Lasting(HubError::Answer { url: url.to_owned(), reason }))
    }

    fn send(&self, method: Method, url: &str, place: &str) -> Result<Response<Body>, Fault> {
        let mut request = match method {
            Method::Head => self.agent.head(place),
            Method::Get { .. } => self.agent.get(place),
        };
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Method::Get { from: from @ 1.. } = method {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let is_hub = place.parse().ok().and_then(|uri| Origin::of(&uri)).as_ref() == Some(&self.origin);
        if let Some(token) = self.token.as_ref().filter(|_| is_hub) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.0));
        }
        request.call().map_err(|error| {
            let is_lasting =
                matches!(error, ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Rustls(_));
            let error = HubError::Unreachable { url: url.to_owned(), reason: one_line(&error) };
            if is_lasting { Fault::Lasting(error) } else { Fault::passing(error) }
        })
    }

    fn judged(&self, response: Response<Body>, url: &str) -> Result<Response<Body>, Fault> {
        let url = url.to_owned();
        let code = text(response.headers(), ERROR_CODE).filter(|code| code.bytes().all(is_word));
        let code = code.map_or(String::new(), |code| format!(", {}", &code[..code.len().min(60)]));
        let status = format!("{}{code}", response.status().as_u16());
        match response.status().as_u16() {
            200 | 206 => Ok(response),
            401 | 403 => Err(Fault::Lasting(HubError::Refused { url, status })),
            404 => Err(Fault::Lasting(HubError::Missing { url, status })),
            429 | 500..=599 | 408 | 416 => {
                let pause = text(response.headers(), RETRY_AFTER.as_str());
                let pause = pause.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
                let error = HubError::Unreachable { url, reason: format!("it answers {status}") };
                Err(Fault::Passing { error, pause, progress: Progress::None })
            }
            _ => Err(Fault::Lasting(HubError::Answer { url, reason: format!("status {status}") })),
        }
    }

    /// Where a redirect leads: never from https to anything else.
    fn redirected(&self, place: &str, location: &str) -> Option<String> {
        let from: Uri = place.parse().ok()?;
        let origin = Origin::of(&from)?;
        let next = match location {
            _ if location.starts_with("//") => format!("{}:{location}", origin.scheme),
            _ if location.starts_with('/') => format!("{}://{}{location}", origin.scheme, origin.authority),
            _ => location.to_owned(),
        };
        let to = Origin::of(&next.parse().ok()?)?;
        (origin.scheme == "http" || to.scheme == "https").then_some(next)
    }
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Lasting(error)
    }
}

impl Fault {
    pub(super) fn passing(error: HubError) -> Self {
        Self::Passing { error, pause: None, progress: Progress::None }
    }
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        // A password in a URL would be shown to whoever reads an error.
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        Some(Self { scheme: scheme.to_owned(), authority: authority.as_str().to_ascii_lowercase() })
    }
}

/// A header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An etag as a blob is called by it.
fn unquoted(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Whatever a failure says, in one line.
pub(super) fn one_line(error: &impl fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
