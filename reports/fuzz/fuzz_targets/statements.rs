//! An envelope ends on whatever bytes, and what a stranger signs about a profile neither breaks nor mends it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use proofmark_reports::audit::AuditPredicate;
use proofmark_reports::in_toto::{self, PAYLOAD_TYPE, Predicate};
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::schema::v1::ProfileSummary;
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Timestamp, dsse};
use proofmark_workloads::{Suite, embedded};

/// Signed by its operator, and refused for what it says.
const PROFILE: &[u8] = include_bytes!("../../tests/hostile/capacity_raised/input.json");
static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(embedded);
static STRANGER: LazyLock<SigningKey> = LazyLock::new(|| key::from_seed(&[11; 32]));

fuzz_target!(|bytes: &[u8]| {
    let signed = dsse::sign(bytes, PAYLOAD_TYPE, &STRANGER);
    let now: Timestamp = "2026-11-21T05:00:00Z".parse().expect("a time");
    for envelope in [Some(bytes), signed.as_deref().ok()].into_iter().flatten() {
        let kinds = [is_read::<AuditPredicate>(envelope), is_read::<ProfileSummary>(envelope)];
        assert_ne!(kinds, [true, true]);
        let context = Context { audits: &[envelope], statement: Some(envelope), ..Context::new(&SUITES, now) };
        assert!(!verify(PROFILE, context).is_valid());
    }
});

/// What is read is written back as the same bytes under the same key.
fn is_read<P: Predicate>(envelope: &[u8]) -> bool {
    let Ok(attested) = in_toto::open::<P>(envelope) else { return false };
    if attested.signer == STRANGER.verifying_key() {
        let again = in_toto::sign(attested.statement, &STRANGER).expect("it was read");
        assert_eq!(again, envelope);
    }
    true
}
