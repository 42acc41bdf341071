//! When a run was made: what a network's challenge and receipt bound, and what follows for its times.

use std::time::Duration;

use super::{CLOCK_TOLERANCE, Context, Reason};
use crate::document::{self, Opened};
use crate::schema::v1::{Cell, Challenge, NetworkChallenge, Profile, Receipt};
use crate::{Timestamp, profile};

/// Less of the elapsed time than this, in millionths, leaves room for another run.
const ACCOUNTED_PPM: u64 = 800_000;
const MILLION: u128 = 1_000_000;

/// What challenge and receipt prove, if the chain's links are honest (which an audit shows).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// From challenge to receipt, by the network's clock.
    pub elapsed_ns: u128,
    /// Timed iterations, none of which can have begun before the one before it had ended.
    pub steps: u64,
    /// What a step took at most in the mean: `elapsed_ns / steps`, rounded up; `None` without steps.
    pub mean_step_ns_at_most: Option<u128>,
    /// The recorded work, as a share of the elapsed time.
    pub accounted_ppm: u64,
    /// What that says of the recorded times.
    pub latency: LatencyStanding,
}

/// Whether the recorded times fill the time that the run can have taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyStanding {
    /// At least 80 % of it are recorded work: a run that was slower by more would not have fitted.
    Accounted,
    /// So much is unaccounted for that the requests may have taken longer than recorded.
    Unproven,
}

/// Every fault of challenge and receipt, and what they prove together.
pub(super) fn check(
    opened: &Opened<Profile>,
    work_ns: u128,
    context: &Context<'_>,
) -> (Vec<Reason>, Option<Proven>) {
    let mut faults = Faults(Vec::new());
    let answered = challenge(&opened.document, context.challenge, &mut faults);
    let proven = match (answered, context.receipt) {
        (Some(challenge), Some(receipt)) => receive(opened, challenge, receipt, work_ns, &mut faults),
        (None, Some(_)) => {
            faults.receipt("the profile answers no network's challenge, so nothing was received");
            None
        }
        (_, None) => None,
    };
    let proven = proven.filter(|_| faults.0.is_empty());
    (faults.0, proven)
}

struct Faults(Vec<Reason>);

impl Faults {
    fn challenge(&mut self, fact: impl Into<String>) {
        self.0.push(Reason::Challenge { fact: fact.into() });
    }

    fn receipt(&mut self, fact: impl Into<String>) {
        self.0.push(Reason::Receipt { fact: fact.into() });
    }
}

/// The network's challenge that the profile repeats, checked for itself and against the run and the one expected.
fn challenge<'a>(
    profile: &'a Profile,
    expected: Option<&NetworkChallenge>,
    faults: &mut Faults,
) -> Option<&'a NetworkChallenge> {
    let document = match (&profile.challenge, expected) {
        (Challenge::Network { document }, _) => document.as_ref(),
        (Challenge::SelfIssued { .. }, Some(_)) => {
            faults.challenge("the profile answers none: it is self-issued");
            return None;
        }
        (Challenge::SelfIssued { .. }, None) => return None,
    };
    for fault in document::faults(document) {
        faults.challenge(fault.to_string());
    }
    if document.network == profile.operator {
        faults.challenge("it is by the operator's own key, whose clock proves nothing");
    }
    if document.beacon.is_some() {
        faults.challenge("it names a beacon, which this version cannot check");
    }
    if expected.is_some_and(|expected| expected != document) {
        faults.challenge("the profile answers another one");
    }
    if document.suite != profile.suite.digest {
        faults.challenge(format!(
            "it asks for suite {}, the run is of {}",
            document.suite, profile.suite.digest
        ));
    }
    let [not_before, expires_at] =
        [("not_before", &document.not_before), ("expires_at", &document.expires_at)].map(|(member, text)| {
            text.parse::<Timestamp>().map_err(|error| faults.challenge(format!("{member} is {error}"))).ok()
        });
    if expires_at.zip(not_before).is_some_and(|(end, start)| end <= start) {
        faults.challenge("it expires before it begins");
    }
    // By the operator's clock, which may differ a little.
    let started =
        profile.started_at.parse::<Timestamp>().ok().and_then(|time| time.checked_add(CLOCK_TOLERANCE));
    if started.zip(not_before).is_some_and(|(started, not_before)| started < not_before) {
        faults.challenge("the run began before it was made");
    }
    let finished = profile.finished_at.parse::<Timestamp>().ok();
    let latest = expires_at.and_then(|time| time.checked_add(CLOCK_TOLERANCE));
    if finished.zip(latest).is_some_and(|(finished, latest)| finished > latest) {
        faults.challenge("the run ended after it had expired");
    }
    Some(document)
}

/// Holds a receipt against profile and challenge.
fn receive(
    opened: &Opened<Profile>,
    challenge: &NetworkChallenge,
    receipt: &Receipt,
    work_ns: u128,
    faults: &mut Faults,
) -> Option<Proven> {
    let run = &opened.document;
    for fault in document::faults(receipt) {
        faults.receipt(fault.to_string());
    }
    if receipt.network != challenge.network {
        faults.receipt("it is by another network than the challenge");
    }
    if receipt.body_digest != opened.body_digest {
        faults.receipt(format!(
            "it is of body {}, the profile's is {}",
            receipt.body_digest, opened.body_digest
        ));
    }
    if Some(receipt.challenge_digest) != profile::challenge_digest(&run.challenge).ok() {
        faults.receipt("it is for another challenge");
    }
    let received = match receipt.received_at.parse::<Timestamp>() {
        Ok(time) => time,
        Err(error) => {
            faults.receipt(format!("received_at is {error}"));
            return None;
        }
    };
    let not_before = challenge.not_before.parse::<Timestamp>().ok()?;
    if challenge.expires_at.parse::<Timestamp>().is_ok_and(|expires_at| received > expires_at) {
        faults.receipt(format!("it came after the challenge had expired at {}", challenge.expires_at));
    }
    let latest = received.checked_add(CLOCK_TOLERANCE);
    let finished = run.finished_at.parse::<Timestamp>().ok();
    if finished.zip(latest).is_some_and(|(finished, latest)| finished > latest) {
        faults.receipt("it is earlier than the run's end");
    }
    let Some(elapsed) = received.since(not_before) else {
        faults.receipt("it is earlier than the challenge");
        return None;
    };
    // Both ends are whole seconds, rounded down.
    let elapsed_ns = (elapsed + Duration::from_secs(1)).as_nanos();
    if work_ns > elapsed_ns {
        faults.receipt(format!(
            "{work_ns} ns of work are recorded, {elapsed_ns} ns lie between challenge and receipt"
        ));
        return None;
    }
    let steps: u64 = run.cells.iter().map(Cell::requests).sum();
    let accounted_ppm = u64::try_from(work_ns * MILLION / elapsed_ns).unwrap_or(0);
    Some(Proven {
        elapsed_ns,
        steps,
        mean_step_ns_at_most: (steps > 0).then(|| elapsed_ns.div_ceil(u128::from(steps))),
        accounted_ppm,
        latency: if accounted_ppm >= ACCOUNTED_PPM {
            LatencyStanding::Accounted
        } else {
            LatencyStanding::Unproven
        },
    })
}
