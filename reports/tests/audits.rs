//! An audit is accepted with the profile that it is about, if it checked what its random number drew and says what follows from that.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;

use honest::network::{answer, challenge, receipt, signed_by};
use honest::*;
use proofmark_reports::audit::*;
use proofmark_reports::beacon::BeaconRound;
use proofmark_reports::document;
use proofmark_reports::in_toto::{self, Statement};
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::schema::v1::*;
use proofmark_reports::verify::{Context, Verification, verify};
use proofmark_reports::{Digest, did_key, words};
use proptest::prelude::*;
use serde_json::{Value, json};

const VECTORS: &str = include_str!("vectors/drand_quicknet.json");

fn auditor() -> SigningKey {
    key::from_seed(&[11; 32])
}

/// A genuine round.
fn round(number: u64) -> BeaconRound {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let rounds = vectors["rounds"].as_array().unwrap();
    let served = rounds.iter().find(|round| round["round"] == number).unwrap();
    BeaconRound::from_json(served.to_string().as_bytes()).unwrap()
}

fn private(nonce: &[u8]) -> Randomness {
    Randomness::Private { nonce: Digest::of(nonce) }
}

/// A profile that was received two seconds before round 1000 of drand quicknet, and its receipt.
fn received() -> (Profile, Receipt) {
    let asked = challenge(|c| {
        c.not_before = "2023-08-23T15:57:20Z".to_owned();
        c.expires_at = "2023-08-23T17:00:00Z".to_owned();
    });
    let mut profile = answer(&asked);
    profile.started_at = "2023-08-23T15:57:30Z".to_owned();
    profile.sittings[0].started_at.clone_from(&profile.started_at);
    profile.finished_at = "2023-08-23T15:59:20Z".to_owned();
    let receipt = receipt(&profile, |r| r.received_at = "2023-08-23T15:59:22Z".to_owned());
    (profile, receipt)
}

/// What an auditor who finds no difference says: exact cells are checked, native ones skipped.
fn audit(profile: &Profile, randomness: &Randomness, answers_a_cell: u64) -> AuditPredicate {
    let bytes = signed(profile.clone());
    let body_digest = document::open::<Profile>(&bytes).unwrap().body_digest;
    let seed = audit_seed(body_digest, &randomness.number().0);
    let (nonce, beacon, receipt) = randomness.stated();
    let mut audit = AuditPredicate {
        report_id: Digest::of(&bytes),
        body_digest,
        beacon,
        receipt,
        nonce,
        answers_a_cell,
        indices: Vec::new(),
        skipped: Vec::new(),
        steps_checked: 0,
        steps_total: 0,
        steps_mismatched: 0,
        mismatches: Vec::new(),
        duration_ns: 1_000_000_000,
        original_duration_ns: 110_000_000_000,
        isa: "avx2".to_owned(),
        audited_at: "2026-11-21T04:30:00Z".to_owned(),
    };
    for (index, cell) in (0..).zip(&profile.cells) {
        let count = answers(cell).len() as u64;
        let workload = cell.workload.clone();
        audit.steps_total += count;
        if cell.numerics == "native" {
            audit.skipped.push(SkippedCell { cell: index, workload, reason: "native".to_owned() });
            continue;
        }
        let places = sample(seed, index, count, answers_a_cell);
        let tenth_missed_ppm = tenth_missed_ppm(count, places.len() as u64);
        audit.steps_checked += places.len() as u64;
        audit.indices.push(CheckedCell {
            cell: index,
            workload,
            answers: count,
            places,
            mismatched: 0,
            tolerance: None,
            tenth_missed_ppm,
        });
    }
    audit
}

/// A difference found at the first checked place.
fn difference(profile: &Profile, audit: &AuditPredicate) -> AnswerMismatch {
    let CheckedCell { cell, places, .. } = &audit.indices[0];
    let stated = answers(&profile.cells[*cell as usize])[places[0] as usize].digest;
    AnswerMismatch {
        cell: *cell,
        place: places[0],
        stated,
        computed: Some(Digest::of(b"another")),
        distance_ppm: None,
    }
}

