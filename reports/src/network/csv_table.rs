//! Tables that a network writes: CSV whose first line names the columns, in any order.

use serde::de::DeserializeOwned;

/// Characters of what is said of a line.
const MAX_TOLD: usize = 200;

/// Why a table is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// In a line.
    #[error("line {line}: {fact}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        fact: String,
    },
    /// In all of it.
    #[error("{fact}")]
    Whole {
        /// What is wrong.
        fact: String,
    },
}

impl TableFault {
    pub(super) fn at(line: u64, fact: String) -> Self {
        Self::Line { line, fact }
    }

    pub(super) fn whole(fact: impl Into<String>) -> Self {
        Self::Whole { fact: fact.into() }
    }
}

/// The lines of a table that has the columns `required`, and of those `optional` any, each with its number; read as they are asked for.
///
/// # Errors
/// When a required column is not there; then for each line, when it is of another form.
pub(super) fn lines<L: DeserializeOwned>(
    csv: &[u8],
    required: &[&str],
    optional: &[&str],
) -> Result<impl Iterator<Item = Result<(u64, L), TableFault>>, TableFault> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let names = reader.headers().map_err(|error| TableFault::at(1, words(&error)))?.clone();
    if !required.iter().all(|column| names.iter().any(|name| name == *column)) {
        let found = crate::words::clipped(&names.iter().collect::<Vec<_>>().join(","), MAX_TOLD / 2);
        let expected = [required, optional].concat().join(",");
        return Err(TableFault::at(1, format!("columns are `{found}`, expected `{expected}`")));
    }
    let number = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
    Ok(reader.into_records().map(move |line| {
        let line = line.map_err(|error| TableFault::at(number(error.position()), words(&error)))?;
        let at = number(line.position());
        let fields = line.deserialize(Some(&names)).map_err(|error| TableFault::at(at, words(&error)))?;
        Ok((at, fields))
    }))
}

/// A fault of the form, without the place, which is said already.
fn words(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, expected {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => crate::words::clipped(&err.to_string(), MAX_TOLD),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => crate::words::clipped(&error.to_string(), MAX_TOLD),
    }
}
