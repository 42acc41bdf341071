use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Display;
use std::io::Write as _;
use std::ops::Range;

use serde::Serialize;

/// Why a value has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCanonicalForm {
    /// A number is not an integer, which signed bytes never hold.
    #[error("number {0} is not an integer")]
    NotAnInteger(String),
    /// The key of a map is no string.
    #[error("a key is no string")]
    KeyNotText,
    /// Something that JSON has no one form for.
    #[error("{0} have no one form in JSON")]
    NotJson(&'static str),
    /// The value refuses to be written.
    #[error("{0}")]
    Refused(String),
}

/// The RFC 8785 form of a value without floats.
///
/// Keys are sorted here by UTF-16 code units, whatever order a type or a map has them in.
///
/// # Errors
/// [`NoCanonicalForm`] for a float, and for what JSON has no one form for.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, NoCanonicalForm> {
    let mut writer =
        Writer { out: Vec::with_capacity(512), members: Vec::with_capacity(16), sorted: Vec::new() };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// Writes members as they come; where that is not their order, the end of their object puts them into it.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Of all objects that have not ended, the innermost last.
    members: Vec<Member>,
    /// Room for the members of one object in their order.
    sorted: Vec<u8>,
}

struct Member {
    key: Cow<'static, str>,
    /// The first eight bytes of a key in ASCII, which tell most keys apart.
    beginning: Option<u64>,
    /// Where key and value stand in `out`.
    text: Range<usize>,
}

impl Member {
    fn begin(key: Cow<'static, str>, start: usize) -> Self {
        let mut first = [0; 8];
        first.iter_mut().zip(key.bytes()).for_each(|(first, byte)| *first = byte);
        let beginning = key.is_ascii().then_some(u64::from_be_bytes(first));
        Self { key, beginning, text: start..start }
    }

    /// By UTF-16 code units, which in ASCII is the order of the bytes.
    fn order(&self, other: &Self) -> Ordering {
        match (self.beginning, other.beginning) {
            (Some(a), Some(b)) => a.cmp(&b).then_with(|| self.key.cmp(&other.key)),
            _ => self.key.encode_utf16().cmp(other.key.encode_utf16()),
        }
    }
}

impl Writer {
    pub(super) fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    pub(super) fn integer(&mut self, number: impl Display) {
        // A vector takes whatever is written to it.
        let _ = write!(self.out, "{number}");
    }

    pub(super) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        // Without a branch a byte, because nearly all texts have nothing to escape.
        if text.bytes().fold(false, |any, byte| any | matches!(byte, 0..0x20 | b'"' | b'\\')) {
            text.bytes().for_each(|byte| self.escaped(byte));
        } else {
            self.word(text);
        }
        self.out.push(b'"');
    }

    /// RFC 8785, section 3.2.2.2: two-character escapes where JSON has them, `\u00xx` for other controls, all else as is.
    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' => self.word("\\\""),
            b'\\' => self.word("\\\\"),
            0x08 => self.word("\\b"),
            b'\t' => self.word("\\t"),
            b'\n' => self.word("\\n"),
            0x0c => self.word("\\f"),
            b'\r' => self.word("\\r"),
            0..0x20 => self.word(&format!("\\u{byte:04x}")),
            _ => self.out.push(byte),
        }
    }

    pub(super) fn array(&mut self) -> Array<'_> {
        self.out.push(b'[');
        Array { start: self.out.len(), writer: self }
    }

    pub(super) fn object(&mut self) -> Object<'_> {
        self.out.push(b'{');
        Object { start: self.out.len(), first: self.members.len(), writer: self }
    }

    /// Between what begins at `start` and what comes next.
    fn separate(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(b',');
        }
    }
}

/// An array that has not ended.
pub(super) struct Array<'a> {
    writer: &'a mut Writer,
    start: usize,
}

impl Array<'_> {
    pub(super) fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), NoCanonicalForm> {
        self.writer.separate(self.start);
        item.serialize(&mut *self.writer)
    }

    pub(super) fn end(self) {
        self.writer.out.push(b']');
    }
}

/// An object that has not ended.
pub(super) struct Object<'a> {
    writer: &'a mut Writer,
    /// Where its members begin in `out`.
    start: usize,
    /// Where they begin in `members`.
    first: usize,
}

