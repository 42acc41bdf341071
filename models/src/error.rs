use std::path::PathBuf;

use crate::Precision;
use crate::exact::device::DeviceError;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A candle operation failed.
    #[error("tensor operation failed: {0}")]
    Candle(#[from] candle_core::Error),
    /// The device that a model is on failed, or cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A file could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file was read and is not what it should be.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of another format, whose reader executes what it reads.
    #[error("{} is a pickle, a program that is never run; weights are taken from safetensors alone", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// A file was to be used whose size and digest are not known beforehand.
    #[error("{} is not among the files whose digests are known", path.display())]
    Unpinned {
        /// The file.
        path: PathBuf,
    },
    /// A tokenizer of another model: it knows a token that the model does not have.
    #[error("{} has token id {id}, the model's vocabulary has {vocab}", path.display())]
    ForeignTokenizer {
        /// The file.
        path: PathBuf,
        /// The largest.
        id: u32,
        /// How many the model has.
        vocab: usize,
    },
    /// A text could not be made tokens, or tokens a text.
    #[error("{} fails: {reason}", path.display())]
    Tokenizer {
        /// The tokenizer's file.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// The weights lack a tensor that the architecture needs.
    #[error("weights have no tensor `{name}`")]
    MissingTensor {
        /// Its full path.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("tensor `{name}` has shape {actual:?}, expected {expected:?}")]
    ShapeMismatch {
        /// Its full path.
        name: String,
        /// From the configuration.
        expected: Vec<usize>,
        /// From the file.
        actual: Vec<usize>,
    },
    /// A tensor is stored in a type that cannot be widened exactly.
    #[error("tensor `{name}` is stored as {dtype}, expected F32, F16 or BF16")]
    UnsupportedDtype {
        /// Its full path.
        name: String,
        /// As the file names it.
        dtype: String,
    },
    /// A weight is NaN or infinite, or becomes so in the workload's precision.
    #[error("tensor `{name}` holds a number at index {index} that is not finite in {precision}")]
    NonFiniteWeight {
        /// Its full path.
        name: String,
        /// The first such element.
        index: usize,
        /// What the weights are rounded to.
        precision: Precision,
    },
    /// A configuration asks for something that this crate does not do.
    #[error("config field `{field}` is {value}, which is not supported ({supported})")]
    UnsupportedConfig {
        /// The field's name in `config.json`.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would be.
        supported: &'static str,
    },
    /// A configuration could not be understood.
    #[error("config is not valid: {0}")]
    InvalidConfig(String),
    /// An input does not fit the model.
    #[error("input does not fit the model: {0}")]
    InvalidInput(String),
    /// An output holds NaN or an infinity, which is never hashed.
    #[error("output `{what}` holds a non-finite number at index {index}")]
    NonFinite {
        /// Which output.
        what: &'static str,
        /// The first such element.
        index: usize,
    },
}
