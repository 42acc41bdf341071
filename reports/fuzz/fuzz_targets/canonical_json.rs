//! What the strict parser accepts is what it writes, what an independent implementation writes, and what `serde_json` reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofmark_reports::canonical_json::{Limits, parse, write};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = parse(bytes, Limits::default()) else { return };
    let top = Value::Object(read.tree());
    assert_eq!(write(&top).as_deref(), Ok(bytes));
    let reference: Value = serde_json::from_slice(bytes).expect("what we read is JSON");
    assert_eq!(reference, top);
    assert_eq!(serde_json_canonicalizer::to_vec(&reference).expect("and canonical"), bytes);
});