/// Adds a difference at the first checked place.
fn differ(profile: &Profile, audit: &mut AuditPredicate) {
    audit.mismatches.push(difference(profile, audit));
    audit.indices[0].mismatched = 1;
    audit.steps_mismatched = 1;
}

fn attested(audit: AuditPredicate, key: &SigningKey) -> Vec<u8> {
    let statement =
        Statement { name: "profile.json".to_owned(), report_id: audit.report_id, predicate: audit };
    in_toto::sign(statement, key).unwrap()
}

fn held_against(profile: &Profile, envelopes: &[Vec<u8>]) -> Verification {
    let audits: Vec<&[u8]> = envelopes.iter().map(Vec::as_slice).collect();
    let suites = [suite()];
    let context = Context::new(&suites, "2026-11-21T05:00:00Z".parse().unwrap());
    verify(&signed(profile.clone()), Context { audits: &audits, ..context })
}

fn told(verification: &Verification) -> Vec<String> {
    verification.reasons.iter().map(ToString::to_string).collect()
}

/// The reasons are these and no others, in this order, each told of the first audit.
#[track_caller]
fn assert_facts(verification: &Verification, expected: &[&str]) {
    let told = told(verification);
    let auditor = did_key::format(&auditor().verifying_key());
    let prefix = format!("audit 1 by {auditor}: ");
    assert_eq!(told.len(), expected.len(), "expected {expected:?}: {told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(&prefix) && told.contains(expected), "expected `{expected}`: {told}");
    }
    assert_eq!(verification.audits, []);
}

#[test]
fn a_private_audit_is_accepted_and_told() {
    let profile = honest();
    let audit = audit(&profile, &private(b"mine"), 2);
    let verification = held_against(&profile, &[attested(audit.clone(), &auditor())]);
    assert_eq!(told(&verification), [""; 0]);
    let [audited] = &verification.audits[..] else { panic!("{:?}", verification.audits) };
    assert_eq!(audited.predicate, audit);
    let lines = words::audited(audited);
    let auditor = did_key::format(&auditor().verifying_key());
    assert!(lines[0].starts_with(&format!("by {auditor}: 22 of ")), "{lines:?}");
    assert!(lines[0].ends_with(" answers, of 11 cells; 0 differ, 9 cells skipped"), "{lines:?}");
    assert!(lines[1].starts_with("private: "), "{lines:?}");
    // 2 of the 116 answers of the cell that was searched: C(104, 2) / C(116, 2).
    assert!(lines[2].ends_with("with a probability of at most 80.3 %"), "{lines:?}");
}

#[test]
fn a_public_audit_is_accepted_with_the_first_round_after_the_receipt() {
    let (profile, receipt) = received();
    let randomness = Randomness::public(round(1000), receipt.clone()).unwrap();
    let envelope = attested(audit(&profile, &randomness, 3), &auditor());
    let verification = held_against(&profile, &[envelope]);
    assert_eq!(told(&verification), [""; 0]);
    let line = words::drawn(&verification.audits[0].randomness);
    assert_eq!(
        line,
        "public: drand round 1000 of 2023-08-23T15:59:24Z drew the answers, the first after the receipt of \
         2023-08-23T15:59:22Z"
    );
    let fault = Randomness::public(round(1005), receipt).unwrap_err();
    assert!(fault.to_string().contains("round 1000 is the first after"), "{fault}");
}

