//! Where attacks begin: honest runs of a suite that takes little time and has answers enough to draw from.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use proofmark_reports::Digest;
use proofmark_reports::audit::KeptOutput;
use proofmark_reports::document;
use proofmark_reports::key;
use proofmark_reports::schema::v1::{Challenge, NetworkChallenge, Profile};
use proofmark_workloads::Suite;

use super::Forger;
use super::answers::{Answers, Source};
use super::cheats::Cheat;
use crate::place::{DATA, Place};

const SUITE: [&str; 2] = ["--suite", "tiny.toml"];

/// Answers of each cell: no more than an audit lists mismatches of, so that it names every place that differs.
pub(crate) const ANSWERS_A_CELL: u64 = 16;

/// An honest run, in a folder where the program can be run against what is made of it.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) forger: Forger,
    /// What the run kept of its outputs.
    pub(crate) kept: Vec<KeptOutput>,
}

impl Scene {
    /// Without a network. All that seeds depend on is fixed, so that exact answers are the same on every machine.
    pub(crate) fn self_issued(numerics: &str) -> Self {
        let place = Self::place();
        place.certified(&["--numerics", numerics, "--threads", "1"]);
        let mut scene = Self { forger: Forger::of(&place), place, kept: Vec::new() };
        let fixed = |profile: &mut Profile| {
            profile.machine.commitment = Digest::of(b"red team's machine");
            profile.harness.binary_digest = Digest::of(b"red team's program");
            profile.challenge = self_issued("today");
        };
        let mut answers = Answers::default();
        let bytes =
            scene.forger.forge_with(fixed, |asked| answers.answer(asked, Source::Model(Cheat::Honest)));
        scene.forger.profile = document::open(&bytes).unwrap().document;
        scene.kept = answers.kept;
        scene
    }

    /// In answer to `challenge.json` of a network, whose key is in the same folder.
    pub(crate) fn asked() -> Self {
        let place = Self::place();
        let asked = place.proofmark(&[&["challenge", "new"], &SUITE[..]].concat());
        assert!(asked.status.success(), "{}", place.told(&asked));
        place.certified(&["--numerics", "exact", "--threads", "1", "--challenge", "challenge.json"]);
        Self { forger: Forger::of(&place), place, kept: Vec::new() }
    }

    /// Another challenge of the network.
    pub(crate) fn asked_again(&self) -> Challenge {
        let arguments = ["challenge", "new", "--out", "another.json"];
        let asked = self.place.proofmark(&[&arguments[..], &SUITE].concat());
        assert!(asked.status.success(), "{}", self.place.told(&asked));
        let bytes = fs::read(self.place.path("another.json")).unwrap();
        Challenge::Network {
            document: Box::new(document::open::<NetworkChallenge>(&bytes).unwrap().document),
        }
    }

    /// With the suite and the operator's key.
    pub(crate) fn place() -> Place {
        let place = Place::new();
        fs::write(place.path("tiny.toml"), suite()).unwrap();
        let keys = place.path("state/proofmark/keys");
        fs::create_dir_all(&keys).unwrap();
        let key = keys.join("operator.pem");
        fs::write(&key, key::to_pem(&key::from_seed(&[7; 32])).unwrap()).unwrap();
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
        place
    }
}

/// The tiny suite with sixteen answers a cell, without trials, whose number depends on the machine, and with a decoder that does not
/// repeat what it reads: with tied embeddings of random weights any model would generate the same tokens.
fn suite() -> &'static str {
    static SUITE: OnceLock<String> = OnceLock::new();
    SUITE.get_or_init(|| {
        let mut suite = fs::read_to_string(format!("{DATA}/tiny.toml")).unwrap();
        for (from, to) in [
            (", max_batch = 4", ""),
            ("tie_word_embeddings = true", "tie_word_embeddings = false"),
            ("min_iterations = 3", "min_iterations = 4"),
            ("max_iterations = 3", "max_iterations = 8"),
            // So long that it takes a false warm-up to fix fewer iterations than eight.
            ("measure_ms = 20\n", "measure_ms = 200000\n"),
        ] {
            assert!(suite.contains(from), "{from}");
            suite = suite.replace(from, to);
        }
        with_golden_digests(&suite)
    })
}

/// The other decoder has other golden digests.
fn with_golden_digests(suite: &str) -> String {
    let place = Place::new();
    fs::write(place.path("tiny.toml"), suite).unwrap();
    let checked = place.proofmark(&[&["self-check", "--output", "json"], &SUITE[..]].concat());
    let computed: BTreeMap<String, String> = serde_json::from_slice(&checked.stdout).unwrap();
    let workloads = Suite::parse("tiny.toml", suite).unwrap().workloads;
    let stated = workloads.iter().filter_map(|workload| Some((&workload.id, workload.self_check?)));
    stated.fold(suite.to_owned(), |suite, (id, digest)| suite.replace(&digest.to_string(), &computed[id]))
}

/// A number that the operator chose.
pub(crate) fn self_issued(day: &str) -> Challenge {
    Challenge::SelfIssued { nonce: Digest::of(day.as_bytes()) }
}
