//! A file as its checks see it: each refusal with the line of what is wrong.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::SuiteError;

/// No file that a person writes is longer.
const MAX_BYTES: usize = 1 << 20;

/// A file's name and text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// The file as written; a key that the form does not know is refused.
    pub(crate) fn read<W: DeserializeOwned>(self) -> Result<W, SuiteError> {
        if self.text.len() > MAX_BYTES {
            let fact = format!("{} bytes, more than the limit of {MAX_BYTES}", self.text.len());
            return Err(SuiteError::at(self.file, self.text, 0, fact));
        }
        toml::from_str(self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            SuiteError::at(self.file, self.text, offset, error.message())
        })
    }

    pub(crate) fn error<T>(self, place: &Spanned<T>, fact: impl Into<String>) -> SuiteError {
        SuiteError::at(self.file, self.text, place.span().start, fact)
    }

    pub(crate) fn require<T>(
        self,
        place: &Spanned<T>,
        holds: bool,
        fact: impl FnOnce() -> String,
    ) -> Result<(), SuiteError> {
        if holds { Ok(()) } else { Err(self.error(place, fact())) }
    }

    /// Lower-case words with hyphens or dots: names become parts of ids, file names and tables.
    pub(crate) fn require_name(self, name: &Spanned<String>) -> Result<(), SuiteError> {
        let text = name.get_ref();
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        self.require(name, fits, || format!("name `{text}` is not 1 to 64 of a-z 0-9 - . _"))
    }

    /// Three numbers, as releases are numbered.
    pub(crate) fn require_version(self, version: &Spanned<String>) -> Result<(), SuiteError> {
        let text = version.get_ref();
        let numbers = text.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        self.require(version, numbers == 3 && text.split('.').count() == 3, || {
            format!("version `{text}` is not of the form 1.2.3")
        })
    }

    /// Checks each item, and that no two have one name.
    pub(crate) fn all<W, T>(
        self,
        items: &[W],
        name: impl Fn(&W) -> &Spanned<String>,
        check: impl Fn(Self, &W) -> Result<T, SuiteError>,
    ) -> Result<Vec<T>, SuiteError> {
        let mut seen = BTreeSet::new();
        let mut checked = Vec::with_capacity(items.len());
        for item in items {
            let name = name(item);
            self.require_name(name)?;
            let is_new = seen.insert(name.get_ref().clone());
            self.require(name, is_new, || format!("name `{}` is used twice", name.get_ref()))?;
            checked.push(check(self, item)?);
        }
        Ok(checked)
    }

    /// A number within bounds, by name.
    pub(crate) fn bounded(
        self,
        name: &str,
        value: &Spanned<u64>,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, SuiteError> {
        let number = *value.get_ref();
        self.require(value, bounds.contains(&number), || {
            format!("{name} {number} is not between {} and {}", bounds.start(), bounds.end())
        })?;
        Ok(number)
    }

    /// As [`Self::bounded`], for what fits 32 bits.
    pub(crate) fn size(
        self,
        name: &str,
        value: &Spanned<u64>,
        bounds: RangeInclusive<u32>,
    ) -> Result<u32, SuiteError> {
        let (least, most) = bounds.into_inner();
        // Bounded, so nothing is cut off.
        self.bounded(name, value, u64::from(least)..=u64::from(most)).map(|size| size as u32)
    }
}
