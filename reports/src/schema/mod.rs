//! The wire form of a coverage profile, one module a major version.

pub mod v1;
