//! Whether a profile is what it claims: strict form, signature, and agreement with its own data.
//!
//! Verification recomputes whatever a profile derives: seeds and heads from the listed digests, rates, times and coverage
//! from the samples, self-checks from the suite. It lists every reason for a refusal, not the first. It cannot see a
//! lie that was recomputed consistently: digests are for an audit to run again, latencies for a network's receipt.

mod cells;
mod chains;
mod machine;
mod reason;
mod rounds;
mod sittings;
mod trials;

use ed25519_dalek::VerifyingKey;
use proofmark_workloads::Suite;
use serde_json::{Map, Value};

pub use reason::Reason;

use crate::schema::v1::{self, Profile};
use crate::{Digest, Timestamp, canonical_json, coverage, derived, did_key, proof};

/// A profile dated further ahead than this is refused; clocks differ a little.
const CLOCK_TOLERANCE: std::time::Duration = std::time::Duration::from_secs(300);

/// What a profile is held against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The suites that the verifier knows.
    pub suites: &'a [Suite],
    /// The verifier's clock.
    pub now: Timestamp,
}

/// The outcome of a verification.
#[derive(Clone, Debug)]
pub struct Verification {
    /// SHA-256 of the bytes.
    pub report_id: Digest,
    /// SHA-256 of the canonical form without proof: one signer can make many signatures of one body.
    pub body_digest: Option<Digest>,
    /// The profile, if its form could be read; not to be trusted unless [`Self::is_valid`].
    pub profile: Option<Profile>,
    /// Every reason for a refusal.
    pub reasons: Vec<Reason>,
}

impl Verification {
    /// Whether nothing speaks against the profile.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Verifies the bytes of a profile.
#[must_use]
pub fn verify(bytes: &[u8], context: Context<'_>) -> Verification {
    let mut verification =
        Verification { report_id: Digest::of(bytes), body_digest: None, profile: None, reasons: Vec::new() };
    if let Err(reason) = verification.check(bytes, context) {
        verification.reasons.push(reason);
    }
    verification
}

impl Verification {
    /// Collects reasons; returns early where nothing behind could be understood.
    fn check(&mut self, bytes: &[u8], context: Context<'_>) -> Result<(), Reason> {
        let mut tree = canonical_json::parse(bytes, canonical_json::Limits::default())?;
        check_version(&tree)?;
        let proof = tree.remove("proof");
        let tree = Value::Object(tree);
        let body = canonical_json::write(&tree).unwrap_or_default();
        self.body_digest = Some(Digest::of(&body));
        let profile = read_profile(tree, proof)?;
        if !is_complete(&profile, bytes) {
            return Err(Reason::Incomplete);
        }

        let key = did_key::parse(&profile.operator).map_err(Reason::Operator);
        match (&key, &profile.proof) {
            (Ok(key), Some(proof)) => {
                self.reasons.extend(proof::faults(proof, &body, key).into_iter().map(Reason::Proof));
            }
            (Err(reason), _) => self.reasons.push(reason.clone()),
            (Ok(_), None) => self.reasons.push(Reason::NoProof),
        }
        self.reasons.extend(machine::check(&profile));
        self.reasons.extend(sittings::check(&profile));
        self.check_times(&profile, context.now);
        self.check_content(&profile, key.ok(), context.suites);
        self.profile = Some(profile);
        Ok(())
    }

    fn check_times(&mut self, profile: &Profile, now: Timestamp) {
        let mut read = |member: &'static str, text: &str| {
            let time = text.parse::<Timestamp>();
            time.map_err(|error| self.reasons.push(Reason::Time { member, fact: error.to_string() })).ok()
        };
        let started = read("started_at", &profile.started_at);
        let finished = read("finished_at", &profile.finished_at);
        let created = profile.proof.as_ref().and_then(|proof| read("proof.created", &proof.created));

        if let (Some(started), Some(finished)) = (started, finished) {
            match finished.since(started) {
                None => {
                    let fact = "earlier than started_at".to_owned();
                    self.reasons.push(Reason::Time { member: "finished_at", fact });
                }
                Some(elapsed) => self.check_elapsed(profile, elapsed),
            }
        }
        if let (Some(finished), Some(created)) = (finished, created)
            && created < finished
        {
            let fact = "earlier than finished_at".to_owned();
            self.reasons.push(Reason::Time { member: "proof.created", fact });
        }
        let latest = now.checked_add(CLOCK_TOLERANCE);
        if let (Some(created), Some(latest)) = (created, latest)
            && created > latest
        {
            self.reasons
                .push(Reason::Time { member: "proof.created", fact: format!("in the future, it is {now}") });
        }
    }

