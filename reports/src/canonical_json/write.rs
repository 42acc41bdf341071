use serde_json::Value;

/// A number that is not an integer, which signed bytes never hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("number {0} is not an integer")]
pub struct NotAnInteger(String);

/// The RFC 8785 form of a value without floats.
///
/// Keys are sorted here by UTF-16 code units, whatever order the map has: another crate of a build may switch
/// `serde_json` to insertion order.
///
/// # Errors
/// [`NotAnInteger`] for a float.
pub fn write(value: &Value) -> Result<Vec<u8>, NotAnInteger> {
    let mut bytes = Vec::new();
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), NotAnInteger> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => out.extend(number.to_string().bytes()),
        Value::Number(number) => return Err(NotAnInteger(number.to_string())),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_value(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// RFC 8785, section 3.2.2.2: two-character escapes where JSON has them, `\u00xx` for other controls, all else as is.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            0x08 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            0x0c => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            0..0x20 => out.extend(format!("\\u{byte:04x}").bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_by_utf16_code_units() {
        // U+1F600 begins with the surrogate 0xd83d, below U+FB33, although its code point is above.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": 3, "a": 4, "\u{20ac}": 5, "": 6});
        let text = String::from_utf8(write(&value).unwrap()).unwrap();
        assert_eq!(text, "{\"\":6,\"a\":4,\"b\":3,\"\u{20ac}\":5,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn control_characters_have_the_escapes_of_the_rfc() {
        let text = write(&json!("\u{0}\u{8}\t\n\u{c}\r\u{1f}\"\\/\u{7f}é")).unwrap();
        assert_eq!(text, "\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\u{7f}é\"".as_bytes());
    }

    #[test]
    fn floats_are_refused() {
        assert_eq!(write(&json!({"a": [1.5]})), Err(NotAnInteger("1.5".to_owned())));
    }
}
