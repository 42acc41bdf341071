//! A network's challenge and receipt bound a run's time, and whoever bends them is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;

use honest::network::*;
use honest::*;
use proofmark_reports::beacon::BeaconRound;
use proofmark_reports::schema::v1::*;
use proofmark_reports::verify::{Context, LatencyStanding, Verification, verify};
use proofmark_reports::{Digest, did_key, words};
use serde_json::Value;

fn held_against(
    profile: &Profile,
    challenge: Option<&NetworkChallenge>,
    receipt: Option<&Receipt>,
) -> Verification {
    let suites = [suite()];
    let context = Context::new(&suites, time("2026-11-21T05:00:00Z"));
    verify(&signed(profile.clone()), Context { challenge, receipt, ..context })
}

#[track_caller]
fn refused(verification: &Verification, expected: &str) {
    let reasons: Vec<String> = verification.reasons.iter().map(ToString::to_string).collect();
    assert_refused(&reasons, expected);
    assert_eq!(verification.proven, None);
}

#[test]
fn challenge_and_receipt_bound_the_mean_step() {
    let challenge = challenge(|_| {});
    let profile = answer(&challenge);
    let receipt = receipt(&profile, |_| {});
    let verification = held_against(&profile, Some(&challenge), Some(&receipt));
    assert_eq!(verification.reasons, []);
    let proven = verification.proven.unwrap();
    // 122 s, and one for what rounding took; 20 cells of 6 rounds of 4 steps.
    assert_eq!((proven.elapsed_ns, proven.steps), (123_000_000_000, 480));
    assert_eq!(proven.mean_step_ns_at_most, Some(256_250_000));
    assert_eq!(proven.latency, LatencyStanding::Unproven);
    let told = words::proven(&proven, &challenge.network);
    assert!(
        told[0].contains(&challenge.network) && told[0].contains("480 steps") && told[1].contains("unproven"),
        "{told:?}"
    );
    // Without a receipt the challenge alone holds, and nothing is proven of the time.
    let verification = held_against(&profile, Some(&challenge), None);
    assert_eq!((verification.reasons, verification.proven), (Vec::new(), None));
}

#[test]
fn times_count_once_the_recorded_work_fills_the_elapsed_time() {
    let challenge = challenge(|_| {});
    let mut profile = answer(&challenge);
    for round in profile.cells.iter_mut().flat_map(|cell| &mut cell.rounds) {
        round.load_ns += 200_000_000;
    }
    run(&mut profile);
    let proven = held_against(&profile, None, Some(&receipt(&profile, |_| {}))).proven.unwrap();
    assert!((800_000..1_000_000).contains(&proven.accounted_ppm), "{proven:?}");
    assert_eq!(proven.latency, LatencyStanding::Accounted);
}

#[test]
fn a_challenge_that_does_not_hold_is_refused() {
    type Change = fn(&mut NetworkChallenge);
    for (change, expected) in [
        ((|c| c.suite = Digest::of(b"other")) as Change, "challenge: it asks for suite"),
        (|c| c.not_before = "2026-11-21T04:05:01Z".to_owned(), "challenge: the run began before it was made"),
        (
            |c| {
                c.not_before = "2026-11-21T03:50:00Z".to_owned();
                c.expires_at = "2026-11-21T03:56:49Z".to_owned();
            },
            "challenge: the run ended after it had expired",
        ),
        (|c| c.expires_at = "2026-11-21T03:59:50Z".to_owned(), "challenge: it expires before it begins"),
        (|c| c.not_before = "yesterday".to_owned(), "challenge: not_before is `yesterday`"),
    ] {
        refused(&held_against(&answer(&challenge(change)), None, None), expected);
    }
    let mut forged = challenge(|_| {});
    forged.expires_at = "2026-11-22T05:00:00Z".to_owned();
    refused(&held_against(&answer(&forged), None, None), "challenge: the signature does not match");
    forged.proof = None;
    refused(&held_against(&answer(&forged), None, None), "challenge: proof is absent");
    let mut renamed = challenge(|_| {});
    renamed.network = did_key::format(&operator().verifying_key());
    refused(&held_against(&answer(&renamed), None, None), "challenge: proof.verificationMethod");
}

#[test]
fn the_answer_to_another_challenge_is_refused() {
    let (asked, replayed) = (challenge(|_| {}), challenge(|c| c.nonce = Digest::of(b"last week")));
    refused(
        &held_against(&answer(&replayed), Some(&asked), None),
        "challenge: the profile answers another one",
    );
    refused(&held_against(&honest(), Some(&asked), None), "challenge: the profile answers none");
    // The echo put into a run that was made before: the chain begins elsewhere.
    let mut late = honest();
    late.challenge = Challenge::Network { document: Box::new(asked.clone()) };
    refused(&held_against(&late, Some(&asked), None), "seed_0 of round 0 does not follow");
}

