//! Lies about when a run was made: answers to other challenges, challenges that were bent, receipts for something else.

use proofmark_reports::beacon::BeaconRound;
use proofmark_reports::document::{self, Document};
use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, did_key};
use serde_json::Value;

use super::{Attack, profile};
use crate::honest::network::{brief_answer, challenge, network, receipt, signed_by};
use crate::honest::{derive, operator, signed};

pub(super) const ATTACKS: &[Attack] = &[
    ("challenge_replayed", || answering(|c| c.nonce = Digest::of(b"last week"))),
    ("challenge_put_into_an_older_run", || {
        let mut older = brief_answer(&challenge(|c| c.nonce = Digest::of(b"last week")));
        older.challenge = profile().challenge;
        signed(older)
    }),
    ("challenge_of_ones_own", || {
        let mut profile = profile();
        profile.challenge = Challenge::SelfIssued { nonce: Digest::of(b"network") };
        derive(&mut profile);
        signed(profile)
    }),
    ("challenge_extended_by_the_operator", || bent(|c| c.expires_at = "2026-11-22T05:00:00Z".into())),
    ("challenge_without_proof", || bent(|c| c.proof = None)),
    ("challenge_in_anothers_name", || bent(|c| c.network = did_key::format(&operator().verifying_key()))),
    ("challenge_by_the_operator_in_the_networks_name", || {
        bent(|c| {
            let mut own = signed_by(
                NetworkChallenge {
                    network: did_key::format(&operator().verifying_key()),
                    proof: None,
                    ..c.clone()
                },
                &operator(),
            );
            own.network.clone_from(&c.network);
            *c = own;
        })
    }),
    ("challenge_of_another_kind", || bent(|c| c.kind = Receipt::KIND.into())),
    ("challenge_of_another_schema", || bent(|c| c.schema = "2.0.0".into())),
    ("challenge_for_another_suite", || answering(|c| c.suite = Digest::of(b"other"))),
    ("challenge_made_after_the_run", || answering(|c| c.not_before = "2026-11-21T04:05:01Z".into())),
    ("challenge_expired_before_the_end", || {
        answering(|c| {
            c.not_before = "2026-11-21T03:50:00Z".into();
            c.expires_at = "2026-11-21T03:56:49Z".into();
        })
    }),
    ("challenge_that_ends_before_it_begins", || answering(|c| c.expires_at = "2026-11-21T03:59:49Z".into())),
    ("challenge_of_no_time", || answering(|c| c.not_before = "yesterday".into())),
    ("challenge_with_a_beacon_of_another_round", || {
        answering(|c| c.beacon = Some(Beacon { round: 1001, ..round_1000() }))
    }),
    ("challenge_with_a_beacon_of_another_chain", || {
        answering(|c| c.beacon = Some(Beacon { chain: Digest::of(b"mine"), ..round_1000() }))
    }),
    ("challenge_with_a_beacon_of_its_future", || {
        answering(|c| {
            c.beacon = Some(round_1000());
            c.not_before = "2023-08-23T15:59:23Z".into();
        })
    }),
    ("challenge_with_a_beacon_and_a_point_of_small_order", || {
        answering(|c| {
            let signature = "abbaa2cd356c8b543308abe2c07d92facb092294f841b0c295786b635167aba148d4e2e86fedf3cf2c04c43b68a5aaee";
            c.beacon = Some(Beacon { signature: signature.into(), ..round_1000() });
        })
    }),
    ("receipt_edited", || {
        let mut edited = receipt(&profile(), |_| {});
        edited.received_at = "2026-11-21T04:01:53Z".into();
        document::write(&edited).unwrap()
    }),
    ("receipt_without_proof", || {
        document::write(&Receipt { proof: None, ..receipt(&profile(), |_| {}) }).unwrap()
    }),
    ("receipt_by_the_operator", || {
        let network = did_key::format(&operator().verifying_key());
        let own = Receipt { network, proof: None, ..receipt(&profile(), |_| {}) };
        document::write(&signed_by(own, &operator())).unwrap()
    }),
    ("receipt_of_another_profile", || received(|r| r.body_digest = Digest::of(b"other"))),
    ("receipt_for_another_challenge", || received(|r| r.challenge_digest = Digest::of(b"other"))),
    ("receipt_before_the_challenge", || received(|r| r.received_at = "2026-11-21T03:59:49Z".into())),
    ("receipt_before_the_end_of_the_run", || received(|r| r.received_at = "2026-11-21T03:56:49Z".into())),
    ("receipt_before_the_work_was_done", || received(|r| r.received_at = "2026-11-21T03:59:51Z".into())),
    ("receipt_after_the_challenge_expired", || received(|r| r.received_at = "2026-11-21T05:00:01Z".into())),
    ("receipt_of_no_time", || received(|r| r.received_at = "soon".into())),
];

/// A genuine round of drand quicknet, of 2023-08-23T15:59:24Z.
fn round_1000() -> Beacon {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/drand_quicknet.json")).unwrap();
    let served = vectors["rounds"].as_array().unwrap().iter().find(|round| round["round"] == 1000).unwrap();
    BeaconRound::from_json(served.to_string().as_bytes()).unwrap().beacon()
}

/// A profile that answers another challenge than the one it is held against.
fn answering(change: fn(&mut NetworkChallenge)) -> Vec<u8> {
    signed(brief_answer(&challenge(change)))
}

/// A profile whose operator bent the network's challenge after the network had signed it, and ran it so.
fn bent(change: fn(&mut NetworkChallenge)) -> Vec<u8> {
    let mut challenge = challenge(|_| {});
    change(&mut challenge);
    signed(brief_answer(&challenge))
}

/// A receipt that the network signed for something else.
fn received(change: fn(&mut Receipt)) -> Vec<u8> {
    let receipt = receipt(&profile(), change);
    assert_eq!(receipt.network, did_key::format(&network().verifying_key()));
    document::write(&receipt).unwrap()
}