#[test]
fn an_audit_that_is_bent_is_refused_for_each_fact() {
    type Change = fn(&mut AuditPredicate);
    let profile = honest();
    let cases: [(Change, &[&str]); 33] = [
        (|a| a.body_digest = Digest::of(b"other"), &["body_digest is"]),
        (|a| a.nonce = None, &["neither a nonce alone nor a beacon with a receipt"]),
        // A number that draws what the auditor would rather check.
        (|a| a.nonce = Some(Digest::of(b"other")), &["not those that its random number draws"; 11]),
        (|a| a.answers_a_cell = 3, &["not those that its random number draws"; 11]),
        (|a| a.indices[0].places[1] += 1, &["the places of cell 0 are not those"]),
        (|a| a.indices[0].places.swap(0, 1), &["the places of cell 0 are not those"]),
        (|a| a.indices[0].answers += 1, &["cell 0 has 24 answers, it says 25"]),
        (|a| a.indices[0].tenth_missed_ppm = 1, &["tenth_missed_ppm of cell 0 is not what 2 of 24 answers"]),
        (|a| a.indices[0].workload.push('x'), &["cell 0 is called"]),
        (|a| a.skipped[0].workload.push('x'), &["is called"]),
        (|a| a.steps_checked += 1, &["steps_checked is 23, recomputed 22"]),
        (|a| a.steps_total += 1, &["steps_total is"]),
        (|a| a.original_duration_ns += 1, &["original_duration_ns is"]),
        (|a| drop(a.skipped.pop()), &["is neither checked nor skipped"]),
        (
            |a| {
                let cell = a.indices.remove(0);
                a.steps_checked -= cell.places.len() as u64;
                a.steps_mismatched = 0;
                a.mismatches.clear();
            },
            &["cell 0 is neither checked nor skipped"],
        ),
        (
            |a| {
                a.indices.insert(0, a.indices[0].clone());
                a.steps_checked += 2;
                a.steps_mismatched += 1;
            },
            &["indices does not ascend", "cell 0 is listed 2 times"],
        ),
        (
            |a| {
                let CheckedCell { cell, workload, .. } = a.indices[0].clone();
                a.skipped.insert(0, SkippedCell { cell, workload, reason: "both".to_owned() });
            },
            &["cell 0 is listed 2 times"],
        ),
        (|a| a.skipped.swap(0, 1), &["skipped does not ascend"]),
        (
            |a| {
                let mut more = a.skipped[0].clone();
                more.cell = 99;
                a.skipped.push(more);
            },
            &["cell 99 was not measured"],
        ),
        (
            |a| {
                a.answers_a_cell = 0;
                (a.steps_checked, a.steps_mismatched) = (0, 0);
                a.mismatches.clear();
                for cell in &mut a.indices {
                    cell.places.clear();
                    cell.mismatched = 0;
                    cell.tenth_missed_ppm = 1_000_000;
                }
            },
            &["no answer was checked"],
        ),
        (|a| a.audited_at = "2026-11-21T03:56:49Z".to_owned(), &["audited_at is earlier than the run's end"]),
        (|a| a.audited_at = "2026-11-21T05:05:01Z".to_owned(), &["audited_at is in the future"]),
        (|a| a.audited_at = "today".to_owned(), &["audited_at is `today`"]),
        (
            |a| a.mismatches.push(a.mismatches[0].clone()),
            &["mismatches does not ascend", "cell 0 has 1 mismatches at 2 places, and 2 are listed"],
        ),
        (|a| a.steps_mismatched = 0, &["steps_mismatched is 0, recomputed 1"]),
        (|a| a.mismatches.clear(), &["cell 0 has 1 mismatches at 2 places, and 0 are listed"]),
        (
            |a| (a.indices[0].mismatched, a.steps_mismatched) = (3, 3),
            &["mismatches at 2 places, and 1 are listed"],
        ),
        (
            |a| a.indices[0].tolerance = Some(Tolerance { tolerance_ppm: 30, largest_distance_ppm: 1 }),
            &["tolerance_ppm of cell 0 is 30, expected none", "native numerics have a distance"],
        ),
        (|a| a.mismatches[0].distance_ppm = Some(31), &["native numerics have a distance"]),
        (|a| a.mismatches[0].stated = Digest::of(b"other"), &["stated is not what the profile states"]),
        (|a| a.mismatches[0].computed = Some(a.mismatches[0].stated), &["both digests are the same"]),
        (
            |a| a.mismatches[0].place = 1 << 40,
            &["it was not checked", "place 1099511627776 of cell 0: there is no such answer"],
        ),
        (
            |a| a.mismatches[0].cell = 99,
            &["and 0 are listed", "of cell 99: it was not checked", "of cell 99: there is no such answer"],
        ),
    ];
    for (change, expected) in cases {
        let mut bent = audit(&profile, &private(b"mine"), 2);
        differ(&profile, &mut bent);
        change(&mut bent);
        assert_facts(&held_against(&profile, &[attested(bent, &auditor())]), expected);
    }
}

