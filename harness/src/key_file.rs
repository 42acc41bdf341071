//! Signing keys on disk, one a role.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use proofmark_reports::key::{self, SigningKey};

use crate::output_file::create_private;
use crate::{Failure, Outcome};

/// A PEM file is far smaller.
const MAX_KEY_BYTES: u64 = 16 << 10;

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Signs profiles.
    Operator,
    /// Signs challenges and receipts.
    Network,
    /// Signs what an audit found.
    Auditor,
}

/// The key of `path`, which must exist; without a path the role's default key, made on first use.
pub(crate) fn load_or_create(role: Role, path: Option<&Path>) -> Result<SigningKey, Failure> {
    match path {
        Some(path) => load(path),
        None => made_on_first_use(&default_path(role)?),
    }
}

fn made_on_first_use(path: &Path) -> Result<SigningKey, Failure> {
    let is_there = |path: &Path| !matches!(path.try_exists(), Ok(false));
    if is_there(path) {
        return load(path);
    }
    // Another run that was begun at the same time may have made it since.
    create(path).or_else(|failure| if is_there(path) { load(path) } else { Err(failure) })
}

/// `$XDG_STATE_HOME/proofmark/keys/operator.pem`, by default below `~/.local/state`; of a network, `network.pem`.
pub(crate) fn default_path(role: Role) -> Result<PathBuf, Failure> {
    let name = match role {
        Role::Operator => "operator.pem",
        Role::Network => "network.pem",
        Role::Auditor => "auditor.pem",
    };
    Ok(state_folder()?.join("keys").join(name))
}

/// `$XDG_STATE_HOME/proofmark`
pub(crate) fn state_folder() -> Result<PathBuf, Failure> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("proofmark")).ok_or_else(|| {
        Failure::new(Outcome::BadKey, anyhow!("neither XDG_STATE_HOME nor HOME names a folder for the key"))
            .hint("pass --key FILE")
    })
}

/// Reads a key that nobody else may read.
pub(crate) fn load(path: &Path) -> Result<SigningKey, Failure> {
    let bad_key = |error: anyhow::Error| Failure::new(Outcome::BadKey, error);
    let place = path.display();
    let metadata = fs::metadata(path)
        .with_context(|| format!("cannot read key {place}"))
        .map_err(|error| bad_key(error).hint("`proofmark key new` makes one"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let error = anyhow!("key {place} can be read by others (mode {mode:03o})");
        return Err(bad_key(error).hint(format!("chmod 600 {place}")));
    }
    if metadata.len() > MAX_KEY_BYTES {
        return Err(bad_key(anyhow!("key {place} has {} bytes, which no key has", metadata.len())));
    }
    let pem = fs::read(path).with_context(|| format!("cannot read key {place}")).map_err(bad_key)?;
    key::from_pem(&String::from_utf8_lossy(&pem))
        .with_context(|| format!("key {place} is foreign"))
        .map_err(|error| bad_key(error).hint("`proofmark key new --out FILE` makes one of the right kind"))
}

/// Makes a key with mode 0600; an existing file is never replaced.
pub(crate) fn create(path: &Path) -> Result<SigningKey, Failure> {
    let place = path.display();
    let bad_key = |error: anyhow::Error| Failure::new(Outcome::BadKey, error);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| bad_key(anyhow!("no random numbers from the system: {error}")))?;
    let signing_key = key::from_seed(&seed);
    let pem = key::to_pem(&signing_key).map_err(|error| bad_key(error.into()))?;

    create_private(path, pem.as_bytes()).map_err(|error| {
        let exists = error.kind() == ErrorKind::AlreadyExists;
        let failure = bad_key(anyhow::Error::new(error).context(format!("cannot make key {place}")));
        if exists { failure.hint("it is there already, and a key is never replaced") } else { failure }
    })?;
    Ok(signing_key)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn runs_that_begin_at_once_share_the_key_that_one_of_them_makes() {
        const RUNS: usize = 8;
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let (path, begin) = (folder.path().join("keys/operator.pem"), Barrier::new(RUNS));
            let made = thread::scope(|scope| {
                let run = || {
                    begin.wait();
                    made_on_first_use(&path).unwrap().to_bytes()
                };
                let runs: Vec<_> = (0..RUNS).map(|_| scope.spawn(run)).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(made.iter().all(|key| *key == load(&path).unwrap().to_bytes()));
        }
    }
}
