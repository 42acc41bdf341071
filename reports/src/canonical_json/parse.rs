use std::ops::Range;

use serde_json::{Map, Value};

use crate::words::clipped;

/// Bounds on untrusted text.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Nested objects and arrays.
    pub depth: usize,
    /// Values of all kinds and names of members, an object or array counting as sixteen, which bounds the memory of what is read from it.
    pub values: usize,
    /// Keys beside those of the form `[a-z][a-z0-9_]*`.
    pub names: &'static [&'static str],
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 20, depth: 32, values: 1 << 18, names: &PROOF_NAMES }
    }
}

/// The first place where a text departs from canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {fact}")]
pub struct NotCanonical {
    /// Counted from 0.
    pub offset: usize,
    /// What stands there.
    pub fact: String,
}

/// 2^53 - 1, see [`super::MAX_SAFE_INTEGER`].
const LARGEST: &[u8] = b"9007199254740991";
/// Characters of a foreign name that a fault repeats.
const TOLD: usize = 200;
/// Names with capitals that occur in a Data Integrity proof.
const PROOF_NAMES: [&str; 3] = ["proofPurpose", "proofValue", "verificationMethod"];

/// A text that is canonical JSON, its top an object.
#[derive(Clone, Debug)]
pub struct Canonical<'a> {
    text: &'a str,
    /// Of the top.
    members: Vec<Member>,
}

/// Where a member stands.
#[derive(Clone, Debug)]
struct Member {
    /// Between its quotation marks.
    key: Range<usize>,
    value: Range<usize>,
}

impl<'a> Canonical<'a> {
    /// The whole.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The value of a member of the top, as written.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&'a str> {
        let member = self.members.iter().find(|member| &self.text[member.key.clone()] == key)?;
        Some(&self.text[member.value.clone()])
    }

    /// A member of the top that is a string.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.value(key)?).ok()
    }

    /// What stands before a member of the top, the member with its comma, and what follows it: the canonical form without
    /// the member is the first and the last. If there is no such member, the first is the whole.
    #[must_use]
    pub fn around(&self, key: &str) -> [&'a str; 3] {
        let Some(place) = self.members.iter().position(|member| &self.text[member.key.clone()] == key) else {
            return [self.text, "", ""];
        };
        let end = self.members[place].value.end;
        let (start, end) = match place.checked_sub(1) {
            Some(before) => (self.members[before].value.end, end),
            // The first one's comma is behind it; before it is the brace.
            None => (1, self.members.get(1).map_or(end, |next| next.key.start - 1)),
        };
        [&self.text[..start], &self.text[start..end], &self.text[end..]]
    }

    /// The members of the top as a tree.
    #[must_use]
    pub fn tree(&self) -> Map<String, Value> {
        // All that is canonical is JSON.
        serde_json::from_str(self.text).unwrap_or_default()
    }
}

/// Checks that a text is canonical JSON whose top is an object.
///
/// # Errors
/// [`NotCanonical`] at the first departure, or where a limit is exceeded.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Canonical<'_>, NotCanonical> {
    let mut parser = Parser { bytes, offset: 0, values_left: limits.values, names: limits.names };
    if bytes.len() > limits.bytes {
        return parser.fail(format!("{} bytes, more than the limit of {}", bytes.len(), limits.bytes));
    }
    if bytes.first() != Some(&b'{') {
        return parser.fail("the top is not an object");
    }
    let mut members = Vec::new();
    parser.value(limits.depth, |member| members.push(member))?;
    match std::str::from_utf8(bytes) {
        Ok(text) if parser.offset == bytes.len() => Ok(Canonical { text, members }),
        _ => parser.fail("something follows the document"),
    }
}

/// Goes through a text without building anything of it.
struct Parser<'a> {
    bytes: &'a [u8],
    offset: usize,
    values_left: usize,
    names: &'static [&'static str],
}

impl<'a> Parser<'a> {
    /// A value; `note` is told the members of an object.
    fn value(&mut self, depth_left: usize, note: impl FnMut(Member)) -> Result<(), NotCanonical> {
        let weight = if matches!(self.peek(), Some(b'{' | b'[')) { 16 } else { 1 };
        self.spend(weight)?;
        match self.peek() {
            Some(b'{' | b'[') if depth_left == 0 => self.fail("nested deeper than the limit"),
            Some(b'{') => self.object(depth_left - 1, note),
            Some(b'[') => self.array(depth_left - 1),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.fail("expected a value"),
        }
    }