#[test]
fn a_native_cell_is_checked_by_its_tolerance() {
    let profile = honest();
    let checked = |change: fn(&mut CheckedCell), mismatch: Option<u64>| {
        let mut audit = audit(&profile, &private(b"mine"), 2);
        let SkippedCell { cell, workload, .. } = audit.skipped.remove(0);
        let count = answers(&profile.cells[cell as usize]).len() as u64;
        let seed = audit_seed(audit.body_digest, &Digest::of(b"mine").0);
        let places = sample(seed, cell, count, 2);
        audit.steps_checked += 2;
        let tolerance = Some(Tolerance { tolerance_ppm: 30, largest_distance_ppm: 2 });
        let tenth_missed_ppm = tenth_missed_ppm(count, 2);
        let mut added = CheckedCell {
            cell,
            workload,
            answers: count,
            places,
            mismatched: 0,
            tolerance,
            tenth_missed_ppm,
        };
        change(&mut added);
        audit.steps_mismatched = added.mismatched;
        audit.mismatches.extend(mismatch.map(|distance_ppm| {
            let place = added.places[0];
            let stated = answers(&profile.cells[cell as usize])[place as usize].digest;
            AnswerMismatch { cell, place, stated, computed: None, distance_ppm: Some(distance_ppm) }
        }));
        audit.indices.push(added);
        audit.indices.sort_by_key(|checked| checked.cell);
        held_against(&profile, &[attested(audit, &auditor())])
    };
    assert_eq!(told(&checked(|_| {}, None)), [""; 0]);
    let beyond = |checked: &mut CheckedCell| {
        checked.mismatched = 1;
        checked.tolerance.as_mut().unwrap().largest_distance_ppm = 31;
    };
    assert!(told(&checked(beyond, Some(31)))[0].ends_with("1 of 24 answers differ"));
    let unsaid = |checked: &mut CheckedCell| checked.tolerance.as_mut().unwrap().largest_distance_ppm = 31;
    assert_facts(&checked(unsaid, None), &["beyond its tolerance, and nothing in it differs"]);
    // An auditor may not be laxer than everybody else, nor compare bits.
    let lax = |checked: &mut CheckedCell| checked.tolerance.as_mut().unwrap().tolerance_ppm = 1_000_000;
    assert_facts(&checked(lax, None), &["is 1000000, expected 30"]);
    assert_facts(&checked(|checked| checked.tolerance = None, None), &["is none, expected 30"]);
}

#[test]
fn an_audit_about_another_file_is_refused() {
    let profile = honest();
    let mut other = audit(&profile, &private(b"mine"), 2);
    other.report_id = Digest::of(b"other");
    let verification = held_against(&profile, &[attested(other, &auditor())]);
    assert_facts(&verification, &["subject is", "report_id is"]);
}

