//! Where weights come from, and the digest of what was loaded.

mod checked_file;
mod gguf;
mod local;
mod safetensors_file;
mod safetensors_folder;
mod synthetic;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::framed_hash::FramedHash;
use crate::pin::Pins;
use crate::{Error, NativeDevice, NativeForm, Precision, Result};
use local::Local;
pub use synthetic::Synthetic;

/// How synthetic weights of a tensor are distributed; stored weights ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Uniform with standard deviation 0.02 around 0.
    Matrix,
    /// Uniform in `[-0.02, 0.02)`.
    Bias,
    /// Uniform in `[0.9, 1.1)`.
    Scale,
    /// Uniform in `[-0.1, 0.1)`: what is missing to a scale from one.
    ScaleOffset,
    /// 2.6592, from which the training of a contrastive model sets out.
    LogitScale,
}

/// A set of named tensors.
pub struct Weights {
    source: Source,
    precision: Precision,
    /// Where stock candle has its tensors.
    native: NativeDevice,
    loaded: Mutex<BTreeMap<String, [u8; 32]>>,
}

enum Source {
    Synthetic(Synthetic),
    Local(Local),
    Hub(Local),
    Custom(Box<Tensors>),
}

/// The most numbers of a tensor, several times those of the largest known: what a configuration asks for is nobody's word.
const MOST_NUMBERS: usize = 1 << 33;

/// The row-major values of the tensor of this name and shape.
type Tensors = dyn Fn(&str, &[usize], Init) -> Result<Vec<f32>> + Send + Sync;

impl Weights {
    /// Weights generated from a seed: any size, no download, the same bits everywhere.
    #[must_use]
    pub fn synthetic(seed: u64, precision: Precision) -> Self {
        Self::of(Source::Synthetic(Synthetic::new(seed)), precision)
    }

    /// A folder with `model.safetensors`, or with shards and `model.safetensors.index.json`, or else with one GGUF file.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub fn local(folder: &Path, precision: Precision) -> Result<Self> {
        Ok(Self::of(Source::Local(Local::open(folder, None)?), precision))
    }

    /// A folder as [`Self::local`] takes, fetched from the hub: every file that is used has its pin, and is checked against it here.
    ///
    /// # Errors
    /// When a file cannot be read, is damaged, has no pin or another digest.
    pub fn hub(folder: &Path, pins: &Pins, precision: Precision) -> Result<Self> {
        Ok(Self::of(Source::Hub(Local::open(folder, Some(pins))?), precision))
    }

    /// The same, for stock candle on another device.
    #[must_use]
    pub fn on(self, native: NativeDevice) -> Self {
        Self { native, ..self }
    }

    /// The format that every weight is rounded to.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    pub(crate) fn native_form(&self) -> NativeForm {
        self.native.form(self.precision)
    }

    /// Weights from anywhere: `tensors` gives the row-major values of a name and shape.
    pub fn custom(
        precision: Precision,
        tensors: impl Fn(&str, &[usize], Init) -> Result<Vec<f32>> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Source::Custom(Box::new(tensors)), precision)
    }

    fn of(source: Source, precision: Precision) -> Self {
        Self { source, precision, native: NativeDevice::CPU, loaded: Mutex::default() }
    }

    /// `synthetic`, `local`, `hub` or `custom`.
    #[must_use]
    pub fn source_name(&self) -> &'static str {
        match self.source {
            Source::Synthetic(_) => "synthetic",
            Source::Local(_) => "local",
            Source::Hub(_) => "hub",
            Source::Custom(_) => "custom",
        }
    }

    /// The place from which a model takes its tensors.
    #[must_use]
    pub fn root(&self) -> Scope<'_> {
        Scope { weights: self, path: String::new() }
    }

    /// SHA-256 over the names, shapes and f32 bytes of all tensors loaded so far, in the order of their names.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = FramedHash::new("proofmark/weights/1");
        loaded.iter().fold(hash, |hash, (name, digest)| hash.field(name.as_bytes()).field(digest)).finish()
    }

    fn load(&self, name: String, shape: &[usize], init: Init) -> Result<Vec<f32>> {
        let count = shape.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim));
        let Some(count) = count.filter(|count| *count <= MOST_NUMBERS) else {
            return Err(Error::InvalidConfig(format!("tensor `{name}` of {shape:?}: too large")));
        };
        let mut values = match &self.source {
            Source::Synthetic(synthetic) => synthetic.generate(&name, count, init),
            Source::Local(local) | Source::Hub(local) => local.load(&name, shape)?,
            Source::Custom(tensors) => tensors(&name, shape, init)?,
        };
        self.precision.round(&mut values).map_err(|index| Error::NonFiniteWeight {
            name: name.clone(),
            index,
            precision: self.precision,
        })?;
        let dims: Vec<u8> = shape.iter().flat_map(|dim| (*dim as u64).to_le_bytes()).collect();
        let digest = FramedHash::new("proofmark/tensor/1").field(&dims).floats(&values).finish();
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(name, digest);
        Ok(values)
    }

    fn contains(&self, name: &str) -> bool {
        match &self.source {
            Source::Synthetic(_) | Source::Custom(_) => true,
            Source::Local(local) | Source::Hub(local) => local.contains(name),
        }
    }
}

/// A prefix of tensor names: `model.layers.0.mlp`.
#[derive(Clone)]
pub struct Scope<'a> {
    weights: &'a Weights,
    path: String,
}

impl Scope<'_> {
    /// The scope below, its name joined by a dot.
    #[must_use]
    pub fn child(&self, name: impl fmt::Display) -> Self {
        Self { weights: self.weights, path: self.join(name) }
    }

    /// The child of that name if it holds the tensor, else this scope: checkpoints with and without a prefix.
    #[must_use]
    pub fn optional_child(&self, name: &str, tensor: &str) -> Self {
        let child = self.child(name);
        if self.weights.contains(&child.join(tensor)) { child } else { self.clone() }
    }

    /// The format that every weight is rounded to.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.weights.precision
    }

    pub(crate) fn native_form(&self) -> NativeForm {
        self.weights.native_form()
    }

    /// Loads a tensor, rounded to the precision and widened to f32, in row-major order.
    ///
    /// # Errors
    /// When it is missing, has another shape or an unsupported type, or cannot be read.
    pub fn tensor(&self, name: &str, shape: &[usize], init: Init) -> Result<Vec<f32>> {
        self.weights.load(self.join(name), shape, init)
    }

    /// The blocks of a matrix in GGUF's Q8_0, row after row, where it is stored so; `None` where it is not.
    ///
    /// # Errors
    /// When it has another shape or cannot be read.
    pub fn q8_0_blocks(&self, name: &str, shape: &[usize]) -> Result<Option<Vec<u8>>> {
        match &self.weights.source {
            Source::Local(local) | Source::Hub(local) => local.q8_0_blocks(&self.join(name), shape),
            Source::Synthetic(_) | Source::Custom(_) => Ok(None),
        }
    }

    /// The full path of a tensor.
    #[must_use]
    pub fn name(&self, tensor: &str) -> String {
        self.join(tensor)
    }

    fn join(&self, name: impl fmt::Display) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights").field("source", &self.source_name()).finish_non_exhaustive()
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), error }
}

fn damaged(path: &Path, reason: impl fmt::Display) -> Error {
    Error::Damaged { path: path.to_owned(), reason: reason.to_string() }
}
