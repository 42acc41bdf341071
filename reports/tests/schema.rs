//! The committed JSON Schemas accept what the readers accept, and nothing else.
//!
//! `reports/interop/validate.py` asks the same of a validator that is not ours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod example;
mod honest;

use std::collections::BTreeMap;

use honest::network::{brief_answer, challenge, receipt};
use honest::{honest, signed};
use proofmark_reports::Digest;
use proofmark_reports::audit::{AnswerMismatch, AuditPredicate, CheckedCell, SkippedCell, Tolerance};
use proofmark_reports::canonical_json::{self, Limits};
use proofmark_reports::change::{Floor, Run, change};
use proofmark_reports::document::{self, Document};
use proofmark_reports::in_toto::Predicate;
use proofmark_reports::schema::v1::*;
use regex::Regex;
use serde_json::{Value, json};

#[test]
fn a_profile_is_read_if_its_schema_accepts_it() {
    let mut profile = example::profile();
    // One cell with trials, two with obstacles, one that failed; one round and one trial of each.
    profile.cells = [6, 3, 4, 17].map(|index| profile.cells[index].clone()).to_vec();
    for cell in &mut profile.cells {
        cell.rounds.truncate(1);
        cell.capacity.iter_mut().for_each(|capacity| capacity.trials.truncate(1));
    }
    profile.challenge = Challenge::Network { document: Box::new(challenge(|_| {})) };
    profile.extensions.insert("note".to_owned(), json!([{"a": -1, "b": "c", "d": true, "e": null}]));
    agree("coverage-profile", &signed(profile), opens_with_its_challenge);
}

#[test]
fn a_challenge_is_read_if_its_schema_accepts_it() {
    let beacon = Beacon { chain: Digest::of(b"chain"), round: 7, signature: "a0".to_owned() };
    let challenge = challenge(|challenge| challenge.beacon = Some(beacon.clone()));
    agree("challenge", &document::write(&challenge).unwrap(), opens::<NetworkChallenge>);
}

#[test]
fn a_receipt_is_read_if_its_schema_accepts_it() {
    let receipt = receipt(&brief_answer(&challenge(|_| {})), |_| {});
    agree("receipt", &document::write(&receipt).unwrap(), opens::<Receipt>);
}

#[test]
fn a_summary_is_read_if_its_schema_accepts_it() {
    let summary = ProfileSummary::of(&honest(), Digest::of(b"body"));
    agree("profile-summary", &canonical_json::write(&summary).unwrap(), reads::<ProfileSummary>);
}

#[test]
fn an_audit_is_read_if_its_schema_accepts_it() {
    let audit = AuditPredicate {
        report_id: Digest::of(b"profile"),
        body_digest: Digest::of(b"body"),
        beacon: None,
        receipt: None,
        nonce: Some(Digest::of(b"nonce")),
        answers_a_cell: 2,
        indices: vec![CheckedCell {
            cell: 0,
            workload: "a".to_owned(),
            answers: 9,
            places: vec![1, 4],
            mismatched: 1,
            tolerance: Some(Tolerance { tolerance_ppm: 20, largest_distance_ppm: 21 }),
            tenth_missed_ppm: 778_000,
        }],
        skipped: vec![SkippedCell { cell: 1, workload: "b".to_owned(), reason: "native".to_owned() }],
        steps_checked: 2,
        steps_total: 18,
        steps_mismatched: 1,
        mismatches: vec![AnswerMismatch {
            cell: 0,
            place: 4,
            stated: Digest::of(b"a"),
            computed: None,
            distance_ppm: Some(21),
        }],
        duration_ns: 5,
        original_duration_ns: 9,
        isa: "avx2".to_owned(),
        audited_at: "2026-11-21T05:00:00Z".to_owned(),
    };
    agree("audit", &canonical_json::write(&audit).unwrap(), reads::<AuditPredicate>);
}

