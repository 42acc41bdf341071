//! Weights from a folder in the Hugging Face layout: `model.safetensors`, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::damaged;
use super::safetensors_file::SafetensorsFile;
use crate::config::read_bounded;
use crate::pin::{Pin, Pins};
use crate::{Error, Result};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The longest index that is read; that of a model of a trillion weights has some ten MiB.
const MAX_INDEX_BYTES: u64 = 32 << 20;
/// What Python unpickles.
const PICKLES: [&str; 4] = ["bin", "pt", "pth", "ckpt"];

/// Whether the folder has such files.
pub(super) fn is_there(folder: &Path, pins: Option<&Pins>) -> bool {
    let folder = Folder { path: folder, pins };
    folder.has(SINGLE) || folder.has(INDEX)
}

/// The tensors of a folder, read from disk when asked for.
#[derive(Debug)]
pub(super) struct Safetensors {
    files: BTreeMap<String, SafetensorsFile>,
    /// Tensor name to file name.
    file_of: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Safetensors {
    /// Opens a folder's weights; with pins no file that has none, and none that is otherwise.
    pub(super) fn open(folder: &Path, pins: Option<&Pins>) -> Result<Self> {
        let folder = Folder { path: folder, pins };
        if !folder.has(SINGLE) {
            if folder.has(INDEX) {
                return Self::open_shards(&folder);
            }
            if let Some(path) = folder.pickle() {
                return Err(Error::Pickle { path });
            }
        }
        let file = folder.open(SINGLE)?;
        let file_of = file.names().map(|tensor| (tensor, SINGLE.to_owned())).collect();
        Ok(Self { files: BTreeMap::from([(SINGLE.to_owned(), file)]), file_of })
    }

    fn open_shards(folder: &Folder<'_>) -> Result<Self> {
        let path = folder.path.join(INDEX);
        let text = read_bounded(&path, MAX_INDEX_BYTES)?;
        if let Some(pin) = folder.pin(INDEX)? {
            pin.check_digest(&path, Sha256::digest(&text).into())?;
        }
        let index: Index = serde_json::from_slice(&text).map_err(|error| damaged(&path, error))?;
        let mut files = BTreeMap::new();
        for name in index.weight_map.values().cloned().collect::<BTreeSet<_>>() {
            if Path::new(&name).file_name() != Some(name.as_ref()) {
                return Err(damaged(&path, format_args!("shard `{name}` is no plain file name")));
            }
            let file = folder.open(&name)?;
            files.insert(name, file);
        }
        Ok(Self { files, file_of: index.weight_map })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.file_of.contains_key(name)
    }

    pub(super) fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let file = self.file_of.get(name).and_then(|file| self.files.get(file));
        let values = file.and_then(|file| file.load(name, shape));
        values.unwrap_or_else(|| Err(Error::MissingTensor { name: name.to_owned() }))
    }
}

struct Folder<'a> {
    path: &'a Path,
    pins: Option<&'a Pins>,
}

impl Folder<'_> {
    fn has(&self, name: &str) -> bool {
        self.pins.map_or_else(|| self.path.join(name).exists(), |pins| pins.contains_key(name))
    }

    /// The pin of a file that is about to be opened.
    fn pin(&self, name: &str) -> Result<Option<&Pin>> {
        let missing = || Error::Unpinned { path: self.path.join(name) };
        self.pins.map(|pins| pins.get(name).ok_or_else(missing)).transpose()
    }

    fn open(&self, name: &str) -> Result<SafetensorsFile> {
        SafetensorsFile::open(self.path.join(name), self.pin(name)?)
    }

    fn pickle(&self) -> Option<PathBuf> {
        let is_pickle = |path: &PathBuf| {
            path.extension().is_some_and(|suffix| PICKLES.iter().any(|pickle| suffix == *pickle))
        };
        let entries = fs::read_dir(self.path).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).find(is_pickle)
    }
}