#[test]
fn a_receipt_that_does_not_hold_is_refused() {
    let challenge = challenge(|_| {});
    let profile = answer(&challenge);
    type Change = fn(&mut Receipt);
    for (change, expected) in [
        ((|r| r.body_digest = Digest::of(b"other")) as Change, "receipt: it is of body"),
        (|r| r.challenge_digest = Digest::of(b"other"), "receipt: it is for another challenge"),
        (
            |r| r.received_at = "2026-11-21T05:00:01Z".to_owned(),
            "receipt: it came after the challenge had expired",
        ),
        (|r| r.received_at = "2026-11-21T03:59:49Z".to_owned(), "receipt: it is earlier than the challenge"),
        (|r| r.received_at = "2026-11-21T03:56:49Z".to_owned(), "receipt: it is earlier than the run's end"),
        (|r| r.received_at = "2026-11-21T04:00:10Z".to_owned(), "ns of work are recorded"),
        (|r| r.received_at = "soon".to_owned(), "receipt: received_at is `soon`"),
    ] {
        refused(&held_against(&profile, None, Some(&receipt(&profile, change))), expected);
    }
    let foreign = |receipt: Receipt| {
        let network = did_key::format(&operator().verifying_key());
        signed_by(Receipt { network, proof: None, ..receipt }, &operator())
    };
    let foreign = foreign(receipt(&profile, |_| {}));
    refused(&held_against(&profile, None, Some(&foreign)), "receipt: it is by another network");
    let mut edited = receipt(&profile, |_| {});
    edited.received_at = "2026-11-21T04:01:51Z".to_owned();
    refused(&held_against(&profile, None, Some(&edited)), "receipt: the signature does not match");
    let early = receipt(&profile, |_| {});
    let early = signed_at(Receipt { proof: None, ..early }, "2026-11-21T04:01:51Z", &network());
    refused(&held_against(&profile, None, Some(&early)), "receipt: it was signed before the answer came");
    let own = honest();
    refused(&held_against(&own, None, Some(&receipt(&own, |_| {}))), "answers no network's challenge");
}

#[test]
fn a_challenge_by_the_operator_proves_nothing() {
    let own = |mut challenge: NetworkChallenge| {
        challenge.network = did_key::format(&operator().verifying_key());
        signed_by(NetworkChallenge { proof: None, ..challenge }, &operator())
    };
    refused(&held_against(&answer(&own(challenge(|_| {}))), None, None), "by the operator's own key");
}

/// A challenge that repeats a genuine round, of 2026-06-30T07:09:24Z, before it is changed.
fn with_a_beacon(change: impl Fn(&mut NetworkChallenge)) -> NetworkChallenge {
    let vectors: Value = serde_json::from_str(include_str!("vectors/drand_quicknet.json")).unwrap();
    let served = vectors["rounds"].as_array().unwrap().last().unwrap().to_string();
    let beacon = BeaconRound::from_json(served.as_bytes()).unwrap().beacon();
    challenge(|c| {
        c.beacon = Some(beacon.clone());
        change(c);
    })
}

#[test]
fn a_beacon_says_before_when_nothing_was_computed() {
    let challenge = with_a_beacon(|_| {});
    let verification = held_against(&answer(&challenge), Some(&challenge), None);
    assert_eq!(verification.reasons, []);
    let round = verification.begun_after.unwrap();
    assert_eq!((round.number(), round.time()), (30_000_000, time("2026-06-30T07:09:24Z")));
    let told = words::begun_after(&round);
    assert!(told.starts_with("nothing was computed before 2026-06-30T07:09:24Z"), "{told}");
    assert_eq!(held_against(&honest(), None, None).begun_after, None);
    // In the second of the round itself.
    let at_once = with_a_beacon(|c| c.not_before = "2026-06-30T07:09:24Z".to_owned());
    assert_eq!(held_against(&answer(&at_once), None, None).reasons, []);
}

#[test]
fn a_beacon_that_does_not_hold_is_refused() {
    type Change = fn(&mut Beacon);
    for (change, expected) in [
        ((|b| b.round += 1) as Change, "challenge: beacon: the signature is not that of round 30000001"),
        (|b| b.chain = Digest::of(b"mine"), "challenge: beacon: chain is"),
        (|b| b.signature.make_ascii_uppercase(), "challenge: beacon: signature is not 96 lower-case"),
        (|b| b.signature.replace_range(..2, "a1"), "challenge: beacon: the signature is not that of round"),
    ] {
        let verification =
            held_against(&answer(&with_a_beacon(|c| change(c.beacon.as_mut().unwrap()))), None, None);
        refused(&verification, expected);
        assert_eq!((verification.reasons.len(), verification.begun_after), (1, None));
    }
    // The network dates its challenge back behind a number that nobody knew yet.
    let dated_back = with_a_beacon(|c| c.not_before = "2026-06-30T07:09:23Z".to_owned());
    refused(
        &held_against(&answer(&dated_back), None, None),
        "challenge: drand round 30000000 was not known before 2026-06-30T07:09:24Z",
    );
    // Another reason against the challenge: then its beacon says nothing either.
    let late = with_a_beacon(|c| c.not_before = "2026-11-21T04:05:01Z".to_owned());
    assert_eq!(held_against(&answer(&late), None, None).begun_after, None);
}
