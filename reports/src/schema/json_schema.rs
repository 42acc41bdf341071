//! JSON Schema (draft 2020-12) of what is signed, of comparisons and changes, from the wire types and their documentation: the files in `reports/schema`.
//!
//! Exists for tests alone: the program reads by the types themselves.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::change::Change;
use super::comparison::Comparison;
use super::v1::{NetworkChallenge, Profile, ProfileSummary, Receipt};
use crate::audit::AuditPredicate;
use crate::canonical_json::MAX_SAFE_INTEGER;

/// The schemas of version 1, by name.
pub(crate) fn schemas() -> [(&'static str, Schema); 7] {
    [
        of::<Profile>("coverage-profile"),
        of::<NetworkChallenge>("challenge"),
        of::<Receipt>("receipt"),
        of::<ProfileSummary>("profile-summary"),
        of::<AuditPredicate>("audit"),
        of::<Comparison>("comparison"),
        of::<Change>("change"),
    ]
}

fn of<T: JsonSchema>(name: &'static str) -> (&'static str, Schema) {
    let settings =
        SchemaSettings::draft2020_12().for_deserialize().with_transform(RecursiveTransform(narrow));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), json!(format!("urn:x-proofmark:{name}:v1:schema")));
    (name, schema)
}

/// To what the one reader of documents accepts (`canonical_json`), which asks more than serde.
fn narrow(schema: &mut Schema) {
    all_members(schema);
    names_of_members(schema);
    safe_integers(schema);
    printable_texts(schema);
}

/// Absent values are `null`, so each member is there, and no other.
fn all_members(schema: &mut Schema) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let mut names: Vec<String> = properties.keys().cloned().collect();
        names.sort();
        schema.insert("required".to_owned(), json!(names));
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// Where members are free, their names are not; those of a proof are left out.
fn names_of_members(schema: &mut Schema) {
    if schema.get("additionalProperties").is_some_and(Value::is_object) {
        let names = json!({"pattern": "^[a-z]", "not": {"pattern": "[^a-z0-9_]"}});
        schema.insert("propertyNames".to_owned(), names);
    }
}

/// `format` is a name of Rust's; the range is said in numbers.
fn safe_integers(schema: &mut Schema) {
    let maximum = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => i64::from(u32::MAX),
        Some("uint64") => MAX_SAFE_INTEGER,
        _ => return,
    };
    schema.remove("format");
    schema.insert("maximum".to_owned(), json!(maximum));
}

/// Texts are printable ASCII. Said by what they do not have, because in some dialects `$` stands before a final newline too.
fn printable_texts(schema: &mut Schema) {
    let is_text = match schema.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => several.contains(&json!("string")),
        _ => false,
    };
    let has_form = ["const", "enum", "pattern"].iter().any(|keyword| schema.get(*keyword).is_some());
    if is_text && !has_form {
        schema.insert("not".to_owned(), json!({"type": "string", "pattern": "[^ -~]"}));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    #[test]
    fn committed_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for (name, schema) in schemas() {
            let path = folder.join(format!("{name}-v1.json"));
            let made = format!("{:#}\n", schema.as_value());
            if env::var("SCHEMA").is_ok_and(|task| task == "write") {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &made).unwrap();
            }
            let stored = fs::read_to_string(&path).unwrap_or_default();
            let advice = "SCHEMA=write cargo test --release -p proofmark-reports schema writes it again";
            assert!(stored == made, "{} is stale; {advice}", path.display());
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), schemas().len());
    }
}
