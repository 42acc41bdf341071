//! The wire form of coverage profiles, one module a major version, and of comparisons.

pub mod comparison;
#[cfg(test)]
pub(crate) mod form;
#[cfg(test)]
mod json_schema;
pub mod v1;
