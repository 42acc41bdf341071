use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Canonical, write};
use crate::words::clipped;

/// Why canonical JSON is not the one form of a value of the asked type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// A member is missing, unknown or of another type.
    #[error("{path}: {fact}")]
    Schema {
        /// Where.
        path: String,
        /// What.
        fact: String,
    },
    /// A member is left out that the schema writes as `null`.
    #[error("a member is left out or spelled in another way: absent values are written as null")]
    Incomplete,
}

/// Characters of a foreign text that a fault repeats.
const TOLD: usize = 200;

/// The value whose one form is `parsed`: straight from the text; only where that fails once more from a tree, to say where.
///
/// # Errors
/// [`FormFault`], also where the value would be written otherwise: other spellings that serde takes, such as a list for a type with
/// members, and members left out instead of `null`.
pub fn read<T: Serialize + DeserializeOwned>(parsed: &Canonical<'_>) -> Result<T, FormFault> {
    let value: T = serde_json::from_str(parsed.text()).or_else(|_| {
        serde_path_to_error::deserialize(Value::Object(parsed.tree())).map_err(|error| FormFault::Schema {
            path: clipped(&error.path().to_string(), TOLD),
            fact: clipped(&error.inner().to_string(), TOLD),
        })
    })?;
    let has_this_form = write(&value).is_ok_and(|written| written == parsed.text().as_bytes());
    if has_this_form { Ok(value) } else { Err(FormFault::Incomplete) }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{Limits, parse};
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: u64,
        y: Option<u64>,
    }

    fn point(text: &str) -> Result<Point, FormFault> {
        read(&parse(text.as_bytes(), Limits::default()).unwrap())
    }

    #[test]
    fn a_value_has_one_form() {
        assert_eq!(point(r#"{"x":1,"y":null}"#), Ok(Point { x: 1, y: None }));
        assert_eq!(point(r#"{"x":1}"#), Err(FormFault::Incomplete));
        // A type that does not refuse unknown members refuses them here all the same.
        assert_eq!(point(r#"{"x":1,"y":2,"z":3}"#), Err(FormFault::Incomplete));
        assert_eq!(point(r#"{"x":-1,"y":2}"#).unwrap_err().to_string().split(':').next(), Some("x"));
    }
}
