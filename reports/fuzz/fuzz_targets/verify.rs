//! Verification ends on whatever bytes, and refuses a profile whose signature does not hold.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use proofmark_reports::schema::v1::Profile;
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Timestamp, document};
use proofmark_workloads::{Suite, embedded};

static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(embedded);

fuzz_target!(|bytes: &[u8]| {
    let now: Timestamp = "2026-11-21T05:00:00Z".parse().expect("a time");
    let verification = verify(bytes, Context::new(&SUITES, now));
    let opened = document::open::<Profile>(bytes);
    assert_eq!(opened.is_ok(), verification.profile.is_some());
    if let Ok(opened) = opened {
        assert!(opened.faults.is_empty() || !verification.is_valid());
    }
});
