//! Fetching from a hub that works, and from hubs that do not: a file is in the cache as it must be, or not at all.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod loopback_hub;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loopback_hub::{Fault, LoopbackHub, REPO, REVISION, digits};
use proofmark_models::hub::{Hub, HubError, HubProgress, HubSettings, Network, Patience, Token};
use proofmark_models::weights::{Init, Weights};
use proofmark_models::{Pin, Pins, Precision};
use tempfile::TempDir;

const SHARDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/llama_bias_linear_rope");
const SHARD: &str = "model-00001-of-00003.safetensors";

/// A hub with a model, and an empty cache.
struct Place {
    hub: LoopbackHub,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { hub: LoopbackHub::of(SHARDED), folder: tempfile::tempdir().unwrap() }
    }

    fn settings(&self) -> HubSettings {
        HubSettings {
            cache: self.folder.path().to_owned(),
            endpoint: self.hub.endpoint(),
            token: Some(Token::new("hf_secret".to_owned())),
            network: Network::Online,
            proxy: None,
            patience: Patience {
                silence: Duration::from_millis(300),
                request: Duration::from_secs(5),
                attempts: 3,
                pause: Duration::from_millis(1),
            },
        }
    }

    /// The pins of the files whose names end so.
    fn pins(&self, end: &str) -> Pins {
        let files = self.hub.files().filter(|(name, ..)| name.ends_with(end) && *name != "io.safetensors");
        files.map(|(name, size_bytes, sha256)| (name.to_owned(), Pin { size_bytes, sha256 })).collect()
    }

    fn fetch(&self, end: &str) -> Result<PathBuf, HubError> {
        self.fetch_with(&self.settings(), &self.pins(end))
    }

    fn fetch_with(&self, settings: &HubSettings, pins: &Pins) -> Result<PathBuf, HubError> {
        Hub::new(settings)?.fetch(REPO, REVISION, pins, &mut |_| {})
    }

    fn fault(&self, fault: Fault, times: u32) -> Result<PathBuf, HubError> {
        self.hub.break_with(fault, times);
        self.fetch(SHARD)
    }

    fn offline(&self) -> HubSettings {
        HubSettings { network: Network::Offline, ..self.settings() }
    }

    /// All files of the cache but locks, as paths.
    fn cached(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.folder.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_none_or(|suffix| suffix != "lock") {
                    files.push(path.strip_prefix(self.folder.path()).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    fn blob(&self, name: &str) -> PathBuf {
        self.folder.path().join("models--org--tiny/blobs").join(name)
    }
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(Path::new(SHARDED).join(name)).unwrap()
}

#[test]
fn a_model_has_the_layout_that_python_reads_and_is_used() {
    let place = Place::new();
    let mut pins = place.pins(".safetensors");
    pins.extend(place.pins(".json"));
    let folder = place.fetch_with(&place.settings(), &pins).unwrap();
    assert_eq!(folder, place.folder.path().join(format!("models--org--tiny/snapshots/{REVISION}")));
    for (name, blob) in
        [(SHARD, digits(&bytes(SHARD))), ("config.json", digits(&bytes("config.json"))[..40].to_owned())]
    {
        let link = fs::read_link(folder.join(name)).unwrap();
        assert_eq!(link, Path::new("../../blobs").join(blob));
        assert_eq!(fs::read(folder.join(name)).unwrap(), bytes(name));
    }
    assert_eq!(place.cached().len(), 2 * pins.len(), "{:?}", place.cached());

    let digest = |weights: Weights| {
        weights.root().child("model").tensor("norm.weight", &[48], Init::Scale).unwrap();
        weights.digest()
    };
    let hub = Weights::hub(&folder, &pins, Precision::F32).unwrap();
    assert_eq!(hub.source_name(), "hub");
    assert_eq!(digest(hub), digest(Weights::local(Path::new(SHARDED), Precision::F32).unwrap()));
}

#[test]
fn what_the_cache_has_is_checked_and_not_asked_for_again() {
    let place = Place::new();
    place.fetch(SHARD).unwrap();
    assert_eq!(place.hub.asked().len(), 3);
    let mut checked = 0;
    let mut observer = |progress: HubProgress<'_>| {
        if let HubProgress::Checking { done_bytes, .. } = progress {
            checked = done_bytes;
        }
    };
    Hub::new(&place.settings()).unwrap().fetch(REPO, REVISION, &place.pins(SHARD), &mut observer).unwrap();
    assert_eq!((place.hub.asked().len(), checked), (0, bytes(SHARD).len() as u64));
}

#[test]
fn what_python_or_a_copy_put_there_is_used() {
    let place = Place::new();
    let snapshot = place.folder.path().join(format!("models--org--tiny/snapshots/{REVISION}"));
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(place.blob("")).unwrap();
    fs::write(place.blob("any-name"), bytes(SHARD)).unwrap();
    symlink("../../blobs/any-name", snapshot.join(SHARD)).unwrap();
    fs::write(snapshot.join("config.json"), bytes("config.json")).unwrap();
    let mut pins = place.pins(SHARD);
    pins.extend(place.pins("config.json"));
    assert_eq!(place.fetch_with(&place.offline(), &pins).unwrap(), snapshot);
}

#[test]
fn a_blob_of_another_revision_is_linked_and_not_fetched_again() {
    let place = Place::new();
    fs::create_dir_all(place.blob("")).unwrap();
    fs::write(place.blob(&digits(&bytes(SHARD))), bytes(SHARD)).unwrap();
    place.fetch(SHARD).unwrap();
    assert!(place.hub.asked().iter().all(|asked| asked.line.starts_with("HEAD ")));
    assert!(place.fetch_with(&place.offline(), &place.pins(SHARD)).is_ok());
}

#[test]
fn offline_nothing_is_asked_and_what_is_missing_is_named() {
    let place = Place::new();
    let error = place.fetch_with(&place.offline(), &place.pins(SHARD)).unwrap_err();
    assert!(matches!(&error, HubError::Offline { path, .. } if path == SHARD), "{error}");
    assert!(place.hub.asked().is_empty());
}

#[test]
fn a_download_that_breaks_off_is_resumed_where_it_broke_off() {
    let place = Place::new();
    place.fault(Fault::Truncated(1000), 2).unwrap();
    let ranges: Vec<_> = place.hub.asked().iter().map(|asked| asked.headers.get("range").cloned()).collect();
    // Head; then hub and storage for each of three requests.
    assert_eq!(ranges.len(), 7);
    assert_eq!(ranges[4].as_deref(), Some("bytes=1000-"));
    assert_eq!(ranges[6].as_deref(), Some("bytes=2000-"));
    assert!(place.fetch_with(&place.offline(), &place.pins(SHARD)).is_ok());
}

#[test]
fn a_download_that_was_given_up_is_resumed_by_the_next_program() {
    let place = Place::new();
    let error = place.fault(Fault::Truncated(1000), 3).unwrap_err();
    assert!(matches!(&error, HubError::Unreachable { reason, .. } if !reason.is_empty()), "{error}");
    assert_eq!(
        fs::metadata(place.blob(&format!("{}.incomplete", digits(&bytes(SHARD))))).unwrap().len(),
        3000
    );
    place.hub.asked();
    place.fetch(SHARD).unwrap();
    assert_eq!(place.hub.asked()[1].headers["range"], "bytes=3000-");
    assert_eq!(place.cached().len(), 2);
}

#[test]
fn a_hub_that_ignores_ranges_sends_all_and_nothing_is_there_twice() {
    let place = Place::new();
    fs::create_dir_all(place.blob("")).unwrap();
    fs::write(place.blob(&format!("{}.incomplete", digits(&bytes(SHARD)))), &bytes(SHARD)[..500]).unwrap();
    place.fault(Fault::RangeIgnored, 1).unwrap();
    assert_eq!(fs::read(place.blob(&digits(&bytes(SHARD)))).unwrap(), bytes(SHARD));
}

#[test]
fn a_hub_that_ignores_ranges_and_breaks_off_is_given_up() {
    let size = 4 << 20;
    let files = [(SHARD.to_owned(), vec![1; size])].into();
    let place = Place { hub: LoopbackHub::with(files), folder: tempfile::tempdir().unwrap() };
    // Each answer brings three quarters, from the beginning.
    place.hub.break_with(Fault::AllTruncated(size / 4 * 3), 99);
    assert!(matches!(place.fetch(SHARD), Err(HubError::Unreachable { .. })));
    let asked = place.hub.asked();
    // One that brought something, and three that brought nothing more.
    assert_eq!(asked.iter().filter(|asked| asked.of_storage).count(), 4);
}

#[test]
fn a_hub_that_sends_another_part_is_asked_for_all() {
    let place = Place::new();
    fs::create_dir_all(place.blob("")).unwrap();
    fs::write(place.blob(&format!("{}.incomplete", digits(&bytes(SHARD)))), &bytes(SHARD)[..500]).unwrap();
    place.fault(Fault::OtherPart, 1).unwrap();
    assert!(place.fetch_with(&place.offline(), &place.pins(SHARD)).is_ok());
}

#[test]
fn what_an_earlier_download_left_of_another_file_costs_one_more_download() {
    let place = Place::new();
    fs::create_dir_all(place.blob("")).unwrap();
    let incomplete = place.blob(&format!("{}.incomplete", digits(&bytes(SHARD))));
    for left in [vec![7; 500], vec![7; bytes(SHARD).len()], vec![7; 1 << 20]] {
        fs::write(&incomplete, left).unwrap();
        place.fetch(SHARD).unwrap();
        assert_eq!(place.cached().len(), 2);
        fs::remove_dir_all(place.folder.path().join("models--org--tiny/snapshots")).unwrap();
        fs::remove_file(place.blob(&digits(&bytes(SHARD)))).unwrap();
    }
}

#[test]
fn bytes_with_another_digest_are_thrown_away() {
    let place = Place::new();
    let error = place.fault(Fault::Garbled, 9).unwrap_err();
    assert!(matches!(&error, HubError::Digest { reason, .. } if reason.contains("expected")), "{error}");
    assert!(place.cached().is_empty(), "{:?}", place.cached());
}

#[test]
fn a_file_that_the_hub_itself_calls_another_is_not_even_fetched() {
    let place = Place::new();
    let mut pins = place.pins(SHARD);
    pins.get_mut(SHARD).unwrap().sha256[0] ^= 1;
    let error = place.fetch_with(&place.settings(), &pins).unwrap_err();
    assert!(
        matches!(&error, HubError::Answer { reason, .. } if reason.starts_with("its SHA-256 is")),
        "{error}"
    );
    pins.get_mut(SHARD).unwrap().size_bytes += 1;
    let error = place.fetch_with(&place.settings(), &pins).unwrap_err();
    assert!(matches!(&error, HubError::Answer { reason, .. } if reason.starts_with("it has ")), "{error}");
    assert!(place.hub.asked().iter().all(|asked| asked.line.starts_with("HEAD ")));
    assert!(place.cached().is_empty());
}

#[test]
fn the_token_is_shown_to_the_hub_alone() {
    let place = Place::new();
    place.fetch(SHARD).unwrap();
    let asked = place.hub.asked();
    assert!(asked.iter().any(|asked| asked.of_storage));
    for asked in asked {
        let token = asked.headers.get("authorization").map(String::as_str);
        assert_eq!(token, (!asked.of_storage).then_some("Bearer hf_secret"), "{asked:?}");
    }
}

#[test]
fn statuses_that_stay_are_told_and_those_that_pass_are_borne() {
    let place = Place::new();
    for status in [401, 403] {
        let error = place.fault(Fault::Status(status), 1).unwrap_err();
        let HubError::Refused { status: said, .. } = error else { panic!("{error}") };
        assert_eq!(said, format!("{status}, Refused"));
    }
    assert!(matches!(place.fault(Fault::Status(404), 1), Err(HubError::Missing { .. })));
    assert!(matches!(place.fault(Fault::Status(418), 1), Err(HubError::Answer { .. })));
    for status in [429, 500, 502, 503, 504] {
        place.hub.asked();
        let error = place.fault(Fault::Status(status), 9).unwrap_err();
        let HubError::Unreachable { reason, .. } = error else { panic!("{error}") };
        assert_eq!(reason, format!("it answers {status}, Refused"));
        assert_eq!(place.hub.asked().len(), 3);
    }
    place.fault(Fault::Status(429), 2).unwrap();
}

#[test]
fn a_file_without_a_usable_etag_is_called_by_its_digest() {
    for etag in ["", "../../../evil", "/tmp/evil", "abc"] {
        let place = Place::new();
        place.fault(Fault::Etag(etag), 9).unwrap();
        let digest = digits(&bytes(SHARD));
        // The storage's own etag is not asked for: the redirect is not followed, or is to another place.
        assert_eq!(place.cached().len(), 2, "{etag}: {:?}", place.cached());
        let blobs: Vec<String> = place.cached().into_iter().filter(|path| path.contains("blobs")).collect();
        assert!(blobs[0].ends_with(&digest) || blobs[0].ends_with(&digest[..40]), "{etag}: {blobs:?}");
    }
}

#[test]
fn a_length_that_is_not_the_files_is_refused_before_a_byte_is_kept() {
    let place = Place::new();
    for more in [-1, 1, 1 << 40] {
        let error = place.fault(Fault::Length(more), 1).unwrap_err();
        assert!(
            matches!(&error, HubError::Answer { reason, .. } if reason.contains("bytes are to come")),
            "{error}"
        );
    }
}

#[test]
fn a_body_without_end_is_read_no_further_than_the_file_is_long() {
    let place = Place::new();
    place.fault(Fault::Endless, 1).unwrap();
    assert_eq!(fs::read(place.blob(&digits(&bytes(SHARD)))).unwrap(), bytes(SHARD));
}

#[test]
fn a_hub_that_falls_silent_costs_no_more_than_its_time() {
    let place = Place::new();
    let started = Instant::now();
    place.fault(Fault::Silent(2000), 1).unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    let error = place.fetch_with(
        &HubSettings { cache: place.folder.path().join("other"), ..place.settings() },
        &place.pins("00002-of-00003.safetensors"),
    );
    assert!(error.is_ok());
    let gone = HubSettings { endpoint: "http://127.0.0.1:9".to_owned(), ..place.settings() };
    let error = place.fetch_with(&gone, &place.pins("config.json")).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
}

#[test]
fn redirects_that_lead_nowhere_are_refused() {
    let place = Place::new();
    let same = "/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model-00001-of-00003.safetensors";
    for to in ["file:///etc/passwd", "", "ftp://host/x", "http://", "nowhere", same] {
        let error = place.fault(Fault::Redirect(to), 99).unwrap_err();
        assert!(
            matches!(&error, HubError::Answer { reason, .. } if reason.contains("lead") || reason.contains("redirects")),
            "{to}: {error}"
        );
    }
    assert!(place.cached().iter().all(|path| path.ends_with(".incomplete")));
}

#[test]
fn an_answer_about_another_commit_is_refused() {
    let error = Place::new().fault(Fault::OtherCommit, 1).unwrap_err();
    assert!(matches!(&error, HubError::Answer { reason, .. } if reason.contains("commit ffff")), "{error}");
}

#[test]
fn a_file_that_went_bad_in_the_cache_is_refused_offline_and_fetched_anew_online() {
    let place = Place::new();
    place.fetch(SHARD).unwrap();
    let blob = place.blob(&digits(&bytes(SHARD)));
    let mut bad = bytes(SHARD);
    bad[9] ^= 1;
    fs::write(&blob, &bad).unwrap();
    let error = place.fetch_with(&place.offline(), &place.pins(SHARD)).unwrap_err();
    assert!(matches!(&error, HubError::Cached(_)) && error.to_string().contains("SHA-256"), "{error}");
    assert_eq!(fs::read(&blob).unwrap(), bad, "what others put there is not deleted");
    place.fetch(SHARD).unwrap();
    assert_eq!(fs::read(&blob).unwrap(), bytes(SHARD));
}

#[test]
fn two_programs_at_once_fetch_a_file_once() {
    let place = Place::new();
    std::thread::scope(|scope| {
        let programs: Vec<_> = (0..4).map(|_| scope.spawn(|| place.fetch(SHARD).unwrap())).collect();
        programs.into_iter().for_each(|program| drop(program.join().unwrap()));
    });
    let asked = place.hub.asked();
    assert_eq!(asked.iter().filter(|asked| asked.of_storage).count(), 1, "{asked:?}");
}

#[test]
fn sizes_and_digests_are_asked_for() {
    let place = Place::new();
    let hub = Hub::new(&place.settings()).unwrap();
    for (path, pin) in place.pins(".json").iter().chain(&place.pins(".safetensors")) {
        assert_eq!(hub.ask(REPO, REVISION, path, &mut |_| {}).unwrap(), *pin, "{path}");
    }
    // Large files are never fetched for it.
    assert!(place.hub.asked().iter().all(|asked| !asked.of_storage));
    assert!(place.cached().is_empty());
    let error = hub.ask(REPO, REVISION, "absent.json", &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("(404, EntryNotFound)"), "{error}");
    let offline = Hub::new(&place.offline()).unwrap();
    assert!(matches!(offline.ask(REPO, REVISION, SHARD, &mut |_| {}), Err(HubError::Offline { .. })));
}

#[test]
fn an_endpoint_that_is_no_url_of_http_is_refused() {
    let place = Place::new();
    for endpoint in ["", "huggingface.co", "ftp://hub", "http://", "https://me:secret@hub", "https://hub?x=1"]
    {
        let settings = HubSettings { endpoint: endpoint.to_owned(), ..place.settings() };
        assert!(matches!(Hub::new(&settings), Err(HubError::Endpoint(_))), "{endpoint}");
    }
}

#[test]
fn weights_with_another_digest_or_none_are_not_used() {
    let place = Place::new();
    let mut pins = place.pins(".safetensors");
    pins.extend(place.pins(".json"));
    let folder = place.fetch_with(&place.settings(), &pins).unwrap();
    let open = |pins: &Pins| Weights::hub(&folder, pins, Precision::F32).unwrap_err().to_string();
    for name in [SHARD, "model.safetensors.index.json"] {
        let mut wrong = pins.clone();
        wrong.get_mut(name).unwrap().sha256[31] ^= 1;
        let error = open(&wrong);
        assert!(error.contains(&format!("{name} is damaged: its SHA-256 is")), "{error}");
    }
    let mut fewer = pins.clone();
    fewer.remove(SHARD);
    assert!(open(&fewer).ends_with(&format!("{SHARD} is not among the files whose digests are known")));
}

#[test]
fn a_gguf_file_is_checked_and_used_beside_others_that_python_fetched() {
    let gguf = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gguf");
    let place = Place { hub: LoopbackHub::of(gguf), folder: tempfile::tempdir().unwrap() };
    let mut pins = place.pins(".gguf");
    pins.extend(place.pins("config.json"));
    let folder = place.fetch_with(&place.settings(), &pins).unwrap();
    fs::write(folder.join("other.gguf"), "another quantisation").unwrap();

    let blocks = |weights: Weights| {
        let scope = weights.root().child("model.layers.0.mlp.up_proj");
        scope.q8_0_blocks("weight", &[64, 256]).unwrap().unwrap()
    };
    let hub = Weights::hub(&folder, &pins, Precision::Q8).unwrap();
    assert_eq!(hub.source_name(), "hub");
    assert_eq!(blocks(hub), blocks(Weights::local(Path::new(gguf), Precision::Q8).unwrap()));

    pins.get_mut("model.gguf").unwrap().sha256[0] ^= 1;
    let error = Weights::hub(&folder, &pins, Precision::Q8).unwrap_err().to_string();
    assert!(error.contains("model.gguf is damaged: its SHA-256 is"), "{error}");
    let unpinned = Weights::hub(&folder, &Pins::new(), Precision::Q8).unwrap_err().to_string();
    assert!(
        unpinned.ends_with("model.safetensors is not among the files whose digests are known"),
        "{unpinned}"
    );
}