#[test]
fn a_public_audit_whose_sample_was_chosen_is_refused() {
    let (profile, receipt) = received();
    let public = |round: BeaconRound, receipt: &Receipt| Randomness::Public {
        round,
        receipt: Box::new(receipt.clone()),
    };
    let refused = |randomness: &Randomness, change: &dyn Fn(&mut AuditPredicate), expected: &[&str]| {
        let mut audit = audit(&profile, randomness, 2);
        change(&mut audit);
        assert_facts(&held_against(&profile, &[attested(audit, &auditor())]), expected);
    };
    let genuine = public(round(1000), &receipt);
    // A later round that draws better, and an earlier one that was known.
    for other in [1005, 1020, 1] {
        refused(&public(round(other), &receipt), &|_| {}, &["round 1000 is the first after the receipt of"]);
    }
    // The signature of another round under this one's number.
    let signature = round(1005).beacon().signature;
    let forged = |a: &mut AuditPredicate| a.beacon.as_mut().unwrap().signature.clone_from(&signature);
    refused(&genuine, &forged, &["beacon: the signature is not that of round 1000"]);
    let chain = |a: &mut AuditPredicate| a.beacon.as_mut().unwrap().chain = Digest::of(b"mine");
    refused(&genuine, &chain, &["beacon: chain is"]);
    // Half a source, and two.
    let sources = "neither a nonce alone nor a beacon with a receipt";
    refused(&genuine, &|a| a.receipt = None, &[sources]);
    refused(&genuine, &|a| a.beacon = None, &[sources]);
    refused(&genuine, &|a| a.nonce = Some(Digest::of(b"mine")), &[sources]);
    let early = |a: &mut AuditPredicate| a.audited_at = "2023-08-23T15:54:23Z".to_owned();
    refused(&genuine, &early, &["audited_at is earlier than the beacon's round"]);

    // A receipt that was moved so that another round is the first, or is another's.
    let moved = Receipt { received_at: "2023-08-23T15:59:37Z".to_owned(), ..receipt.clone() };
    refused(&public(round(1005), &moved), &|_| {}, &["receipt: the signature does not match"]);
    let change = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = Receipt { proof: None, ..receipt.clone() };
        change(&mut changed);
        signed_by(changed, &network::network())
    };
    let of_another = change(&|r| r.body_digest = Digest::of(b"other"));
    refused(&public(round(1000), &of_another), &|_| {}, &["receipt: it is of body"]);
    let to_another = change(&|r| r.challenge_digest = Digest::of(b"other"));
    refused(&public(round(1000), &to_another), &|_| {}, &["receipt: it is for another challenge"]);
    let timeless = change(&|r| r.received_at = "soon".to_owned());
    let expected = ["receipt: received_at is `soon`", "receipt: received_at is `soon`"];
    refused(&public(round(1000), &timeless), &|_| {}, &expected);
    let foreign =
        Receipt { network: did_key::format(&auditor().verifying_key()), proof: None, ..receipt.clone() };
    let foreign = signed_by(foreign, &auditor());
    refused(&public(round(1000), &foreign), &|_| {}, &["receipt: it is by another network"]);
}

#[test]
fn a_profile_that_nobody_received_has_no_public_audit() {
    let mut profile = honest();
    let (received, receipt) = received();
    profile.started_at = received.started_at;
    profile.finished_at = received.finished_at;
    profile.sittings = received.sittings;
    let randomness = Randomness::public(round(1000), receipt).unwrap();
    let envelope = attested(audit(&profile, &randomness, 2), &auditor());
    assert_facts(
        &held_against(&profile, &[envelope]),
        &["receipt: the profile answers no network's challenge"],
    );
}

#[test]
fn an_audit_by_the_operator_is_refused() {
    let profile = honest();
    let own = attested(audit(&profile, &private(b"mine"), 2), &operator());
    let verification = held_against(&profile, &[own]);
    let reasons = told(&verification);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_refused(&reasons, "it is signed by the profile's operator");
    assert_eq!(verification.audits, []);
}

#[test]
fn differences_that_an_audit_found_refuse_the_profile() {
    let profile = honest();
    let mut audit = audit(&profile, &private(b"mine"), 2);
    differ(&profile, &mut audit);
    let verification = held_against(&profile, &[attested(audit, &auditor())]);
    let auditor = did_key::format(&auditor().verifying_key());
    assert_eq!(told(&verification), [format!("audit 1 by {auditor}: 1 of 22 answers differ")]);
    assert_eq!(verification.audits.len(), 1);
}

