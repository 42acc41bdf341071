//! When a run was made: what a network's challenge and receipt bound, and what follows for its times.

use std::time::Duration;

use super::{CLOCK_TOLERANCE, Context, Reason};
use crate::beacon::BeaconRound;
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

/// What challenge and receipt show.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    /// Every fault of both.
    pub(super) reasons: Vec<Reason>,
    /// The round that the challenge repeats, if it holds: nobody knew it before its time, and the run's seeds depend on it.
    pub(super) begun_after: Option<BeaconRound>,
    /// What they prove together, if they hold.
    pub(super) proven: Option<Proven>,
}

pub(super) fn check(opened: &Opened<Profile>, work_ns: u128, context: &Context<'_>) -> Freshness {
    let mut faults = Vec::new();
    let (answered, begun_after) = challenge(&opened.document, context.challenge, &mut faults);
    let mut reasons: Vec<Reason> = faults.into_iter().map(|fact| Reason::Challenge { fact }).collect();
    let received = context.receipt.map(|receipt| receive(opened, answered, receipt, work_ns));
    let proven = match received {
        Some(Ok(proven)) => Some(proven).filter(|_| reasons.is_empty()),
        Some(Err(facts)) => {
            reasons.extend(facts.into_iter().map(|fact| Reason::Receipt { fact }));
            None
        }
        None => None,
    };
    Freshness { begun_after: begun_after.filter(|_| reasons.is_empty()), reasons, proven }
}

/// Every fact against a receipt for a profile.
pub(super) fn receipt_faults(opened: &Opened<Profile>, receipt: &Receipt, work_ns: u128) -> Vec<String> {
    let answered = match &opened.document.challenge {
        Challenge::Network { document } => Some(document.as_ref()),
        Challenge::SelfIssued { .. } => None,
    };
    receive(opened, answered, receipt, work_ns).err().unwrap_or_default()
}

/// The network's challenge that the profile repeats, checked for itself and against the run and the one expected.
fn challenge<'a>(
    profile: &'a Profile,
    expected: Option<&NetworkChallenge>,
    faults: &mut Vec<String>,
) -> (Option<&'a NetworkChallenge>, Option<BeaconRound>) {
    let document = match (&profile.challenge, expected) {
        (Challenge::Network { document }, _) => document.as_ref(),
        (Challenge::SelfIssued { .. }, Some(_)) => {
            faults.push("the profile answers none: it is self-issued".to_owned());
            return (None, None);
        }
        (Challenge::SelfIssued { .. }, None) => return (None, None),
    };
    faults.extend(document::faults(document).iter().map(ToString::to_string));
    if document.network == profile.operator {
        faults.push("it is by the operator's own key, whose clock proves nothing".to_owned());
    }
    if expected.is_some_and(|expected| expected != document) {
        faults.push("the profile answers another one".to_owned());
    }
    if document.suite != profile.suite.digest {
        faults.push(format!("it asks for suite {}, the run is of {}", document.suite, profile.suite.digest));
    }
    let [not_before, expires_at] =
        [("not_before", &document.not_before), ("expires_at", &document.expires_at)].map(|(member, text)| {
            text.parse::<Timestamp>().map_err(|error| faults.push(format!("{member} is {error}"))).ok()
        });
    if expires_at.zip(not_before).is_some_and(|(end, start)| end <= start) {
        faults.push("it expires before it begins".to_owned());
    }
    // By the operator's clock, which may differ a little.
    let started =
        profile.started_at.parse::<Timestamp>().ok().and_then(|time| time.checked_add(CLOCK_TOLERANCE));
    if started.zip(not_before).is_some_and(|(started, not_before)| started < not_before) {
        faults.push("the run began before it was made".to_owned());
    }
    let finished = profile.finished_at.parse::<Timestamp>().ok();
    let latest = expires_at.and_then(|time| time.checked_add(CLOCK_TOLERANCE));
    if finished.zip(latest).is_some_and(|(finished, latest)| finished > latest) {
        faults.push("the run ended after it had expired".to_owned());
    }
    let round = document.beacon.as_ref().map(BeaconRound::verify).transpose();
    let round = round.map_err(|fault| faults.push(format!("beacon: {fault}"))).ok().flatten();
    if let Some((round, not_before)) = round.zip(not_before)
        && round.time() > not_before
    {
        faults.push(format!("drand round {} was not known before {}", round.number(), round.time()));
    }
    (Some(document), round)
}

