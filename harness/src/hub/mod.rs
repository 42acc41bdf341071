//! Models of the hub: which files a suite's model is, and a folder with them, fetched and checked.

mod environment;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use proofmark_models::hub::{Hub, HubError, HubSettings, Network};
use proofmark_models::{Pin, Pins};
use proofmark_reports::Digest;
use proofmark_reports::cli::suite_file::read_bounded;
use proofmark_workloads::{LockedModel, Model, ModelLock, ModelWeights, Workload, embedded_lock};

use crate::plan::WeightsFolder;
use crate::progress::Progress;
use crate::{Failure, Outcome};
pub(crate) use environment::settings;

/// The lock file of this name, or the built-in one.
pub(crate) fn lock(file: Option<&Path>) -> Result<ModelLock, Failure> {
    let Some(path) = file else { return Ok(embedded_lock()) };
    let bad_input = |error: anyhow::Error| Failure::new(Outcome::BadInput, error);
    let text = String::from_utf8(read_bounded(path)?)
        .map_err(|_| bad_input(anyhow!("{} is not UTF-8", path.display())))?;
    ModelLock::parse(&path.display().to_string(), &text).map_err(|error| bad_input(error.into()))
}

/// Folders with the weights of those models of `workloads` that are of the hub and not among `given`.
pub(crate) fn fetched(
    workloads: &[&Workload],
    given: &[WeightsFolder],
    lock: &ModelLock,
    progress: &mut Progress,
) -> Result<Vec<WeightsFolder>, Failure> {
    let is_given = |model: &Model| given.iter().any(|weights| weights.model == model.name);
    let models = workloads.iter().map(|workload| &workload.model).filter(|model| !is_given(model));
    let models: BTreeMap<&str, &Model> = models.map(|model| (&*model.name, &**model)).collect();
    let mut wanted = Vec::new();
    // All of them are looked up before the first is fetched.
    for model in models.into_values() {
        if let Some(locked) = locked(model, lock)? {
            require_pinned(locked)?;
            wanted.push((model.name.clone(), locked));
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let hub = Hub::new(&settings()?).map_err(failure)?;
    let folders = wanted.into_iter().map(|(model, locked)| fetch(&hub, model, locked, progress));
    folders.collect()
}

/// A folder with all files of a pinned model.
pub(crate) fn fetch(
    hub: &Hub,
    model: String,
    locked: &LockedModel,
    progress: &mut Progress,
) -> Result<WeightsFolder, Failure> {
    let pins: BTreeMap<String, (u64, Digest)> =
        locked.files.iter().filter_map(|file| Some((file.path.clone(), file.pin()?))).collect();
    let files = as_pins(&pins);
    let folder = hub.fetch(&locked.repo, &locked.revision, &files, &mut |event| progress.hub(event));
    let folder = folder.map_err(|error| {
        let failure = failure(error);
        progress.finish();
        failure
    })?;
    Ok(WeightsFolder { model, folder, pins: Some(pins) })
}

/// The folder of the cache with a model's tokenizer, if it is there as the lock file says; nothing is fetched.
pub(crate) fn cached_tokenizer(model: &Model, lock: &ModelLock) -> Option<WeightsFolder> {
    let locked = locked(model, lock).ok()??;
    let file = locked.files.iter().find(|file| file.path == "tokenizer.json")?;
    let pins = BTreeMap::from([(file.path.clone(), file.pin()?)]);
    let hub = Hub::new(&HubSettings { network: Network::Offline, ..settings().ok()? }).ok()?;
    let folder = hub.fetch(&locked.repo, &locked.revision, &as_pins(&pins), &mut |_| {}).ok()?;
    Some(WeightsFolder { model: model.name.clone(), folder, pins: Some(pins) })
}

/// The lock file's entry for a model of the hub; `None` for one of synthetic weights.
pub(crate) fn locked<'a>(model: &Model, lock: &'a ModelLock) -> Result<Option<&'a LockedModel>, Failure> {
    let ModelWeights::Hub { repo, revision } = &model.weights else { return Ok(None) };
    let refuse = |fact: String| {
        let error = anyhow!("model {} is {repo} of the hub at {revision}, {fact}", model.name);
        Err(Failure::new(Outcome::BadInput, error).hint("--lock FILE names another lock file"))
    };
    match lock.model(repo) {
        Some(locked) if locked.revision == *revision => Ok(Some(locked)),
        Some(locked) => refuse(format!("the lock file has it at {}", locked.revision)),
        None => refuse("which the lock file does not have".to_owned()),
    }
}

/// Refuses a model of which not every digest is known.
pub(crate) fn require_pinned(locked: &LockedModel) -> Result<(), Failure> {
    match locked.files.iter().find(|file| file.pin().is_none()) {
        None => Ok(()),
        Some(file) => {
            let error = anyhow!("{} is unpinned: size or digest of {} is not known", locked.repo, file.path);
            let hint = format!(
                "`proofmark models lock {}` asks the hub; then pass the file with --lock",
                locked.repo
            );
            Err(Failure::new(Outcome::BadInput, error).hint(hint))
        }
    }
}

/// As the crate of the models has them.
pub(crate) fn as_pins(pins: &BTreeMap<String, (u64, Digest)>) -> Pins {
    let pin = |(size_bytes, sha256): (u64, Digest)| Pin { size_bytes, sha256: sha256.0 };
    pins.iter().map(|(path, known)| (path.clone(), pin(*known))).collect()
}

/// How the program ends when the hub does not give a file.
pub(crate) fn failure(error: HubError) -> Failure {
    let hint = match &error {
        HubError::Endpoint(_) => "HF_ENDPOINT names the hub",
        HubError::Offline { .. } => {
            "unset HF_HUB_OFFLINE, or `proofmark models fetch` while online; HF_HOME names the cache"
        }
        HubError::Cached(_) => "unset HF_HUB_OFFLINE, so that it is fetched anew",
        HubError::Refused { .. } => {
            "set HF_TOKEN to a token that may read it; some models want their licence accepted first"
        }
        HubError::Missing { .. } => "check repository, revision and file in the lock file",
        HubError::Unreachable { .. } => "try again; what was fetched is kept",
        HubError::Answer { .. } | HubError::Digest { .. } => {
            "HF_ENDPOINT names the hub; if it is the right one, the lock file may be wrong"
        }
        HubError::Unwritable { .. } => "make room, or name another folder with HF_HOME",
        _ => "check the lock file",
    };
    let outcome = match &error {
        HubError::Unwritable { .. } => Outcome::CannotWrite,
        _ => Outcome::BadInput,
    };
    Failure::new(outcome, error).hint(hint)
}
