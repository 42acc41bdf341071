//! The wire form of a coverage profile, one module a major version.

#[cfg(test)]
pub(crate) mod form;
#[cfg(test)]
mod json_schema;
pub mod v1;
