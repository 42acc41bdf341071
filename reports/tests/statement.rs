//! An operator's in-toto statement is accepted with the profile that it is about, and with no other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod honest;

use honest::*;
use proofmark_reports::in_toto::{self, Statement};
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::schema::v1::{Profile, ProfileSummary};
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Digest, document};

fn statement(profile: &[u8]) -> Statement<ProfileSummary> {
    let opened = document::open::<Profile>(profile).unwrap();
    Statement {
        name: "profile.json".to_owned(),
        report_id: Digest::of(profile),
        predicate: ProfileSummary::of(&opened.document, opened.body_digest),
    }
}

/// The reasons against a profile with a statement that was changed before `key` signed it.
fn said(change: impl Fn(&mut Statement<ProfileSummary>), key: &SigningKey) -> Vec<String> {
    let profile = signed(honest());
    let mut statement = statement(&profile);
    change(&mut statement);
    held_against(&profile, &in_toto::sign(statement, key).unwrap())
}

fn held_against(profile: &[u8], envelope: &[u8]) -> Vec<String> {
    let now = "2026-11-21T05:00:00Z".parse().unwrap();
    let suites = [suite()];
    let context = Context { statement: Some(envelope), ..Context::new(&suites, now) };
    verify(profile, context).reasons.iter().map(ToString::to_string).collect()
}

#[test]
fn the_operators_statement_holds_whatever_the_file_is_called() {
    assert_eq!(said(|_| {}, &operator()), [""; 0]);
    assert_eq!(said(|statement| statement.name = "renamed.json".to_owned(), &operator()), [""; 0]);
}

#[test]
fn a_statement_by_another_key_is_refused() {
    let reasons = said(|_| {}, &key::from_seed(&[9; 32]));
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_refused(&reasons, "statement: it is signed by did:key:");
}

#[test]
fn a_statement_about_another_file_is_refused_although_the_body_is_the_same() {
    let about = said(|statement| statement.report_id = Digest::of(b"other"), &operator());
    assert_eq!(about.len(), 1, "{about:?}");
    assert_refused(&about, "statement: it is about");
    // Signed again a second later: another file of the same body.
    let first = signed(honest());
    let again = document::sign(honest(), "2026-11-21T04:02:01Z".parse().unwrap(), &operator()).unwrap();
    let envelope = in_toto::sign(statement(&first), &operator()).unwrap();
    let reasons = held_against(&again, &envelope);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_refused(&reasons, "statement: it is about");
}

#[test]
fn a_predicate_that_says_more_than_the_profile_is_refused() {
    type Change = fn(&mut Statement<ProfileSummary>);
    let changes: [Change; 6] = [
        |s| s.predicate.coverage.low_ppm += 1,
        |s| s.predicate.body_digest = Digest::of(b"other"),
        |s| s.predicate.operator.push('x'),
        |s| s.predicate.suite.version = "9.9.9".to_owned(),
        |s| s.predicate.started_at.clear(),
        |s| s.predicate.finished_at.clear(),
    ];
    for change in changes {
        let reasons = said(change, &operator());
        assert_eq!(reasons, ["statement: its predicate is not what the profile says"]);
    }
}

#[test]
fn what_is_no_envelope_is_a_reason_beside_the_others() {
    let lie = {
        let mut profile = honest();
        profile.coverage.low_ppm = 999_999;
        signed(profile)
    };
    let reasons = held_against(&lie, b"{}");
    assert_refused(&reasons, "statement: ");
    assert_refused(&reasons, "coverage.low_ppm is 999999");
}