#[test]
fn a_change_has_the_form_of_its_schema() {
    let suite = honest::suite();
    let mut slower = honest();
    slower.machine.kernel = "6.2.0".to_owned();
    slower.cells[0].self_check_digest = Some(Digest::of(b"another"));
    slower.cells[1].rounds.clear();
    slower.cells[2].rounds.truncate(2);
    slower.cells[3].status = Status::Failed;
    honest::derive(&mut slower);
    let profiles = [honest(), slower];
    let [old, new] = [0, 1].map(|which| Run {
        file: "a file",
        report_id: Digest::of(b"report"),
        profile: &profiles[which],
        suite: &suite,
    });
    let change = change(old, new, Floor::of(0.03)).unwrap();
    let mut document = serde_json::to_value(&change).unwrap();
    let schema = Schema::committed("change");
    assert!(schema.accepts_reference(&schema.root, &document), "{document:#}");
    for place in places(&document.clone(), String::new()) {
        let Some(members) = document.pointer(&place).and_then(Value::as_object).cloned() else { continue };
        for name in members.keys() {
            let value = document.pointer_mut(&place).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            assert!(!schema.accepts_reference(&schema.root, &document), "{place} without {name}");
            document.pointer_mut(&place).unwrap()[name] = value;
        }
    }
}

#[test]
fn documents_without_beacons_and_networks_are_accepted() {
    let profile: Value = serde_json::from_slice(&signed(honest())).unwrap();
    let asked: Value = serde_json::to_value(challenge(|_| {})).unwrap();
    for (name, document) in [("coverage-profile", profile), ("challenge", asked)] {
        let schema = Schema::committed(name);
        assert!(schema.accepts_reference(&schema.root, &document), "{name}");
    }
}

fn opens<D: Document>(bytes: &[u8]) -> bool {
    document::open::<D>(bytes).is_ok()
}

fn opens_with_its_challenge(profile: &[u8]) -> bool {
    document::open::<Profile>(profile).is_ok_and(|opened| match opened.document.challenge {
        Challenge::Network { document } => opens::<NetworkChallenge>(&document::write(&*document).unwrap()),
        Challenge::SelfIssued { .. } => true,
    })
}

fn reads<P: Predicate>(bytes: &[u8]) -> bool {
    canonical_json::parse(bytes, Limits::default()).is_ok_and(|text| canonical_json::read::<P>(&text).is_ok())
}

/// Schema and reader judge alike the document, which they accept, and everything that is made of it by one change.
fn agree(name: &str, document: &[u8], is_read: fn(&[u8]) -> bool) {
    let schema = Schema::committed(name);
    let document: Value = serde_json::from_slice(document).unwrap();
    let judge = |document: &Value| {
        let is_read = canonical_json::write(document).is_ok_and(|bytes| is_read(&bytes));
        (schema.accepts_reference(&schema.root, document), is_read)
    };
    assert_eq!(judge(&document), (true, true));
    let mut refused = 0;
    for (place, change, changed) in changes(&document) {
        let (is_accepted, is_read) = judge(&changed);
        assert!(is_read || !is_accepted, "{name}: the schema accepts {place} {change}");
        let is_late = is_looked_at_later(&place, &change);
        assert!(is_accepted || !is_read || is_late, "{name}: the schema refuses {place} {change}");
        refused += usize::from(!is_accepted);
    }
    assert!(refused > 100, "{refused}");
}

/// What the schema asks for and reading alone does not; `verify` does.
fn is_looked_at_later(place: &str, change: &str) -> bool {
    let last = place.rsplit('/').next().unwrap();
    let has_form = last.ends_with("_at") || ["not_before", "network", "operator"].contains(&last);
    has_form || place.contains("/proof/") || change == "without proof"
}

