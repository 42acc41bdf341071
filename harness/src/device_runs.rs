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
    /// `None` where the command that was killed had finished it.
    pub(crate) start: Option<Start>,
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

/// The runs, one after another. `files` are those of one device; of all, each has the device's name in them.
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
        let run = |place| DeviceRun { place, files: files.clone(), start: Some(start) };
        return Ok(places.into_iter().map(run).collect());
    }
    places.iter().try_for_each(|place| accelerator_apart(*place).map(drop))?;
    let run = |place| DeviceRun { place, files: files.of(place), start: Some(Start::Anew) };
    let mut runs: Vec<DeviceRun> = places.into_iter().map(run).collect();
    if start == Start::Resume {
        resume(&mut runs);
    }
    Ok(runs)
}

/// Finds where the command was killed: on the last device with a journal, or else before the first without a profile. Devices before it
/// are finished where they have their profile, and those behind it were not begun.
fn resume(runs: &mut [DeviceRun]) {
    let has_journal: Vec<bool> =
        runs.iter().map(|run| has_content(&Journal::place(&run.files.out))).collect();
    let has_profile: Vec<bool> = runs.iter().map(|run| run.files.out.exists()).collect();
    let killed = has_journal.iter().rposition(|has| *has);
    let killed = killed.or_else(|| has_profile.iter().position(|has| !has)).unwrap_or(0);
    for (index, run) in runs.iter_mut().enumerate() {
        run.start = match index {
            _ if has_journal[index] => Some(Start::Resume),
            _ if index < killed && has_profile[index] => None,
            // Nothing is there to go on from, and this run will say so.
            0 if killed == 0 => Some(Start::Resume),
            _ => Some(Start::Anew),
        };
    }
}

/// A journal that was claimed and has no line yet is of a run that had done nothing.
fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
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

    /// Of three devices, each with what is there: `p`rofile, `j`ournal, `e`mpty journal, `-` nothing.
    fn resumed(there: [&str; 3]) -> [Option<Start>; 3] {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = [0, 1, 2].map(|device| {
            let out = folder.path().join(format!("{device}.json"));
            for what in there[device].chars() {
                let (path, text) = match what {
                    'p' => (out.clone(), "{}"),
                    'j' => (Journal::place(&out), "line"),
                    'e' => (Journal::place(&out), ""),
                    _ => continue,
                };
                std::fs::write(path, text).unwrap();
            }
            let files = Files { out, outputs: None, in_toto: None };
            DeviceRun { place: Place::Cuda(device), files, start: Some(Start::Anew) }
        });
        resume(&mut runs);
        runs.map(|run| run.start)
    }

    #[test]
    fn a_command_goes_on_where_it_was_killed() {
        const ANEW: Option<Start> = Some(Start::Anew);
        const ON: Option<Start> = Some(Start::Resume);
        assert_eq!(resumed(["j", "-", "-"]), [ON, ANEW, ANEW]);
        assert_eq!(resumed(["p", "j", "-"]), [None, ON, ANEW]);
        // Between two devices, and while the second's ceilings were measured.
        assert_eq!(resumed(["p", "-", "-"]), [None, ANEW, ANEW]);
        assert_eq!(resumed(["p", "e", "-"]), [None, ANEW, ANEW]);
        // Profiles of an earlier command lie behind; they are measured anew.
        assert_eq!(resumed(["pj", "p", "p"]), [ON, ANEW, ANEW]);
        assert_eq!(resumed(["p", "pj", "p"]), [None, ON, ANEW]);
        // A profile that is gone is not taken for finished.
        assert_eq!(resumed(["-", "j", "-"]), [ANEW, ON, ANEW]);
        // No command was killed, which the first run will say.
        assert_eq!(resumed(["-", "-", "-"]), [ON, ANEW, ANEW]);
        assert_eq!(resumed(["p", "p", "p"]), [ON, ANEW, ANEW]);
    }
}
