//! A challenge or a receipt that is read is written back as the same bytes, and no byte string is both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofmark_reports::document::{self, Document};
use proofmark_reports::schema::v1::{NetworkChallenge, Receipt};

fuzz_target!(|bytes: &[u8]| {
    let kinds = [is_read::<NetworkChallenge>(bytes), is_read::<Receipt>(bytes)];
    assert_ne!(kinds, [true, true]);
});

fn is_read<D: Document>(bytes: &[u8]) -> bool {
    let Ok(opened) = document::open::<D>(bytes) else { return false };
    assert_eq!(document::write(&opened.document).expect("it was read"), bytes);
    assert_eq!(document::faults(&opened.document), opened.faults);
    true
}
