//! Rounds of drand in files, as its servers send them.

use std::path::Path;

use anyhow::anyhow;
use proofmark_reports::audit::RandomnessFault;
use proofmark_reports::beacon::{BeaconRound, CHAIN};
use proofmark_reports::cli::suite_file::read_bounded;

use crate::{Failure, Outcome};

/// The round of a file, whose signature holds.
pub(crate) fn load(path: &Path) -> Result<BeaconRound, Failure> {
    BeaconRound::from_json(&read_bounded(path)?).map_err(|fault| {
        let error = anyhow!("{}: {fault}", path.display());
        Failure::new(Outcome::BadInput, error).hint(format!("take one from {}", address("latest")))
    })
}

/// The failure of a round that does not decide an audit.
pub(crate) fn unfit(fault: RandomnessFault) -> Failure {
    let needed = match &fault {
        RandomnessFault::NotTheFirst { expected, .. } => Some(address(&expected.to_string())),
        _ => None,
    };
    let failure = Failure::new(Outcome::BadInput, fault);
    match needed {
        Some(address) => failure.hint(format!("take it from {address}")),
        None => failure,
    }
}

/// Where a server of drand has a round.
pub(crate) fn address(round: &str) -> String {
    format!("https://api.drand.sh/{CHAIN}/public/{round}")
}
