//! Attacks on the form: other spellings of a signed content, and content that readers understand differently.

use serde_json::Value;

use super::{Attack, canonical, renumbered, respelled, sealed, signed_tree};

pub(super) const ATTACKS: &[Attack] = &[
    ("form_empty", Vec::new),
    ("form_byte_order_mark", || [b"\xef\xbb\xbf", &text()[..]].concat()),
    ("form_utf16", || text().iter().flat_map(|byte| [*byte, 0]).collect()),
    ("form_space_before", || [b" ", &text()[..]].concat()),
    ("form_line_end_after", || [&text()[..], b"\n"].concat()),
    ("form_zero_byte_after", || [&text()[..], b"\0"].concat()),
    ("form_second_document_after", || [text(), text()].concat()),
    ("form_truncated", || text()[..text().len() - 1].to_vec()),
    ("form_pretty_printed", || format!("{:#}", signed_tree()).into_bytes()),
    ("form_top_is_a_list", || [b"[", &text()[..], b"]"].concat()),
    ("form_top_is_a_string", || canonical(&String::from_utf8(text()).unwrap().into())),
    ("form_space_after_colon", || respelled("\"policy\":", "\"policy\": ")),
    ("form_comment", || respelled("\"policy\":", "/**/\"policy\":")),
    ("form_trailing_comma", || respelled("\"},\"schema\"", "\",},\"schema\"")),
    ("form_single_quotes", || respelled("\"policy\"", "'policy'")),
    ("form_name_without_quotes", || respelled("\"policy\"", "policy")),
    // The first or the last of two members: readers differ.
    ("form_member_twice", || respelled("\"policy\":", "\"policy\":\"example/2\",\"policy\":")),
    ("form_member_twice_by_an_escape", || respelled("\"policy\":", "\"policy\":null,\"p\\u006flicy\":")),
    ("form_proof_twice", || {
        let proof = String::from_utf8(canonical(&signed_tree()["proof"])).unwrap();
        respelled("\"proof\":", &format!("\"proof\":{proof},\"proof\":"))
    }),
    ("form_members_out_of_order", || {
        let suite = format!(",\"suite\":{}", signed_tree()["suite"]);
        let without = String::from_utf8(respelled(&suite, "")).unwrap();
        without.replacen('{', &format!("{{{},", &suite[1..]), 1).into_bytes()
    }),
    // U+FB33 is above U+1F600 as UTF-16 and below it as code points.
    ("form_members_in_order_of_code_points", || {
        respelled("{\"beacon\"", "{\"\u{fb33}\":1,\"\u{1f600}\":2,\"beacon\"")
    }),
    ("form_member_proto", || sealed(|tree| tree["__proto__"] = Value::Bool(true))),
    ("form_member_without_a_name", || sealed(|tree| tree[""] = Value::Bool(true))),
    ("form_member_in_capitals", || sealed(|tree| tree["Policy"] = Value::Bool(true))),
    ("form_member_private_number_of_serde_json", || {
        respelled("\"policy\":\"example/1\"", "\"policy\":{\"$serde_json::private::Number\":\"7\"}")
    }),
    ("form_member_private_raw_value_of_serde_json", || {
        respelled("\"policy\":\"example/1\"", "\"policy\":{\"$serde_json::private::RawValue\":\"{}\"}")
    }),
    ("form_escape_of_a_letter", || respelled("example/1", "\\u0065xample/1")),
    ("form_escape_of_a_slash", || respelled("example/1", "example\\/1")),
    ("form_escape_unknown", || respelled("example/1", "\\example/1")),
    // `$` of a pattern matches before it in Python.
    ("form_line_end_in_a_digest", || {
        sealed(|tree| {
            tree["nonce"] = format!("{}\n", tree["nonce"].as_str().unwrap()).into();
        })
    }),
    ("form_raw_line_end", || respelled("example/1", "example\n/1")),
    ("form_raw_tab", || respelled("example/1", "example\t/1")),
    ("form_zero_byte_in_a_string", || sealed(|tree| tree["policy"] = "example\0/1".into())),
    ("form_delete_character", || sealed(|tree| tree["policy"] = "example\u{7f}/1".into())),
    ("form_lone_surrogate", || respelled("example/1", "example\\ud800/1")),
    ("form_surrogate_pair", || respelled("example/1", "example\\ud83d\\ude00/1")),
    ("form_letter_composed", || sealed(|tree| tree["policy"] = "\u{e9}xample/1".into())),
    ("form_letter_decomposed", || sealed(|tree| tree["policy"] = "e\u{301}xample/1".into())),
    ("form_letter_of_another_script", || sealed(|tree| tree["policy"] = "ex\u{430}mple/1".into())),
    ("form_right_to_left_override", || sealed(|tree| tree["policy"] = "example\u{202e}/1".into())),
    ("form_zero_width_space", || sealed(|tree| tree["policy"] = "example\u{200b}/1".into())),
    ("form_byte_that_is_no_utf8", || with_bytes(b"\xff")),
    ("form_overlong_utf8", || with_bytes(b"\xc0\xaf")),
    ("form_surrogate_as_utf8", || with_bytes(b"\xed\xa0\x80")),
    ("form_number_two_to_53", || renumbered(MAX_SAFE, "9007199254740992")),
    ("form_number_two_to_53_and_one", || renumbered(MAX_SAFE, "9007199254740993")),
    ("form_number_two_to_64_and_one_thousand", || renumbered(1000, "18446744073709552616")),
    // Rounds to the signed number wherever numbers are floats.
    ("form_number_that_rounds", || renumbered(MAX_SAFE, "9007199254740991.3")),
    ("form_number_with_excess_digits", || renumbered(1000, "1000.00000000000000000001")),
    ("form_number_point_zero", || renumbered(1000, "1000.0")),
    ("form_number_exponent", || renumbered(1000, "1e3")),
    ("form_number_exponent_in_capitals", || renumbered(1000, "1E3")),
    ("form_number_beyond_floats", || renumbered(1000, "1e400")),
    ("form_number_leading_zero", || renumbered(1000, "01000")),
    ("form_number_plus", || renumbered(1000, "+1000")),
    ("form_number_minus_zero", || renumbered(0, "-0")),
    ("form_number_minus_alone", || renumbered(0, "-")),
    ("form_number_hexadecimal", || renumbered(1000, "0x3e8")),
    ("form_number_nan", || renumbered(1000, "NaN")),
    ("form_number_infinity", || renumbered(1000, "Infinity")),
];

const MAX_SAFE: u64 = (1 << 53) - 1;

/// The honest challenge.
fn text() -> Vec<u8> {
    canonical(&signed_tree())
}

/// The honest challenge with bytes in the middle of a string.
fn with_bytes(bytes: &[u8]) -> Vec<u8> {
    let marked = respelled("example/1", "example#1");
    let at = marked.iter().position(|byte| *byte == b'#').unwrap();
    [&marked[..at], bytes, &marked[at + 1..]].concat()
}
