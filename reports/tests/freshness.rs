//! A network's challenge and receipt bound a run's time, and whoever bends them is refused.

mod honest;

use honest::network::*;
use honest::*;
use proofmark_reports::schema::v1::*;
use proofmark_reports::verify::{Context, LatencyStanding, Verification, verify};
use proofmark_reports::{Digest, did_key, words};

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