    /// What is said to have been done one after another fits between start and finish.
    fn check_elapsed(&mut self, profile: &Profile, elapsed: std::time::Duration) {
        let of_round = |round: &v1::Round| -> u128 {
            let before = u128::from(round.load_ns) + u128::from(round.warm_up.duration_ns);
            round.latency_ns.iter().fold(before, |sum, latency| sum + u128::from(*latency))
        };
        let work = |cell: &v1::Cell| -> u128 {
            cell.rounds.iter().map(of_round).sum::<u128>() + trials::work_ns(cell)
        };
        let work_ns: u128 = profile.cells.iter().map(work).sum();
        // Both ends are whole seconds, rounded down.
        let elapsed_ns = elapsed.as_nanos() + 1_000_000_000;
        if work_ns > elapsed_ns {
            self.reasons.push(Reason::MoreWorkThanTime { work_ns, elapsed_ns });
        }
    }

    fn check_content(&mut self, profile: &Profile, key: Option<VerifyingKey>, suites: &[Suite]) {
        if profile.challenge.kind != "self_issued" {
            self.reasons.push(Reason::UnknownChallenge { kind: profile.challenge.kind.clone() });
        }
        let Some(suite) = suites.iter().find(|suite| suite.digest == profile.suite.digest) else {
            let known = suites.iter().map(|suite| format!("{} {}", suite.name, suite.version)).collect();
            self.reasons.push(Reason::UnknownSuite { digest: profile.suite.digest, known });
            return;
        };
        if (&profile.suite.name, &profile.suite.version) != (&suite.name, &suite.version) {
            let actual = format!("{} {}", profile.suite.name, profile.suite.version);
            let expected = format!("{} {}", suite.name, suite.version);
            self.reasons.push(Reason::SuiteName { actual, expected });
        }
        self.reasons.extend(cells::check(profile, suite, key));
        let derived: Vec<_> =
            profile.doubts.iter().filter(|doubt| derived::is_derived(doubt.kind)).cloned().collect();
        if derived != derived::run_doubts(&profile.cells) {
            let fact = "doubts are not those that the cells raise".to_owned();
            self.reasons.push(Reason::Machine { fact });
        }
        let expected = coverage::of_machine(suite, &profile.cells);
        if profile.coverage != expected {
            self.reasons.push(Reason::Coverage { at: first_difference(&profile.coverage, &expected) });
        }
    }
}

fn read_profile(mut tree: Value, proof: Option<Value>) -> Result<Profile, Reason> {
    if let (Value::Object(members), Some(proof)) = (&mut tree, proof) {
        members.insert("proof".to_owned(), proof);
    }
    serde_path_to_error::deserialize(tree)
        .map_err(|error| Reason::Schema { path: error.path().to_string(), fact: error.inner().to_string() })
}

/// Whether writing the profile gives its bytes again: a member left out instead of `null` would make a second form.
fn is_complete(profile: &Profile, bytes: &[u8]) -> bool {
    let value = serde_json::to_value(profile).unwrap_or_default();
    canonical_json::write(&value).is_ok_and(|written| written == bytes)
}

/// Kind and version, before anything else is read: a newer schema may have other members.
fn check_version(tree: &Map<String, Value>) -> Result<(), Reason> {
    let text = |member: &str| tree.get(member).and_then(Value::as_str).unwrap_or("absent").to_owned();
    if text("kind") != v1::KIND {
        return Err(Reason::UnknownKind { actual: text("kind") });
    }
    if text("schema") != v1::SCHEMA {
        return Err(Reason::UnknownSchema { actual: text("schema") });
    }
    Ok(())
}

/// The path of the first member in which two coverages differ.
fn first_difference(actual: &v1::Coverage, expected: &v1::Coverage) -> String {
    fn differ(path: String, a: &Value, b: &Value) -> Option<String> {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => b
                .iter()
                .find_map(|(key, b)| differ(format!("{path}.{key}"), a.get(key).unwrap_or(&Value::Null), b)),
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
                .iter()
                .zip(b)
                .enumerate()
                .find_map(|(index, (a, b))| differ(format!("{path}[{index}]"), a, b)),
            (Value::Array(a), Value::Array(b)) => {
                Some(format!("{path} has {} rows, recomputed {}", a.len(), b.len()))
            }
            _ => (a != b).then(|| format!("{path} is {a}, recomputed {b}").chars().take(300).collect()),
        }
    }
    let value = |coverage| serde_json::to_value(coverage).unwrap_or(Value::Null);
    differ("coverage".to_owned(), &value(actual), &value(expected)).unwrap_or_default()
}