    fn object(&mut self, depth_left: usize, mut note: impl FnMut(Member)) -> Result<(), NotCanonical> {
        self.offset += 1;
        if self.take(b'}') {
            return Ok(());
        }
        let mut last: &[u8] = &[];
        loop {
            let start = self.offset;
            self.spend(1)?;
            let key = self.key()?;
            if last >= key {
                self.offset = start;
                let fact = if last == key { "is there twice" } else { "is out of order" };
                return self.fail(format!("key `{}` {fact}", clipped(&String::from_utf8_lossy(key), TOLD)));
            }
            last = key;
            if !self.take(b':') {
                return self.fail("expected `:`");
            }
            let value = self.offset;
            self.value(depth_left, ignore)?;
            note(Member { key: start + 1..start + 1 + key.len(), value: value..self.offset });
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn array(&mut self, depth_left: usize) -> Result<(), NotCanonical> {
        self.offset += 1;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth_left, ignore)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn key(&mut self) -> Result<&'a [u8], NotCanonical> {
        let start = self.offset;
        if let [b'"', rest @ ..] = &self.bytes[start..] {
            let is_of_names = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            let length = rest.iter().position(|byte| !is_of_names(byte)).unwrap_or(rest.len());
            if rest.first().is_some_and(u8::is_ascii_lowercase) && rest.get(length) == Some(&b'"') {
                self.offset += length + 2;
                return Ok(&rest[..length]);
            }
        }
        let key = self.string()?;
        if self.names.iter().any(|name| name.as_bytes() == key) {
            return Ok(key);
        }
        self.offset = start;
        self.fail(format!(
            "key `{}` is not of the form [a-z][a-z0-9_]*",
            clipped(&String::from_utf8_lossy(key), TOLD)
        ))
    }

    /// Printable ASCII, in which only `"` and `\` are escaped, as written.
    fn string(&mut self) -> Result<&'a [u8], NotCanonical> {
        if !self.take(b'"') {
            return self.fail("expected a string");
        }
        let start = self.offset;
        loop {
            let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7e) & !matches!(byte, b'"' | b'\\');
            let rest = &self.bytes[self.offset..];
            // Sixteen at once without a branch: texts are digests for the most part.
            let (chunks, _) = rest.as_chunks::<16>();
            let has_end = |chunk: &[u8; 16]| !chunk.iter().fold(true, |all, byte| all & is_plain(byte));
            let rest = &rest[chunks.iter().position(has_end).unwrap_or(chunks.len()) * 16..];
            let length = rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
            self.offset = self.bytes.len() - rest.len() + length;
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(&self.bytes[start..self.offset - 1]);
                }
                Some(b'\\') => match self.bytes.get(self.offset + 1) {
                    Some(b'"' | b'\\') => self.offset += 2,
                    _ => return self.fail("an escape that canonical JSON does not have"),
                },
                Some(byte) => return self.fail(format!("byte {byte:#04x} is not printable ASCII")),
                None => return self.fail("the text ends inside a string"),
            }
        }
    }

    fn integer(&mut self) -> Result<(), NotCanonical> {
        let start = self.offset;
        let negative = self.take(b'-');
        let first = self.offset;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.offset += 1;
        }
        let digits = &self.bytes[first..self.offset];
        let fact = match digits {
            [] => Some("expected a digit"),
            [b'0'] if negative => Some("negative zero"),
            [b'0', _, ..] => Some("a leading zero"),
            _ if matches!(self.peek(), Some(b'.' | b'e' | b'E')) => Some("a number that is not an integer"),
            // As many digits as 2^53 - 1 has, and behind it in their order.
            _ if digits.len() > LARGEST.len() || digits.len() == LARGEST.len() && digits > LARGEST => {
                Some("an integer beyond 2^53 - 1")
            }
            _ => None,
        };
        match fact {
            None => Ok(()),
            Some(fact) => {
                self.offset = start;
                self.fail(fact)
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), NotCanonical> {
        if !self.bytes[self.offset..].starts_with(word.as_bytes()) {
            return self.fail("expected a value");
        }
        self.offset += word.len();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    fn spend(&mut self, weight: usize) -> Result<(), NotCanonical> {
        match self.values_left.checked_sub(weight) {
            Some(left) => self.values_left = left,
            None => return self.fail("more values than the limit"),
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    fn fail<T>(&self, fact: impl Into<String>) -> Result<T, NotCanonical> {
        Err(NotCanonical { offset: self.offset, fact: fact.into() })
    }
}

/// Of all members but the top's nobody asks where they stand.
fn ignore(_: Member) {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{MAX_SAFE_INTEGER, write};
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes(), Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn departures_are_refused_at_their_offset() {
        for (text, expected) in [
            ("", "byte 0: the top"),
            ("[]", "byte 0: the top"),
            ("\u{feff}{}", "byte 0: the top"),
            ("{} ", "byte 2: something follows"),
            ("{}{}", "byte 2: something follows"),
            ("{ }", "byte 1: expected a string"),
            (r#"{"a":1,"a":2}"#, "byte 7: key `a` is there twice"),
            (r#"{"b":1,"a":2}"#, "byte 7: key `a` is out of order"),
            (r#"{"A":1}"#, "byte 1: key `A`"),
            (r#"{"__proto__":1}"#, "byte 1: key `__proto__`"),
            (r#"{"$serde_json::private::Number":"7"}"#, "byte 1: key"),
            (r#"{"\u0061":1}"#, "byte 2: an escape"),
            (r#"{"a":"\/"}"#, "byte 6: an escape"),
            (r#"{"a":"é"}"#, "byte 6: byte 0xc3"),
            ("{\"a\":\"\n\"}", "byte 6: byte 0x0a"),
            (r#"{"a":"x"#, "byte 7: the text ends"),
            (r#"{"a":1.0}"#, "byte 5: a number that is not"),
            (r#"{"a":1e2}"#, "byte 5: a number that is not"),
            (r#"{"a":-0}"#, "byte 5: negative zero"),
            (r#"{"a":01}"#, "byte 5: a leading zero"),
            (r#"{"a":-}"#, "byte 5: expected a digit"),
            (r#"{"a":9007199254740992}"#, "byte 5: an integer beyond"),
            (r#"{"a":90071992547409910}"#, "byte 5: an integer beyond"),
            (r#"{"a":NaN}"#, "byte 5: expected a value"),
            (r#"{"a":nul}"#, "byte 5: expected a value"),
            (r#"{"a":[1,]}"#, "byte 8: expected a value"),
            (r#"{"a":[1 ,2]}"#, "byte 7: expected `,`"),
            (r#"{"a":1,}"#, "byte 7: expected a string"),
            (r#"{"a" :1}"#, "byte 4: expected `:`"),
        ] {
            assert!(refusal(text).starts_with(expected), "{text}: {}", refusal(text));
        }
    }

    #[test]
    fn limits_are_kept_without_exhausting_the_stack() {
        let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
        assert!(refusal(&deep).contains("nested deeper"));
        let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(1 << 18));
        assert!(refusal(&wide).contains("more values"));
        let limits = Limits { bytes: 4, ..Limits::default() };
        assert!(parse(b"{\"a\":1}", limits).unwrap_err().fact.contains("limit of 4"));
    }

    #[test]
    fn names_of_other_forms_are_read_where_they_are_asked_for() {
        let text = br#"{"_type":1}"#;
        assert!(parse(text, Limits::default()).unwrap_err().fact.contains("key `_type`"));
        assert!(parse(text, Limits { names: &["_type"], ..Limits::default() }).is_ok());
    }

    #[test]
    fn the_largest_safe_integers_are_read() {
        let text = br#"{"a":[9007199254740991,-9007199254740991,0]}"#;
        let top = parse(text, Limits::default()).unwrap().tree();
        assert_eq!(top["a"][0], MAX_SAFE_INTEGER);
        assert_eq!(top["a"][1], -MAX_SAFE_INTEGER);
        assert_eq!(LARGEST, MAX_SAFE_INTEGER.to_string().as_bytes());
    }

    #[test]
    fn a_member_is_found_and_taken_out_with_its_comma() {
        let without = |text: &str, key: &str| {
            let [before, member, after] = parse(text.as_bytes(), Limits::default()).unwrap().around(key);
            assert_eq!([before, member, after].concat(), text);
            [before, after].concat()
        };
        let text = r#"{"a":{"b":1},"b":[2,"b"],"c":"\"b\":3,"}"#;
        assert_eq!(without(text, "a"), r#"{"b":[2,"b"],"c":"\"b\":3,"}"#);
        assert_eq!(without(text, "b"), r#"{"a":{"b":1},"c":"\"b\":3,"}"#);
        assert_eq!(without(text, "c"), r#"{"a":{"b":1},"b":[2,"b"]}"#);
        assert_eq!(without(text, "d"), text);
        assert_eq!(without(r#"{"a":1}"#, "a"), "{}");
        assert_eq!(without("{}", "a"), "{}");
        let parsed = parse(text.as_bytes(), Limits::default()).unwrap();
        assert_eq!(parsed.value("b"), Some(r#"[2,"b"]"#));
        assert_eq!(parsed.value("d"), None);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).prop_map(Value::from),
            "[ -~]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-z][a-z0-9_]{0,6}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn writing_what_was_parsed_gives_the_same_bytes(
            members in proptest::collection::btree_map("[a-z][a-z0-9_]{0,6}", value(), 0..6),
        ) {
            let top = Value::Object(members.into_iter().collect());
            let bytes = write(&top).unwrap();
            let parsed = parse(&bytes, Limits::default()).unwrap();
            prop_assert_eq!(&Value::Object(parsed.tree()), &top);
            for key in parsed.tree().keys() {
                let mut without = parsed.tree();
                without.remove(key);
                let [before, _, after] = parsed.around(key);
                prop_assert_eq!(write(&without).unwrap(), [before, after].concat().into_bytes());
                prop_assert_eq!(parsed.value(key).unwrap().as_bytes(), write(&parsed.tree()[key]).unwrap());
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_what_it_accepts_is_canonical(bytes in "[{}\\[\\]\",:a-c0-9\\\\ -]{0,40}") {
            if let Ok(parsed) = parse(bytes.as_bytes(), Limits::default()) {
                prop_assert_eq!(write(&parsed.tree()).unwrap(), bytes.as_bytes());
            }
        }
    }
}
