//! Signed documents in files.

use std::path::Path;

use anyhow::anyhow;
use proofmark_reports::document::{self, Document};

use crate::suite_file::read_bounded;
use crate::{Failure, Outcome};

/// The document of a file, whose form and signature hold.
pub(crate) fn load<D: Document>(path: &Path) -> Result<D, Failure> {
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