/// Each document that differs in one place, with the place and what happened there.
fn changes(document: &Value) -> Vec<(String, String, Value)> {
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1_u64 << 32),
        json!(1_u64 << 53),
        json!(""),
        json!("x"),
        json!("\u{e9}"),
        json!("x\n"),
        json!([]),
        json!({}),
    ];
    let mut changes = Vec::new();
    for place in places(document, String::new()) {
        let mut change = |what: String, apply: &dyn Fn(&mut Value)| {
            let mut changed = document.clone();
            apply(changed.pointer_mut(&place).unwrap());
            changes.push((place.clone(), what, changed));
        };
        for other in &others {
            change(format!("is {other}"), &|value| *value = other.clone());
        }
        let value = document.pointer(&place).unwrap();
        if let Some(text) = value.as_str() {
            change("is longer".to_owned(), &|value| *value = json!(format!("{text}0")));
            change("ends its line".to_owned(), &|value| *value = json!(format!("{text}\n")));
        }
        for name in value.as_object().into_iter().flat_map(|members| members.keys()) {
            change(format!("without {name}"), &|value| drop(value.as_object_mut().unwrap().remove(name)));
        }
        if value.is_object() {
            change("with more".to_owned(), &|value| value["more"] = json!("x"));
            change("with a number more".to_owned(), &|value| value["more"] = json!(1));
            change("with More".to_owned(), &|value| value["More"] = json!("x"));
        }
    }
    changes
}

/// JSON pointers to all values; of a list, to the first.
fn places(value: &Value, place: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| places(value, format!("{place}/{name}"))).collect()
        }
        // Cells are of several kinds.
        Value::Array(items) if items.iter().all(Value::is_object) => {
            items.iter().enumerate().flat_map(|(at, item)| places(item, format!("{place}/{at}"))).collect()
        }
        Value::Array(items) => {
            items.first().into_iter().flat_map(|item| places(item, format!("{place}/0"))).collect()
        }
        _ => Vec::new(),
    };
    [vec![place], below].concat()
}

/// A schema with its patterns.
struct Schema {
    root: Value,
    patterns: BTreeMap<String, Regex>,
}

impl Schema {
    fn committed(name: &str) -> Self {
        let path = format!("{}/schema/{name}-v1.json", env!("CARGO_MANIFEST_DIR"));
        let root: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut patterns = BTreeMap::new();
        let mut open = vec![&root];
        while let Some(value) = open.pop() {
            if let Some(pattern) = value.get("pattern").and_then(Value::as_str) {
                patterns.insert(pattern.to_owned(), Regex::new(pattern).unwrap());
            }
            open.extend(value.as_object().into_iter().flat_map(|members| members.values()));
            open.extend(value.as_array().into_iter().flatten());
        }
        Self { root, patterns }
    }

    /// Draft 2020-12, as far as our schemas use it.
    fn accepts_reference(&self, schema: &Value, value: &Value) -> bool {
        let Some(keywords) = schema.as_object() else { return schema == &json!(true) };
        let accepts = |schema: &Value| self.accepts_reference(schema, value);
        let object = value.as_object();
        keywords.iter().all(|(keyword, asked)| match keyword.as_str() {
            "$defs" | "$id" | "$schema" | "description" | "format" | "title" => true,
            "$ref" => accepts(self.root.pointer(&asked.as_str().unwrap()[1..]).unwrap()),
            "type" => asked
                .as_array()
                .map_or_else(|| is_of(asked, value), |types| types.iter().any(|asked| is_of(asked, value))),
            "const" => asked == value,
            "not" => !accepts(asked),
            "anyOf" => asked.as_array().unwrap().iter().any(accepts),
            "oneOf" => asked.as_array().unwrap().iter().filter(|schema| accepts(schema)).count() == 1,
            "minimum" => value.as_f64().is_none_or(|number| number >= asked.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= asked.as_f64().unwrap()),
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= asked.as_u64().unwrap())
            }
            "pattern" => {
                value.as_str().is_none_or(|text| self.patterns[asked.as_str().unwrap()].is_match(text))
            }
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| self.accepts_reference(asked, item))),
            "required" => object.is_none_or(|members| {
                asked.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
            }),
            "properties" => object.into_iter().flatten().all(|(name, member)| {
                asked.get(name).is_none_or(|schema| self.accepts_reference(schema, member))
            }),
            "additionalProperties" => object.into_iter().flatten().all(|(name, member)| {
                let is_named = schema.get("properties").is_some_and(|named| named.get(name).is_some());
                is_named || self.accepts_reference(asked, member)
            }),
            "propertyNames" => {
                object.into_iter().flatten().all(|(name, _)| self.accepts_reference(asked, &json!(name)))
            }
            unknown => panic!("{unknown}"),
        })
    }
}

fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("{unknown}"),
    }
}