/// What a receipt proves of the answer to a challenge, or every fact against it.
fn receive(
    opened: &Opened<Profile>,
    challenge: Option<&NetworkChallenge>,
    receipt: &Receipt,
    work_ns: u128,
) -> Result<Proven, Vec<String>> {
    let Some(challenge) = challenge else {
        return Err(vec!["the profile answers no network's challenge, so nothing was received".to_owned()]);
    };
    let run = &opened.document;
    let mut faults: Vec<String> = document::faults(receipt).iter().map(ToString::to_string).collect();
    if receipt.network != challenge.network {
        faults.push("it is by another network than the challenge".to_owned());
    }
    if receipt.body_digest != opened.body_digest {
        faults
            .push(format!("it is of body {}, the profile's is {}", receipt.body_digest, opened.body_digest));
    }
    if Some(receipt.challenge_digest) != profile::challenge_digest(&run.challenge).ok() {
        faults.push("it is for another challenge".to_owned());
    }
    let received = receipt.received_at.parse::<Timestamp>();
    let received = received.map_err(|error| faults.push(format!("received_at is {error}"))).ok();
    let created = receipt.proof.as_ref().and_then(|proof| proof.created.parse::<Timestamp>().ok());
    if received.zip(created).is_some_and(|(received, created)| created < received) {
        faults.push("it was signed before the answer came".to_owned());
    }
    let elapsed_ns = received.and_then(|received| elapsed_ns(run, challenge, received, work_ns, &mut faults));
    match elapsed_ns {
        Some(elapsed_ns) if faults.is_empty() => Ok(Proven::of(run, work_ns, elapsed_ns)),
        // Without a time there is a fault: of the receipt, or of the challenge.
        _ => Err(faults),
    }
}

/// From challenge to receipt, if that was possible.
fn elapsed_ns(
    run: &Profile,
    challenge: &NetworkChallenge,
    received: Timestamp,
    work_ns: u128,
    faults: &mut Vec<String>,
) -> Option<u128> {
    let not_before = challenge.not_before.parse::<Timestamp>().ok()?;
    if challenge.expires_at.parse::<Timestamp>().is_ok_and(|expires_at| received > expires_at) {
        faults.push(format!("it came after the challenge had expired at {}", challenge.expires_at));
    }
    let latest = received.checked_add(CLOCK_TOLERANCE);
    let finished = run.finished_at.parse::<Timestamp>().ok();
    if finished.zip(latest).is_some_and(|(finished, latest)| finished > latest) {
        faults.push("it is earlier than the run's end".to_owned());
    }
    let Some(elapsed) = received.since(not_before) else {
        faults.push("it is earlier than the challenge".to_owned());
        return None;
    };
    // Both ends are whole seconds, rounded down.
    let elapsed_ns = (elapsed + Duration::from_secs(1)).as_nanos();
    if work_ns > elapsed_ns {
        faults.push(format!(
            "{work_ns} ns of work are recorded, {elapsed_ns} ns lie between challenge and receipt"
        ));
    }
    Some(elapsed_ns)
}

impl Proven {
    fn of(run: &Profile, work_ns: u128, elapsed_ns: u128) -> Self {
        let steps: u64 = run.cells.iter().map(Cell::requests).sum();
        let accounted_ppm = u64::try_from(work_ns * MILLION / elapsed_ns).unwrap_or(0);
        Self {
            elapsed_ns,
            steps,
            mean_step_ns_at_most: (steps > 0).then(|| elapsed_ns.div_ceil(u128::from(steps))),
            accounted_ppm,
            latency: if accounted_ppm >= ACCOUNTED_PPM {
                LatencyStanding::Accounted
            } else {
                LatencyStanding::Unproven
            },
        }
    }
}
