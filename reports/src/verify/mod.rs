//! Whether a profile is what it claims: strict form, signature, and agreement with its own data.
//!
//! Verification recomputes whatever a profile derives: seeds and heads from the listed digests, rates, times and coverage
//! from the samples, self-checks from the suite. It lists every reason for a refusal, not the first. It cannot see a
//! lie that was recomputed consistently: digests are for an audit to run again, latencies for a network's receipt.

mod audits;
mod cells;
mod chains;
mod freshness;
mod machine;
mod reason;
mod rounds;
mod sittings;
mod statement;
mod trials;
mod work;

use ed25519_dalek::VerifyingKey;
use proofmark_workloads::Suite;
use serde_json::Value;

pub use audits::Audited;
pub use freshness::{LatencyStanding, Proven};
pub use reason::Reason;

use crate::beacon::BeaconRound;
use crate::document::{self, Opened};
use crate::schema::v1::{self, NetworkChallenge, Profile, Receipt};
use crate::{Digest, Timestamp, coverage, derived};

/// A profile dated further ahead than this is refused; clocks differ a little.
const CLOCK_TOLERANCE: std::time::Duration = std::time::Duration::from_secs(300);

/// What a profile is held against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The suites that the verifier knows.
    pub suites: &'a [Suite],
    /// The verifier's clock.
    pub now: Timestamp,
    /// The challenge that the profile must answer, if it must answer one.
    pub challenge: Option<&'a NetworkChallenge>,
    /// The network's receipt for the profile, if there is one.
    pub receipt: Option<&'a Receipt>,
    /// An envelope with the operator's in-toto statement about the profile, if there is one.
    pub statement: Option<&'a [u8]>,
    /// Envelopes with audits of the profile, by whomever the verifier believes.
    pub audits: &'a [&'a [u8]],
}

impl<'a> Context<'a> {
    /// Without challenge, receipt, statement and audits.
    #[must_use]
    pub fn new(suites: &'a [Suite], now: Timestamp) -> Self {
        Self { suites, now, challenge: None, receipt: None, statement: None, audits: &[] }
    }
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
    /// The round of drand in the challenge that the profile answers, if both hold: nothing was computed before its time.
    pub begun_after: Option<BeaconRound>,
    /// The audits that hold, also those that found differences.
    pub audits: Vec<Audited>,
    /// What challenge and receipt prove, if there are both and they hold.
    pub proven: Option<Proven>,
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
    let unread = |report_id| Verification {
        report_id,
        body_digest: None,
        profile: None,
        begun_after: None,
        audits: Vec::new(),
        proven: None,
        reasons: Vec::new(),
    };
    match document::open(bytes) {
        Ok(opened) => {
            let mut verification = unread(opened.digest);
            verification.check(opened, context);
            verification
        }
        Err(fault) => Verification { reasons: vec![fault.into()], ..unread(Digest::of(bytes)) },
    }
}

impl Verification {
    fn check(&mut self, opened: Opened<Profile>, context: Context<'_>) {
        let profile = &opened.document;
        let suite = context.suites.iter().find(|suite| suite.digest == profile.suite.digest);
        self.reasons.extend(opened.faults.iter().cloned().map(Reason::Document));
        self.reasons.extend(machine::check(profile));
        self.reasons.extend(sittings::check(profile));
        let work_ns = work::recorded_ns(profile, suite);
        self.check_times(profile, work_ns, context.now);
        let freshness = freshness::check(&opened, work_ns, &context);
        self.reasons.extend(freshness.reasons);
        (self.begun_after, self.proven) = (freshness.begun_after, freshness.proven);
        if let Some(envelope) = context.statement {
            self.reasons.extend(statement::check(&opened, self.report_id, envelope));
        }
        let (reasons, audits) = audits::check(&opened, self.report_id, work_ns, suite, &context);
        self.reasons.extend(reasons);
        self.audits = audits;
        match suite {
            Some(suite) => self.check_content(profile, opened.key, suite),
            None => {
                let known = context.suites.iter().map(|suite| format!("{} {}", suite.name, suite.version));
                self.reasons
                    .push(Reason::UnknownSuite { digest: profile.suite.digest, known: known.collect() });
            }
        }
        self.body_digest = Some(opened.body_digest);
        self.profile = Some(opened.document);
    }

    fn check_times(&mut self, profile: &Profile, work_ns: u128, now: Timestamp) {
        let mut read = |member: &'static str, text: &str| {
            let time = text.parse::<Timestamp>();
            time.map_err(|error| self.reasons.push(Reason::Time { member, fact: error.to_string() })).ok()
        };
        let started = read("started_at", &profile.started_at);
        let finished = read("finished_at", &profile.finished_at);
        // What is no time is a fault of the document.
        let created = profile.proof.as_ref().and_then(|proof| proof.created.parse::<Timestamp>().ok());

        if let (Some(started), Some(finished)) = (started, finished) {
            match finished.since(started) {
                None => {
                    let fact = "earlier than started_at".to_owned();
                    self.reasons.push(Reason::Time { member: "finished_at", fact });
                }
                Some(elapsed) => self.check_elapsed(work_ns, elapsed),
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
    fn check_elapsed(&mut self, work_ns: u128, elapsed: std::time::Duration) {
        // Both ends are whole seconds, rounded down.
        let elapsed_ns = elapsed.as_nanos() + 1_000_000_000;
        if work_ns > elapsed_ns {
            self.reasons.push(Reason::MoreWorkThanTime { work_ns, elapsed_ns });
        }
    }

    fn check_content(&mut self, profile: &Profile, key: Option<VerifyingKey>, suite: &Suite) {
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
