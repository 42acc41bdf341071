//! A hub on this machine that speaks the protocol of `huggingface.co` as far as files go, and breaks it on demand: small files are
//! redirected on the hub and sent from there, large ones from a storage at another origin.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub(crate) const REPO: &str = "org/tiny";
pub(crate) const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The hub answers every request with this status.
    Status(u16),
    /// A body ends after so many bytes.
    Truncated(usize),
    /// The same, and it begins at the beginning, whatever part was asked for.
    AllTruncated(usize),
    /// A body stops after so many bytes, and the connection stays open.
    Silent(usize),
    /// One bit of a body is another.
    Garbled,
    /// A body has no length and no end.
    Endless,
    /// The header names so many bytes more or fewer.
    Length(i64),
    /// All of a file is sent, whatever part was asked for.
    RangeIgnored,
    /// Another part is sent than was asked for.
    OtherPart,
    /// A file has this etag.
    Etag(&'static str),
    /// The answer is about another commit.
    OtherCommit,
    /// A large file is elsewhere: there.
    Redirect(&'static str),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) of_storage: bool,
    /// Method and path.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
}

pub(crate) struct LoopbackHub {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// With how often it still strikes.
    fault: Mutex<Option<(Fault, u32)>>,
    asked: Mutex<Vec<Asked>>,
    storage: SocketAddr,
}

impl LoopbackHub {
    /// Serves the files of a folder under [`REPO`] at [`REVISION`].
    pub(crate) fn of(folder: impl AsRef<Path>) -> Self {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = files
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()));
        Self::with(named.collect())
    }

    pub(crate) fn with(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, storage) = (listen(), listen());
        let state = State {
            files,
            fault: Mutex::default(),
            asked: Mutex::default(),
            storage: storage.local_addr().unwrap(),
        };
        let (address, state) = (hub.local_addr().unwrap(), Arc::new(state));
        for (listener, of_storage) in [(hub, false), (storage, true)] {
            let state = Arc::clone(&state);
            // They end with the test.
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    thread::spawn(move || state.answer(stream, of_storage));
                }
            });
        }
        Self { address, state }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` answers that it can strike have this fault.
    pub(crate) fn break_with(&self, fault: Fault, times: u32) {
        *self.state.fault.lock().unwrap() = Some((fault, times));
    }

    /// The requests so far, which are then forgotten.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock().unwrap())
    }

    /// The names, sizes and digests of its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, u64, [u8; 32])> {
        let files = self.state.files.iter();
        files.map(|(name, bytes)| (name.as_str(), bytes.len() as u64, Sha256::digest(bytes).into()))
    }
}

impl State {
    fn answer(&self, stream: TcpStream, of_storage: bool) -> Option<()> {
        let asked = read(&stream, of_storage)?;
        let (method, path) = asked.line.split_once(' ')?;
        self.asked.lock().unwrap().push(asked.clone());
        let mut answer = Answer { stream, head: String::new(), has_body: method != "HEAD" };
        let cached = format!("/api/resolve-cache/models/{REPO}/{REVISION}/");
        let resolved = format!("/{REPO}/resolve/{REVISION}/");
        if let Some(Fault::Status(status)) = self.takes(|fault| matches!(fault, Fault::Status(_))) {
            let error = [("x-error-code", "Refused"), ("retry-after", "0")];
            return answer.end(status, &error, b"");
        }
        if let Some(name) = path.strip_prefix("/storage/") {
            return self.body(name, &asked, answer);
        }
        let commit = match self.takes(|fault| *fault == Fault::OtherCommit) {
            Some(_) => "ffffffffffffffffffffffffffffffffffffffff",
            None => REVISION,
        };
        answer.header("x-repo-commit", commit);
        if let Some(name) = path.strip_prefix(&*cached) {
            return self.body(name, &asked, answer);
        }
        let Some((name, bytes)) =
            path.strip_prefix(&*resolved).and_then(|name| self.files.get_key_value(name))
        else {
            return answer.end(404, &[("x-error-code", "EntryNotFound")], b"");
        };
        let is_large = name.ends_with(".safetensors");
        if is_large {
            let etag = match self.takes(|fault| matches!(fault, Fault::Etag(_))) {
                Some(Fault::Etag(etag)) => etag.to_owned(),
                _ => digits(bytes),
            };
            if !etag.is_empty() {
                answer.header("x-linked-etag", &format!("\"{etag}\""));
            }
            answer.header("x-linked-size", &bytes.len().to_string());
            let place = match self.takes(|fault| matches!(fault, Fault::Redirect(_))) {
                Some(Fault::Redirect(place)) => place.to_owned(),
                _ => format!("http://{}/storage/{name}", self.storage),
            };
            return answer.end(302, &[("location", &place)], b"");
        }
        answer.end(307, &[("location", &format!("{cached}{name}"))], b"")
    }

    fn body(&self, name: &str, asked: &Asked, mut answer: Answer) -> Option<()> {
        let all = self.files.get(name)?;
        // Git's hash of a blob takes SHA-1; half of another stands for it.
        answer.header("etag", &format!("\"{}\"", &digits(all)[..40]));
        let range =
            asked.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        let range = range.and_then(|start| start.parse::<usize>().ok());
        let cut = self.takes(|fault| matches!(fault, Fault::AllTruncated(_)));
        let start = match &cut {
            Some(_) => None,
            None if self.takes(|fault| *fault == Fault::RangeIgnored).is_some() => None,
            None => range,
        };
        let mut bytes = all[start.unwrap_or(0)..].to_vec();
        if let Some(start) = start {
            let said = start + usize::from(self.takes(|fault| *fault == Fault::OtherPart).is_some());
            answer.header("content-range", &format!("bytes {said}-{}/{}", all.len() - 1, all.len()));
        }
        let status = if start.is_some() { 206 } else { 200 };
        if !answer.has_body {
            return answer.end(status, &[("content-length", &bytes.len().to_string())], b"");
        }
        let strikes = |fault: &Fault| {
            !matches!(fault, Fault::Etag(_) | Fault::Redirect(_) | Fault::OtherPart | Fault::AllTruncated(_))
        };
        match cut.or_else(|| self.takes(strikes)) {
            Some(Fault::Garbled) => bytes[0] ^= 1,
            Some(Fault::Length(more)) => {
                let length = bytes.len() as i64 + more;
                return answer.end(status, &[("content-length", &length.to_string())], &bytes);
            }
            Some(Fault::Truncated(end) | Fault::AllTruncated(end)) => {
                return answer.end(status, &[("content-length", &bytes.len().to_string())], &bytes[..end]);
            }
            Some(Fault::Silent(end)) => {
                let stream = answer.stream.try_clone().ok()?;
                answer.end(status, &[("content-length", &bytes.len().to_string())], &bytes[..end])?;
                thread::sleep(Duration::from_secs(20));
                drop(stream);
                return Some(());
            }
            Some(Fault::Endless) => {
                let mut stream = answer.stream.try_clone().ok()?;
                answer.end(status, &[], &bytes)?;
                while stream.write_all(&bytes).is_ok() {}
                return Some(());
            }
            _ => {}
        }
        answer.end(status, &[("content-length", &bytes.len().to_string())], &bytes)
    }

    fn takes(&self, strikes: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        match &mut *fault {
            Some((fault, times @ 1..)) if strikes(fault) => {
                *times -= 1;
                Some(fault.clone())
            }
            _ => None,
        }
    }
}

struct Answer {
    stream: TcpStream,
    head: String,
    has_body: bool,
}

impl Answer {
    fn header(&mut self, name: &str, value: &str) {
        let _ = write!(self.head, "{name}: {value}\r\n");
    }

    fn end(mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Option<()> {
        for (name, value) in headers {
            self.header(name, value);
        }
        if status >= 300 {
            self.header("content-length", "0");
        }
        let head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n{}\r\n", self.head);
        self.stream.write_all(head.as_bytes()).ok()?;
        if self.has_body { self.stream.write_all(body).ok() } else { Some(()) }
    }
}

fn read(stream: &TcpStream, of_storage: bool) -> Option<Asked> {
    let mut lines = BufReader::new(stream.take(16 << 10)).lines().map_while(Result::ok);
    let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter_map(|line| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Some(Asked { of_storage, line, headers: headers.collect() })
}

pub(crate) fn digits(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
