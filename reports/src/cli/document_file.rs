//! Signed documents in files.

use std::path::Path;

use crate::document::{self, Document};
use anyhow::anyhow;

use super::suite_file::read_bounded;
use super::{Failure, Outcome};

/// The document of a file, whose form and signature hold.
///
/// # Errors
/// When it cannot be read or does not hold.
pub fn load<D: Document>(path: &Path) -> Result<D, Failure> {
    let refuse = |fact: String| {
        let error = anyhow!("{}: {fact}", path.display());
        Err(Failure::new(Outcome::BadInput, error).hint("take the file as its network made it"))
    };
    match document::open::<D>(&read_bounded(path)?) {
        Err(fault) => refuse(fault.to_string()),
        Ok(opened) => match opened.faults.first() {
            Some(fault) => refuse(fault.to_string()),
            None => Ok(opened.document),
        },
    }
}
