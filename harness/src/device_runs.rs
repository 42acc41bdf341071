//! The runs of one command: one a device, each with files of its own.

use std::path::{Path, PathBuf};

use crate::Failure;
use crate::certify::Start;
use crate::environment::accelerator_apart;
use crate::journal::Journal;
use crate::kept_outputs;
use crate::place::{Place, PlaceChoice};

/// What is certified on a device.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRun {
    pub(crate) place: Place,
    pub(crate) files: Files,
    pub(crate) start: Start,
}

/// What is written.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The profile.
    pub(crate) out: PathBuf,
    /// What audits need; `None` means beside the profile.
    pub(crate) outputs: Option<PathBuf>,
    pub(crate) in_toto: Option<PathBuf>,
}

/// The runs, one after another. `files` are those of one device; of all, each has the device's name in them. A command that was killed
/// goes on with the device that has a journal: those before it have their profiles.
///
/// # Errors
/// When a device is not there, or one of several cannot be opened: before anything is measured on another.
pub(crate) fn device_runs(
    choice: PlaceChoice,
    files: &Files,
    start: Start,
) -> Result<Vec<DeviceRun>, Failure> {
    let places = choice.places()?;
    if choice != PlaceChoice::All {
        return Ok(places
            .into_iter()
            .map(|place| DeviceRun { place, files: files.clone(), start })
            .collect());
    }
    places.iter().try_for_each(|place| accelerator_apart(*place).map(drop))?;
    let run = |place| DeviceRun { place, files: files.of(place), start: Start::Anew };
    let mut runs: Vec<DeviceRun> = places.into_iter().map(run).collect();
    if start == Start::Resume {
        let killed = runs.iter().position(|run| Journal::place(&run.files.out).exists());
        runs.drain(..killed.unwrap_or(0));
    }
    if let Some(first) = runs.first_mut() {
        first.start = start;
    }
    Ok(runs)
}

impl Files {
    /// Where what audits need goes.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.outputs.clone().unwrap_or_else(|| kept_outputs::place(&self.out))
    }

    fn of(&self, place: Place) -> Self {
        let named = |path: &Path| of_device(path, place);
        Self {
            out: named(&self.out),
            outputs: self.outputs.as_deref().map(named),
            in_toto: self.in_toto.as_deref().map(named),
        }
    }
}

/// `profile.json` of `cuda:0` is `profile.cuda-0.json`.
fn of_device(path: &Path, place: Place) -> PathBuf {
    let device = place.to_string().replace(':', "-");
    match path.extension() {
        Some(extension) => path.with_extension(format!("{device}.{}", extension.to_string_lossy())),
        None => path.with_extension(device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_has_files_of_its_own() {
        let files = Files {
            out: "out/profile.json".into(),
            outputs: Some("kept".into()),
            in_toto: Some("a.b.json".into()),
        };
        let Files { out, outputs, in_toto } = files.of(Place::Cuda(3));
        assert_eq!(out, Path::new("out/profile.cuda-3.json"));
        assert_eq!(outputs.as_deref(), Some(Path::new("kept.cuda-3")));
        assert_eq!(in_toto.as_deref(), Some(Path::new("a.b.cuda-3.json")));
        let beside = Files { outputs: None, ..files }.of(Place::Cpu);
        assert_eq!(beside.outputs(), Path::new("out/profile.cpu.json.outputs"));
    }
}
