//! One value a machine, whatever key signs.
//!
//! It is a hash of the system's machine id, which systemd asks programs not to publish as it is. Where there is none, as in
//! many containers, a random one is made once and kept in the state folder. An operator can replace either; networks
//! that pay by machine look further (METHODOLOGY.md).

use std::fs;
use std::io::ErrorKind;

use anyhow::anyhow;
use proofmark_reports::Digest;

use crate::output_file::create_private;
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
    let path = key_file::state_folder()?.join("machine-id");
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| failure(anyhow!("no random numbers from the system: {error}")))?;
    match create_private(&path, Digest(bytes).to_string().as_bytes()) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            let error = anyhow::Error::new(error);
            return Err(failure(
                error.context(format!("cannot keep the machine's id in {}", path.display())),
            ));
        }
        _ => {}
    }
    // Another process may have been first.
    let id = fs::read_to_string(&path).unwrap_or_default();
    if id.parse::<Digest>().is_err() {
        let error = anyhow!("{} holds no machine id", path.display());
        return Err(failure(error).hint("remove it, and another one is made"));
    }
    Ok(id)
}