/// What SECURITY.md says of an auditor's word.
#[test]
fn a_difference_that_the_auditor_left_out_cannot_be_seen() {
    let mut profile = honest();
    profile.cells[0].rounds[0].output_digests[0] = Digest::of(b"invented");
    run(&mut profile);
    let audit = audit(&profile, &private(b"mine"), 1_000_000);
    assert_eq!(told(&held_against(&profile, &[attested(audit, &auditor())])), [""; 0]);
}

#[test]
fn of_several_audits_each_is_told_by_its_number() {
    let profile = honest();
    let good = |nonce: &[u8]| attested(audit(&profile, &private(nonce), 2), &auditor());
    let mut bad = audit(&profile, &private(b"b"), 2);
    bad.steps_total += 1;
    bad.steps_checked += 1;
    let envelopes = [good(b"a"), attested(bad, &auditor()), b"{}".to_vec(), good(b"c")];
    let verification = held_against(&profile, &envelopes);
    let reasons = told(&verification);
    assert_eq!((reasons.len(), verification.audits.len()), (3, 2), "{reasons:?}");
    assert_refused(&reasons[..1], "audit 2 by did:key:");
    assert_refused(&reasons[1..2], "audit 2 by did:key:");
    assert_refused(&reasons[2..], "audit 3: ");
}

#[test]
fn what_is_no_statement_of_an_audit_is_refused() {
    let profile = honest();
    let audit = audit(&profile, &private(b"mine"), 2);
    let summary = {
        let opened = document::open::<Profile>(&signed(profile.clone())).unwrap();
        let predicate = ProfileSummary::of(&opened.document, opened.body_digest);
        let statement = Statement { name: "p".to_owned(), report_id: audit.report_id, predicate };
        in_toto::sign(statement, &auditor()).unwrap()
    };
    let envelope = attested(audit, &auditor());
    let edited = String::from_utf8(envelope).unwrap().replacen("\"payload\":\"eyJf", "\"payload\":\"eyJg", 1);
    for (envelope, expected) in [
        (summary, "audit 1: predicateType is `urn:x-proofmark:coverage-profile:v1`"),
        (edited.into_bytes(), "audit 1: the signature does not match the payload"),
        (signed(profile.clone()), "audit 1: not canonical JSON"),
        (json!({"payload": ""}).to_string().into_bytes(), "audit 1: "),
        (Vec::new(), "audit 1: "),
    ] {
        let reasons = told(&held_against(&profile, &[envelope]));
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(reasons[0].starts_with(expected), "expected `{expected}`: {reasons:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_audit_is_accepted_whatever_its_number_and_size(nonce in any::<u64>(), wanted in 1_u64..400) {
        let profile = honest();
        let audit = audit(&profile, &private(&nonce.to_le_bytes()), wanted);
        let verification = held_against(&profile, &[attested(audit, &auditor())]);
        prop_assert_eq!(told(&verification), [""; 0]);
    }

    #[test]
    fn a_number_of_an_audit_that_was_changed_is_refused(which in any::<prop::sample::Index>(), to in 0_u64..1 << 53) {
        let (profile, receipt) = received();
        let randomness = Randomness::public(round(1000), receipt).unwrap();
        let mut tree = serde_json::to_value(audit(&profile, &randomness, 3)).unwrap();
        // What the auditor took is the auditor's word.
        tree.as_object_mut().unwrap().remove("duration_ns");
        let mut numbers = numbers(&mut tree);
        let number = numbers.swap_remove(which.index(numbers.len()));
        prop_assume!(*number != to);
        *number = to.into();
        tree["duration_ns"] = 1.into();
        let envelope = attested(serde_json::from_value(tree).unwrap(), &auditor());
        prop_assert!(!told(&held_against(&profile, &[envelope])).is_empty());
    }
}

fn numbers(tree: &mut Value) -> Vec<&mut Value> {
    match tree {
        Value::Object(members) => members.values_mut().flat_map(numbers).collect(),
        Value::Array(values) => values.iter_mut().flat_map(numbers).collect(),
        Value::Number(_) => vec![tree],
        _ => Vec::new(),
    }
}
