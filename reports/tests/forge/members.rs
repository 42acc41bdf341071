//! Attacks on members: other kinds and versions, missing and unknown members, and other shapes that a lenient reader takes for the same.

use proofmark_reports::document::Document;
use proofmark_reports::schema::v1::{NetworkChallenge, Receipt};
use serde_json::{Value, json};

use super::{Attack, body, configuration, lie_in_the_tree, network, renumbered, replaced, seal, sealed};

pub(super) const ATTACKS: &[Attack] = &[
    ("kind_other", || sealed(|tree| tree["kind"] = "proofmark.hearsay".into())),
    ("kind_absent", || sealed(|tree| drop(tree.as_object_mut().unwrap().remove("kind")))),
    ("kind_no_text", || sealed(|tree| tree["kind"] = 1.into())),
    ("kind_of_a_receipt_over_a_challenge", || sealed(|tree| tree["kind"] = Receipt::KIND.into())),
    ("kind_of_a_challenge_over_a_profile", || {
        lie_in_the_tree(|tree| {
            tree["kind"] = NetworkChallenge::KIND.into();
            tree["schema"] = NetworkChallenge::SCHEMA.into();
        })
    }),
    ("schema_newer", || sealed(|tree| tree["schema"] = "2.0.0".into())),
    ("schema_newer_in_its_last_part", || sealed(|tree| tree["schema"] = "1.0.1".into())),
    ("schema_absent", || sealed(|tree| drop(tree.as_object_mut().unwrap().remove("schema")))),
    ("schema_of_profile_older", || lie_in_the_tree(|tree| tree["schema"] = "1.0.0".into())),
    ("member_unknown", || sealed(|tree| tree["bonus"] = 1.into())),
    ("member_unknown_in_machine", || lie_in_the_tree(|tree| tree["machine"]["bonus"] = 1.into())),
    ("member_unknown_in_a_round", || {
        lie_in_the_tree(|tree| tree["cells"][0]["rounds"][0]["bonus"] = 1.into())
    }),
    ("member_unknown_in_an_obstacle", || {
        lie_in_the_tree(|tree| {
            let obstacle = json!({"kind": "memory", "needed_bytes": 2, "available_bytes": 1, "bonus": 1});
            tree["cells"][0]["obstacle"] = obstacle;
        })
    }),
    ("member_missing", || sealed(|tree| drop(tree.as_object_mut().unwrap().remove("nonce")))),
    ("member_null_left_out", || sealed(|tree| drop(tree.as_object_mut().unwrap().remove("beacon")))),
    ("member_null_left_out_of_a_cell", || {
        lie_in_the_tree(|tree| drop(tree["cells"][0].as_object_mut().unwrap().remove("reason")))
    }),
    ("member_null_that_must_not_be", || sealed(|tree| tree["nonce"] = Value::Null)),
    ("text_where_a_number_is", || renumbered(1000, "\"1000\"")),
    ("number_where_a_text_is", || sealed(|tree| tree["policy"] = 1.into())),
    ("number_below_zero", || renumbered(1000, "-1000")),
    ("number_beyond_its_type", || {
        lie_in_the_tree(|tree| tree["cells"][0]["threads"] = json!(u64::from(u32::MAX) + 1))
    }),
    ("truth_where_a_number_is", || renumbered(1000, "true")),
    ("digest_in_capitals", || {
        sealed(|tree| {
            tree["nonce"] = tree["nonce"].as_str().unwrap().to_uppercase().into();
        })
    }),
    ("digest_short", || sealed(|tree| tree["nonce"] = "00".into())),
    // Readers made by a derive take a list of the values for the object.
    ("list_of_the_values_for_an_object", || {
        lie_in_the_tree(|tree| {
            tree["suite"] = json!([tree["suite"]["name"], tree["suite"]["version"], tree["suite"]["digest"]]);
        })
    }),
    ("object_for_a_variant", || {
        lie_in_the_tree(|tree| tree["cells"][0]["status"] = json!({"measured": null}))
    }),
    ("number_for_a_variant", || lie_in_the_tree(|tree| tree["cells"][0]["status"] = 0.into())),
    ("variant_unknown", || lie_in_the_tree(|tree| tree["cells"][0]["status"] = "excellent".into())),
    ("challenge_of_a_kind_that_is_none", || {
        lie_in_the_tree(|tree| tree["challenge"]["kind"] = "hearsay".into())
    }),
    ("challenge_of_two_kinds", || {
        lie_in_the_tree(|tree| {
            tree["challenge"]["nonce"] = tree["challenge"]["document"]["nonce"].clone();
        })
    }),
    ("proof_value_renamed", || {
        let text = seal(body(), configuration(&network()), &network());
        replaced(&text, "\"proofValue\"", "\"proof_value\"")
    }),
];
