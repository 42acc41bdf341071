//! The wire form of coverage profiles, one module a major version, of comparisons, and of changes.

pub mod change;
pub mod comparison;
#[cfg(test)]
pub(crate) mod form;
#[cfg(test)]
mod json_schema;
pub mod v1;
