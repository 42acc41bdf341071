//! The model of a workload, ready to take requests.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use proofmark_models::config::ConfigMap;
use proofmark_models::decoder::{Decoder, DecoderSpec};
use proofmark_models::encoder::{Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Output, Precision};
use proofmark_reports::Digest;
use proofmark_workloads::{Input, Task, Workload};

use super::nanoseconds;

const OTHER_TASK: &str = "the input is for another task than the model";

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    network: Network,
    /// `synthetic` or `local`
    pub weights_source: &'static str,
    /// Of the tensors as loaded.
    pub weights_digest: Digest,
}

#[derive(Debug)]
enum Network {
    Generator(Decoder),
    Embedder(Embedder),
    Reranker(Reranker),
}

/// An input in the form that the model takes, made outside the timed part.
#[derive(Debug)]
pub enum PreparedInput {
    /// Prompts and the number of tokens to generate.
    Generation(Vec<Vec<u32>>, usize),
    /// Padded sequences.
    Encoder(EncoderInput),
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
    /// Loads the workload's model, with the suite's synthetic weights or those of a folder.
    ///
    /// # Errors
    /// When the configuration or the weights do not fit.
    pub fn load(workload: &Workload, folder: Option<&Path>, numerics: Numerics) -> anyhow::Result<Self> {
        let precision: Precision = workload.precision.parse()?;
        let weights = match folder {
            None => Weights::synthetic(workload.model.seed, precision),
            Some(folder) => {
                check_folder(workload, folder)?;
                Weights::local(folder, precision)?
            }
        };
        Self::of(workload, &weights, numerics)
    }

    /// The workload's model with these weights.
    ///
    /// # Errors
    /// When the configuration or the weights do not fit.
    pub fn of(workload: &Workload, weights: &Weights, numerics: Numerics) -> anyhow::Result<Self> {
        let spec = &workload.model;
        let network = match workload.shape.task() {
            Task::Generation => {
                let config = DecoderSpec::parse(&spec.config)?;
                let positions = workload.shape.positions() as usize;
                Network::Generator(Decoder::load(&config, weights, positions, numerics)?)
            }
            Task::Embedding => {
                Network::Embedder(Embedder::load(&EncoderSpec::parse(&spec.config)?, weights, numerics)?)
            }
            Task::Reranking => {
                Network::Reranker(Reranker::load(&EncoderSpec::parse(&spec.config)?, weights, numerics)?)
            }
        };
        Ok(Self { network, weights_source: weights.source_name(), weights_digest: Digest(weights.digest()) })
    }

    /// Brings the input of requests that run together, all of one workload, into the model's form.
    ///
    /// # Errors
    /// When an input is for another task.
    pub fn prepare(&self, inputs: Vec<Input>) -> anyhow::Result<PreparedInput> {
        match self.network {
            Network::Generator(_) => {
                let (mut all, mut steps) = (Vec::new(), 0);
                for input in inputs {
                    let Input::Generation { prompts, output_tokens } = input else { bail!(OTHER_TASK) };
                    all.extend(prompts);
                    steps = output_tokens as usize;
                }
                Ok(PreparedInput::Generation(all, steps))
            }
            Network::Embedder(_) | Network::Reranker(_) => {
                let (mut all, mut types) = (Vec::new(), Vec::new());
                for input in inputs {
                    let Input::Encoder { sequences, token_types } = input else { bail!(OTHER_TASK) };
                    all.extend(sequences);
                    types = token_types;
                }
                Ok(PreparedInput::Encoder(EncoderInput {
                    ids: all.concat(),
                    token_types: types.repeat(all.len()),
                    lengths: Arc::new(all.iter().map(Vec::len).collect()),
                }))
            }
        }
    }

    /// Runs one request by the clock.
    ///
    /// # Errors
    /// When the model fails.
    pub fn run(&self, input: &PreparedInput) -> anyhow::Result<Timed> {
        let started = Instant::now();
        match (&self.network, input) {
            (Network::Generator(model), PreparedInput::Generation(prompts, steps)) => {
                let mut ttft_ns = None;
                let generation = model.generate(prompts, *steps, &mut |_| {
                    ttft_ns.get_or_insert_with(|| nanoseconds(started));
                })?;
                let latency_ns = nanoseconds(started);
                // Joining the steps' logits serves the digest, not the request.
                Ok(Timed { output: generation.into_output(), latency_ns, ttft_ns })
            }
            (Network::Embedder(model), PreparedInput::Encoder(input)) => {
                let output = model.embed(input)?;
                Ok(Timed { output, latency_ns: nanoseconds(started), ttft_ns: None })
            }
            (Network::Reranker(model), PreparedInput::Encoder(input)) => {
                let output = model.score(input)?;
                Ok(Timed { output, latency_ns: nanoseconds(started), ttft_ns: None })
            }
            _ => bail!(OTHER_TASK),
        }
    }

    /// The output of a generation whose tokens are known, at the cost of a prefill.
    ///
    /// # Errors
    /// When the model fails or does not generate, or the tokens are not as many as were asked for.
    pub fn replay(&self, input: &PreparedInput, tokens: &[Vec<u32>]) -> anyhow::Result<Output> {
        match (&self.network, input) {
            (Network::Generator(model), PreparedInput::Generation(prompts, steps)) => {
                ensure!(tokens.iter().all(|tokens| tokens.len() == *steps), "an output of another length");
                Ok(model.replay(prompts, tokens)?)
            }
            _ => bail!(OTHER_TASK),
        }
    }
}

/// Whether a folder's weights can be opened and its configuration gives the arithmetic of the suite's model.
///
/// # Errors
/// One that names the file, or the field that differs.
pub fn check_folder(workload: &Workload, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("config.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let config: ConfigMap =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let spec = &workload.model;
    let (expected, actual) = match workload.shape.task() {
        Task::Generation => (
            format!("{:#?}", DecoderSpec::parse(&spec.config)?),
            DecoderSpec::parse(&config).map(|c| format!("{c:#?}")),
        ),
        Task::Embedding | Task::Reranking => (
            format!("{:#?}", EncoderSpec::parse(&spec.config)?),
            EncoderSpec::parse(&config).map(|c| format!("{c:#?}")),
        ),
    };
    let actual = actual.with_context(|| format!("cannot use {}", path.display()))?;
    if let Some((expected, actual)) = expected.lines().zip(actual.lines()).find(|(a, b)| a != b) {
        let (expected, actual) = (expected.trim_matches([' ', ',']), actual.trim_matches([' ', ',']));
        bail!("{} has {actual}, model {} of the suite has {expected}", path.display(), spec.name);
    }
    Weights::local(folder, workload.precision.parse()?)?;
    Ok(())
}