impl Object<'_> {
    pub(super) fn name(&mut self, key: &'static str) {
        self.writer.separate(self.start);
        let start = self.writer.out.len();
        self.writer.string(key);
        self.writer.members.push(Member::begin(Cow::Borrowed(key), start));
    }

    /// As [`Self::name`], of a map, which must prove to be a string.
    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoCanonicalForm> {
        self.writer.separate(self.start);
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        let key: String =
            serde_json::from_slice(&self.writer.out[start..]).map_err(|_| NoCanonicalForm::KeyNotText)?;
        self.writer.members.push(Member::begin(Cow::Owned(key), start));
        Ok(())
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoCanonicalForm> {
        self.writer.out.push(b':');
        value.serialize(&mut *self.writer)?;
        // The members of objects inside have been taken off.
        if let Some(member) = self.writer.members.last_mut() {
            member.text.end = self.writer.out.len();
        }
        Ok(())
    }

    pub(super) fn end(self) {
        let Writer { out, members, sorted } = self.writer;
        let own = &mut members[self.first..];
        if !own.is_sorted_by(|a, b| a.order(b).is_lt()) {
            own.sort_unstable_by(Member::order);
            sorted.clear();
            for member in own.iter() {
                sorted.extend_from_slice(&out[member.text.clone()]);
                sorted.push(b',');
            }
            sorted.pop();
            out.truncate(self.start);
            out.extend_from_slice(sorted);
        }
        members.truncate(self.first);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_by_utf16_code_units() {
        // U+1F600 begins with the surrogate 0xd83d, below U+FB33, although its code point is above.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": 3, "a": 4, "\u{20ac}": 5, "": 6});
        let text = String::from_utf8(write(&value).unwrap()).unwrap();
        assert_eq!(text, "{\"\":6,\"a\":4,\"b\":3,\"\u{20ac}\":5,\"\u{1f600}\":2,\"\u{fb33}\":1}");
        // Beyond the eight bytes that are compared first, and shorter than they are.
        let value =
            json!({"median_ns": 1, "median_high_ns": 2, "median_low_ns": 3, "median": 4, "median_": 5});
        let text = String::from_utf8(write(&value).unwrap()).unwrap();
        assert_eq!(text, r#"{"median":4,"median_":5,"median_high_ns":2,"median_low_ns":3,"median_ns":1}"#);
    }

    #[test]
    fn keys_are_sorted_as_they_are_and_not_as_they_are_escaped() {
        let text = String::from_utf8(write(&json!({"a": 1, "\"": 2, "\n": 3, "A": 4})).unwrap()).unwrap();
        assert_eq!(text, r#"{"\n":3,"\"":2,"A":4,"a":1}"#);
    }

    #[test]
    fn members_of_a_type_are_sorted_at_every_depth() {
        #[derive(Serialize)]
        struct Inner {
            z: u8,
            y: Option<i64>,
        }
        #[derive(Serialize)]
        struct Outer {
            b: Vec<Inner>,
            a: BTreeMap<&'static str, Inner>,
            aa: (),
        }
        let inner = || Inner { z: 1, y: None };
        let outer = Outer { b: vec![inner(), inner()], a: [("k", inner()), ("j", inner())].into(), aa: () };
        assert_eq!(
            String::from_utf8(write(&outer).unwrap()).unwrap(),
            r#"{"a":{"j":{"y":null,"z":1},"k":{"y":null,"z":1}},"aa":null,"b":[{"y":null,"z":1},{"y":null,"z":1}]}"#
        );
    }

    #[test]
    fn control_characters_have_the_escapes_of_the_rfc() {
        let text = write(&json!("\u{0}\u{8}\t\n\u{c}\r\u{1f}\"\\/\u{7f}é")).unwrap();
        assert_eq!(text, "\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\u{7f}é\"".as_bytes());
    }

    #[test]
    fn what_json_has_no_one_form_for_is_refused() {
        assert_eq!(write(&json!({"a": [1.5]})), Err(NoCanonicalForm::NotAnInteger("1.5".to_owned())));
        assert_eq!(write(&f32::NAN), Err(NoCanonicalForm::NotAnInteger("NaN".to_owned())));
        assert_eq!(write(&BTreeMap::from([(1, 2)])), Err(NoCanonicalForm::KeyNotText));
        assert_eq!(write(&Err::<(), u8>(1)), Err(NoCanonicalForm::NotJson("enums without a tag")));
    }
}
