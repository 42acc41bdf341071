//! One value a machine, whatever key signs.
//!
//! It is a hash of the system's machine id, which systemd asks programs not to publish as it is. Where there is none, as in
//! many containers, a random one is made once and kept in the state folder. An operator can replace either; networks
//! that pay by machine look further (METHODOLOGY.md).

use std::fs;

use anyhow::{Context, anyhow};
use proofmark_reports::Digest;

use crate::{Failure, Outcome, key_file};

pub(super) fn read() -> Result<Digest, Failure> {
    let system = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = match system.trim() {
        "" | "uninitialized" => own_id()?,
        id => id.to_owned(),
    };
    Ok(Digest::of_fields("proofmark/machine/1", &[id.as_bytes()]))
}

fn own_id() -> Result<String, Failure> {
    let failure = |error: anyhow::Error| Failure::new(Outcome::CannotWrite, error);
    let folder = key_file::state_folder()?;
    let path = folder.join("machine-id");
    if let Ok(id) = fs::read_to_string(&path) {
        return Ok(id.trim().to_owned());
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| failure(anyhow!("no random numbers from the system: {error}")))?;
    let id = Digest(bytes).to_string();
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, &id))
        .with_context(|| format!("cannot keep the machine's id in {}", path.display()))
        .map_err(failure)?;
    Ok(id)
}
