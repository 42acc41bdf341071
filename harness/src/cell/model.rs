//! The model of a workload, ready to take requests.

use anyhow::{Context, bail};
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Output, Precision, config};
use proofmark_reports::Digest;
use proofmark_workloads::{Input, ModelWeights, Workload};

pub use super::network::PreparedInput;
use super::network::{Network, arithmetic};
use crate::plan::WeightsFolder;

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    network: Network,
    workload: Workload,
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
        let precision: Precision = workload.precision.parse()?;
        let weights = match (folder, &workload.model.weights) {
            (None, ModelWeights::Synthetic { seed }) => Weights::synthetic(*seed, precision),
            (None, ModelWeights::Hub { repo, .. }) => bail!("{repo} of the hub was not fetched"),
            (Some(folder), _) => {
                check_folder(workload, folder)?;
                folder.open(precision)?
            }
        };
        Self::of(workload, &weights, numerics)
    }

    /// The workload's model with these weights.
    ///
    /// # Errors
    /// When the configuration or the weights do not fit.
    pub fn of(workload: &Workload, weights: &Weights, numerics: Numerics) -> anyhow::Result<Self> {
        let network = Network::load(workload, weights, numerics)?;
        let weights_digest = Digest(weights.digest());
        Ok(Self {
            network,
            workload: workload.clone(),
            weights_source: weights.source_name(),
            weights_digest,
        })
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
    }
    Ok(())
}
