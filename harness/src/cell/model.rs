//! The model of a workload, ready to take requests.

use anyhow::{Context, anyhow, bail};
use proofmark_models::weights::Weights;
use proofmark_models::{NativeDevice, Numerics, Output, Precision, Tokenizer, config};
use proofmark_reports::Digest;
use proofmark_workloads::{Input, ModelWeights, Task, Workload};

pub use super::network::PreparedInput;
use super::network::{Network, arithmetic};
use crate::plan::WeightsFolder;

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    network: Network,
    pub(super) workload: Workload,
    /// Of models that read text.
    tokenizer: Option<Tokenizer>,
    /// `synthetic`, `hub` or `local`
    pub weights_source: &'static str,
    /// Of the tensors as loaded.
    pub weights_digest: Digest,
}

/// An output and how long it took.
#[derive(Debug)]
pub struct Timed {
    /// The output.
    pub output: Output,
    /// From input to output.
    pub latency_ns: u64,
    /// From input to the first token; of generation.
    pub ttft_ns: Option<u64>,
}

impl Model {
    /// Loads the workload's model, with synthetic weights or those of a folder.
    ///
    /// # Errors
    /// When the configuration or the weights do not fit.
    pub fn load(
        workload: &Workload,
        folder: Option<&WeightsFolder>,
        numerics: Numerics,
    ) -> anyhow::Result<Self> {
        Self::load_on(workload, folder, numerics, NativeDevice::CPU)
    }

    /// As [`Self::load`]; `native` is where stock candle computes, if these are its numerics.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_on(
        workload: &Workload,
        folder: Option<&WeightsFolder>,
        numerics: Numerics,
        native: NativeDevice,
    ) -> anyhow::Result<Self> {
        let precision: Precision = workload.precision.parse()?;
        match (folder, &workload.model.weights) {
            (None, ModelWeights::Synthetic { seed }) => {
                Self::of(workload, &Weights::synthetic(*seed, precision).on(native), numerics)
            }
            (None, ModelWeights::Hub { repo, .. }) => bail!("{repo} of the hub was not fetched"),
            (Some(folder), _) => {
                check_folder(workload, folder)?;
                let tokenizer = tokenizer(workload, folder)?;
                Ok(Self { tokenizer, ..Self::of(workload, &folder.open(precision)?.on(native), numerics)? })
            }
        }
    }

    /// The workload's model with these weights, without a tokenizer.
    ///
    /// # Errors
    /// When the configuration or the weights do not fit.
    pub fn of(workload: &Workload, weights: &Weights, numerics: Numerics) -> anyhow::Result<Self> {
        let network = Network::load(workload, weights, numerics)?;
        let weights_digest = Digest(weights.digest());
        Ok(Self {
            network,
            workload: workload.clone(),
            tokenizer: None,
            weights_source: weights.source_name(),
            weights_digest,
        })
    }

    /// The request of this seed: real text where the model has a tokenizer.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn input(&self, seed: Digest) -> anyhow::Result<Input> {
        Ok(match &self.tokenizer {
            None => self.workload.input(seed),
            Some(tokenizer) => self.workload.text_input(seed, |text| tokenizer.encode(text))?,
        })
    }

    /// The tokens of a text.
    pub(super) fn encode(&self, text: &str) -> anyhow::Result<Vec<u32>> {
        let tokenizer = self.tokenizer.as_ref();
        Ok(tokenizer.ok_or_else(|| anyhow!("the model has no tokenizer.json"))?.encode(text)?)
    }

    /// Brings the input of requests that run together, all of the model's workload, into the network's form.
    ///
    /// # Errors
    /// When an input is for another task.
    pub fn prepare(&self, inputs: Vec<Input>) -> anyhow::Result<PreparedInput> {
        PreparedInput::of(&self.workload, inputs)
    }

    /// Runs one request by the clock.
    ///
    /// # Errors
    /// When the model fails.
    pub fn run(&self, input: &PreparedInput) -> anyhow::Result<Timed> {
        self.network.run(input)
    }

    /// The output whose tokens are known, at the cost of a prefill.
    ///
    /// # Errors
    /// When the model fails or makes no tokens, or they are not as many as were asked for.
    pub fn replay(&self, input: &PreparedInput, tokens: &[Vec<u32>]) -> anyhow::Result<Output> {
        self.network.replay(input, tokens)
    }
}

/// What makes text of the workload's requests into tokens, if the folder has it.
///
/// # Errors
/// When it is damaged, or of another model.
fn tokenizer(workload: &Workload, folder: &WeightsFolder) -> anyhow::Result<Option<Tokenizer>> {
    match workload.shape.task() {
        // Tokens are written, not read.
        Task::SpeechRecognition | Task::ImageClassification => Ok(None),
        Task::Generation
        | Task::Embedding
        | Task::Reranking
        | Task::TextClassification
        | Task::ImageTextSimilarity => Ok(folder.tokenizer(workload)?),
    }
}

/// Whether a folder's weights can be opened and its configuration gives the arithmetic of the suite's model.
///
/// # Errors
/// One that names the file, or the field that differs.
pub fn check_folder(workload: &Workload, weights: &WeightsFolder) -> anyhow::Result<()> {
    let path = weights.folder.join("config.json");
    let config = config::read(&path)?;
    let spec = &workload.model;
    let task = workload.shape.task();
    let (expected, actual) = (arithmetic(task, &spec.config)?, arithmetic(task, &config));
    let actual = actual.with_context(|| format!("cannot use {}", path.display()))?;
    if let Some((expected, actual)) = expected.lines().zip(actual.lines()).find(|(a, b)| a != b) {
        let (expected, actual) = (expected.trim_matches([' ', ',']), actual.trim_matches([' ', ',']));
        bail!("{} has {actual}, model {} of the suite has {expected}", path.display(), spec.name);
    }
    // One with pins was checked when it was fetched, and is again when it is loaded.
    if weights.pins.is_none() {
        weights.open(workload.precision.parse()?)?;
        tokenizer(workload, weights)?;
    }
    Ok(())
}
