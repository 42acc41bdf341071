//! No damage to an honest document is accepted, and none makes a reader panic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;
mod mutation;

use std::sync::LazyLock;

use honest::network::{brief_answer, challenge, receipt};
use honest::{check, signed};
use mutation::{Mutation, mutations};
use proofmark_reports::document::{self, Document};
use proofmark_reports::schema::v1::{NetworkChallenge, Receipt};
use proptest::prelude::*;

static PROFILE: LazyLock<Vec<u8>> = LazyLock::new(|| signed(brief_answer(&challenge(|_| {}))));
static CHALLENGE: LazyLock<Vec<u8>> = LazyLock::new(|| document::write(&challenge(|_| {})).unwrap());
static RECEIPT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let profile = brief_answer(&challenge(|_| {}));
    document::write(&receipt(&profile, |_| {})).unwrap()
});

fn is_accepted<D: Document>(bytes: &[u8]) -> bool {
    document::open::<D>(bytes).is_ok_and(|opened| opened.faults.is_empty())
}

#[test]
fn undamaged_documents_are_accepted() {
    assert!(check(&PROFILE).is_valid());
    assert!(is_accepted::<NetworkChallenge>(&CHALLENGE));
    assert!(is_accepted::<Receipt>(&RECEIPT));
}

#[test]
fn each_byte_of_a_challenge_and_a_receipt_counts() {
    for (bytes, is_accepted) in [
        (&*CHALLENGE, is_accepted::<NetworkChallenge> as fn(&[u8]) -> bool),
        (&*RECEIPT, is_accepted::<Receipt>),
    ] {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(!is_accepted(&damaged), "byte {at}, bit {bit}");
            }
            let without = [&bytes[..at], &bytes[at + 1..]].concat();
            assert!(!is_accepted(&without), "without byte {at}");
            let twice = [&bytes[..=at], &bytes[at..]].concat();
            assert!(!is_accepted(&twice), "byte {at} twice");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_profile_is_refused(mutations in mutations(3)) {
        let damaged = Mutation::apply_all(&mutations, &PROFILE);
        prop_assert_eq!(check(&damaged).is_valid(), damaged == *PROFILE);
    }

    #[test]
    fn a_damaged_challenge_is_refused(mutations in mutations(3)) {
        let damaged = Mutation::apply_all(&mutations, &CHALLENGE);
        prop_assert_eq!(is_accepted::<NetworkChallenge>(&damaged), damaged == *CHALLENGE);
    }

    #[test]
    fn a_damaged_receipt_is_refused(mutations in mutations(3)) {
        let damaged = Mutation::apply_all(&mutations, &RECEIPT);
        prop_assert_eq!(is_accepted::<Receipt>(&damaged), damaged == *RECEIPT);
    }
}
