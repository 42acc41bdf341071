use serde_json::{Map, Number, Value};

use super::MAX_SAFE_INTEGER;

/// Bounds on untrusted text.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Nested objects and arrays.
    pub depth: usize,
    /// Values of all kinds, an object or array counting as sixteen, which bounds the memory of the tree.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 32, values: 1 << 18 }
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

/// Names with capitals that occur in a Data Integrity proof.
const PROOF_NAMES: [&str; 3] = ["proofPurpose", "proofValue", "verificationMethod"];

/// Parses canonical JSON whose top is an object.
///
/// # Errors
/// [`NotCanonical`] at the first departure, or where a limit is exceeded.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Map<String, Value>, NotCanonical> {
    let mut parser = Parser { bytes, offset: 0, values_left: limits.values };
    if bytes.len() > limits.bytes {
        return parser.fail(format!("{} bytes, more than the limit of {}", bytes.len(), limits.bytes));
    }
    if bytes.first() != Some(&b'{') {
        return parser.fail("the top is not an object");
    }
    let Value::Object(top) = parser.value(limits.depth)? else {
        return parser.fail("the top is not an object");
    };
    if parser.offset != bytes.len() {
        return parser.fail("something follows the document");
    }
    Ok(top)
}

struct Parser<'a> {
    bytes: &'a [u8],
    offset: usize,
    values_left: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth_left: usize) -> Result<Value, NotCanonical> {
        let weight = if matches!(self.peek(), Some(b'{' | b'[')) { 16 } else { 1 };
        match self.values_left.checked_sub(weight) {
            Some(left) => self.values_left = left,
            None => return self.fail("more values than the limit"),
        }
        match self.peek() {
            Some(b'{' | b'[') if depth_left == 0 => self.fail("nested deeper than the limit"),
            Some(b'{') => self.object(depth_left - 1),
            Some(b'[') => self.array(depth_left - 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.fail("expected a value"),
        }
    }

    fn object(&mut self, depth_left: usize) -> Result<Value, NotCanonical> {
        self.offset += 1;
        let mut members = Map::new();
        let mut last: Option<String> = None;
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            let start = self.offset;
            let key = self.string()?;
            if !is_name(&key) {
                self.offset = start;
                return self.fail(format!("key `{key}` is not of the form [a-z][a-z0-9_]*"));
            }
            if let Some(last) = &last
                && *last >= key
            {
                self.offset = start;
                let fact = if *last == key { "is there twice" } else { "is out of order" };
                return self.fail(format!("key `{key}` {fact}"));
            }
            if !self.take(b':') {
                return self.fail("expected `:`");
            }
            members.insert(key.clone(), self.value(depth_left)?);
            last = Some(key);
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn array(&mut self, depth_left: usize) -> Result<Value, NotCanonical> {
        self.offset += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth_left)?);
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    /// Printable ASCII, in which only `"` and `\` are escaped.
    fn string(&mut self) -> Result<String, NotCanonical> {
        if !self.take(b'"') {
            return self.fail("expected a string");
        }
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(text);
                }
                Some(b'\\') => match self.bytes.get(self.offset + 1) {
                    Some(escaped @ (b'"' | b'\\')) => {
                        text.push(char::from(*escaped));
                        self.offset += 2;
                    }
                    _ => return self.fail("an escape that canonical JSON does not have"),
                },
                Some(byte @ 0x20..=0x7e) => {
                    text.push(char::from(byte));
                    self.offset += 1;
                }
                Some(byte) => return self.fail(format!("byte {byte:#04x} is not printable ASCII")),
                None => return self.fail("the text ends inside a string"),
            }
        }
    }

    fn integer(&mut self) -> Result<Value, NotCanonical> {
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
            // 2^53 has 16 digits; more would overflow below.
            _ if digits.len() > 16 => Some("an integer beyond 2^53 - 1"),
            _ => None,
        };
        let magnitude = digits.iter().take(16).fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let fact = fact.or((magnitude > MAX_SAFE_INTEGER).then_some("an integer beyond 2^53 - 1"));
        if let Some(fact) = fact {
            self.offset = start;
            return self.fail(fact);
        }
        Ok(Value::Number(if negative { Number::from(-magnitude) } else { Number::from(magnitude) }))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, NotCanonical> {
        if !self.bytes[self.offset..].starts_with(word.as_bytes()) {
            return self.fail("expected a value");
        }
        self.offset += word.len();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
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

fn is_name(key: &str) -> bool {
    let mut bytes = key.bytes();
    let plain = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    plain || PROOF_NAMES.contains(&key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::write;
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
    fn the_largest_safe_integers_are_read() {
        let top = parse(br#"{"a":[9007199254740991,-9007199254740991,0]}"#, Limits::default()).unwrap();
        assert_eq!(top["a"][0], MAX_SAFE_INTEGER);
        assert_eq!(top["a"][1], -MAX_SAFE_INTEGER);
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
            let parsed = Value::Object(parse(&bytes, Limits::default()).unwrap());
            prop_assert_eq!(&parsed, &top);
            prop_assert_eq!(write(&parsed).unwrap(), bytes);
        }

        #[test]
        fn no_bytes_make_it_panic_and_what_it_accepts_is_canonical(bytes in "[{}\\[\\]\",:a-c0-9\\\\ -]{0,40}") {
            if let Ok(top) = parse(bytes.as_bytes(), Limits::default()) {
                prop_assert_eq!(write(&Value::Object(top)).unwrap(), bytes.as_bytes());
            }
        }
    }
}
