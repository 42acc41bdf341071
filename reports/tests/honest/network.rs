//! A network that asks for a run and confirms when it had the answer.

use super::*;
use proofmark_reports::document::{self, Document};

pub(crate) fn network() -> SigningKey {
    key::from_seed(&[7; 32])
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Signed by `key`, in the name that it says, when everything that the example tells of is over.
pub(crate) fn signed_by<D: Document>(document: D, key: &SigningKey) -> D {
    signed_at(document, "2026-11-21T05:00:00Z", key)
}

pub(crate) fn signed_at<D: Document>(document: D, created: &str, key: &SigningKey) -> D {
    document::open(&sign(document, time(created), key).unwrap()).unwrap().document
}

pub(crate) fn challenge(change: impl Fn(&mut NetworkChallenge)) -> NetworkChallenge {
    let mut challenge = NetworkChallenge {
        kind: NetworkChallenge::KIND.to_owned(),
        schema: NetworkChallenge::SCHEMA.to_owned(),
        network: did_key::format(&network().verifying_key()),
        suite: suite().digest,
        policy: Some("example/1".to_owned()),
        nonce: Digest::of(b"network"),
        not_before: "2026-11-21T03:59:50Z".to_owned(),
        expires_at: "2026-11-21T05:00:00Z".to_owned(),
        beacon: None,
        proof: None,
    };
    change(&mut challenge);
    signed_by(challenge, &network())
}

/// An honest profile that answers `challenge`.
pub(crate) fn answer(challenge: &NetworkChallenge) -> Profile {
    let mut profile = honest();
    profile.challenge = Challenge::Network { document: Box::new(challenge.clone()) };
    run(&mut profile);
    profile
}

/// As [`answer`], of one workload that generates and one that does not: short enough to be read.
pub(crate) fn brief_answer(challenge: &NetworkChallenge) -> Profile {
    let mut profile = honest();
    profile.challenge = Challenge::Network { document: Box::new(challenge.clone()) };
    profile.cells.retain(|cell| {
        ["chat-135m-exact-f32", "embed-documents-bge-exact-f32"].contains(&cell.workload.as_str())
    });
    derive(&mut profile);
    profile
}

pub(crate) fn receipt(profile: &Profile, change: impl Fn(&mut Receipt)) -> Receipt {
    let opened = document::open::<Profile>(&signed(profile.clone())).unwrap();
    let mut receipt = Receipt {
        kind: Receipt::KIND.to_owned(),
        schema: Receipt::SCHEMA.to_owned(),
        network: did_key::format(&network().verifying_key()),
        body_digest: opened.body_digest,
        challenge_digest: challenge_digest(&profile.challenge).unwrap(),
        received_at: "2026-11-21T04:01:52Z".to_owned(),
        proof: None,
    };
    change(&mut receipt);
    signed_by(receipt, &network())
}
