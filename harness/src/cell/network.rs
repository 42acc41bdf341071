//! The network behind a model, by what its configuration and the workload's task say.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{bail, ensure};
use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::config::ConfigMap;
use proofmark_models::decoder::{Decoder, DecoderSpec, Generation};
use proofmark_models::encoder::{Classifier, Embedder, EncoderInput, EncoderSpec, Reranker};
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::weights::Weights;
use proofmark_models::whisper::{Whisper, WhisperConfig};
use proofmark_models::{Numerics, Output};
use proofmark_workloads::{Architecture, Image, Input, Model, Task, Workload};

use super::model::Timed;
use super::nanoseconds;

const OTHER_TASK: &str = "the input is for another task than the model";
/// What the samples of a sound are divided by.
const FULL_SCALE: f32 = 32_768.0;

/// A network ready to take requests.
#[derive(Debug)]
pub(super) enum Network {
    Decoder(Box<Decoder>),
    Embedder(Embedder),
    Reranker(Reranker),
    Classifier(Classifier),
    Vit(Vit),
    ResNet(ResNet),
    Clip(Box<Clip>),
    Whisper(Box<Whisper>),
}

/// An input in the form that the network takes, made outside the timed part.
#[derive(Debug)]
pub enum PreparedInput {
    /// Prompts and the number of tokens to generate.
    Generation(Vec<Vec<u32>>, usize),
    /// Padded sequences.
    Encoder(EncoderInput),
    /// Images with scaled colours.
    Pixels(PixelValues),
    /// Images and texts.
    ImageText(ClipInput),
    /// Sounds, what the decoder begins with, and the number of tokens to write.
    Speech {
        /// `(batch, samples)`
        waveforms: Vec<Vec<f32>>,
        /// `(tokens,)`
        prompt: Vec<u32>,
        /// How many.
        steps: usize,
    },
}

impl Network {
    pub(super) fn load(workload: &Workload, weights: &Weights, numerics: Numerics) -> anyhow::Result<Self> {
        let config = &workload.model.config;
        let encoder = || EncoderSpec::parse(config);
        Ok(match (workload.shape.task(), &workload.model.architecture) {
            (Task::Generation, _) => {
                // Room for the paragraph by which the model is judged.
                let judged = workload.model.quality.as_ref().map_or(0, |_| workload.quality_positions());
                let positions = workload.shape.positions().max(judged) as usize;
                let spec = DecoderSpec::parse(config)?;
                Self::Decoder(Box::new(Decoder::load(&spec, weights, positions, numerics)?))
            }
            (Task::Embedding, _) => Self::Embedder(Embedder::load(&encoder()?, weights, numerics)?),
            (Task::Reranking, _) => Self::Reranker(Reranker::load(&encoder()?, weights, numerics)?),
            (Task::TextClassification, _) => {
                Self::Classifier(Classifier::load(&encoder()?, weights, numerics)?)
            }
            (Task::ImageClassification, Architecture::Residual(_)) => {
                Self::ResNet(ResNet::load(&ResNetConfig::parse(config)?, weights, numerics)?)
            }
            (Task::ImageClassification, _) => {
                Self::Vit(Vit::load(&VitConfig::parse(config)?, weights, numerics)?)
            }
            (Task::ImageTextSimilarity, _) => {
                Self::Clip(Box::new(Clip::load(&ClipConfig::parse(config)?, weights, numerics)?))
            }
            (Task::SpeechRecognition, _) => {
                Self::Whisper(Box::new(Whisper::load(&WhisperConfig::parse(config)?, weights, numerics)?))
            }
        })
    }

    /// Runs one request by the clock.
    pub(super) fn run(&self, input: &PreparedInput) -> anyhow::Result<Timed> {
        let started = Instant::now();
        let whole = |output: Output| Timed { output, latency_ns: nanoseconds(started), ttft_ns: None };
        Ok(match (self, input) {
            (Self::Decoder(model), PreparedInput::Generation(prompts, steps)) => by_token(
                started,
                |on_step| Ok(model.generate(prompts, *steps, on_step)?),
                Generation::into_output,
            )?,
            (Self::Whisper(model), PreparedInput::Speech { waveforms, prompt, steps }) => by_token(
                started,
                |on_step| Ok(model.transcribe(waveforms, prompt, *steps, on_step)?),
                Generation::into_transcription,
            )?,
            (Self::Embedder(model), PreparedInput::Encoder(input)) => whole(model.embed(input)?),
            (Self::Reranker(model), PreparedInput::Encoder(input)) => whole(model.score(input)?),
            (Self::Classifier(model), PreparedInput::Encoder(input)) => whole(model.classify(input)?),
            (Self::Vit(model), PreparedInput::Pixels(images)) => whole(model.classify(images)?),
            (Self::ResNet(model), PreparedInput::Pixels(images)) => whole(model.classify(images)?),
            (Self::Clip(model), PreparedInput::ImageText(input)) => whole(model.compare(input)?),
            _ => bail!(OTHER_TASK),
        })
    }

    /// The output whose tokens are known, at the cost of a prefill.
    pub(super) fn replay(&self, input: &PreparedInput, tokens: &[Vec<u32>]) -> anyhow::Result<Output> {
        let is_of = |steps: &usize| tokens.iter().all(|tokens| tokens.len() == *steps);
        match (self, input) {
            (Self::Decoder(model), PreparedInput::Generation(prompts, steps)) => {
                ensure!(is_of(steps), "an output of another length");
                Ok(model.replay(prompts, tokens)?)
            }
            (Self::Whisper(model), PreparedInput::Speech { waveforms, prompt, steps }) => {
                ensure!(is_of(steps), "an output of another length");
                Ok(model.replay(waveforms, prompt, tokens)?)
            }
            _ => bail!(OTHER_TASK),
        }
    }
}

/// Runs what gives one token after another. Joining the steps' logits serves the digest, not the request, so it is not timed.
fn by_token(
    started: Instant,
    run: impl FnOnce(&mut dyn FnMut(usize)) -> anyhow::Result<Generation>,
    output: impl FnOnce(Generation) -> Output,
) -> anyhow::Result<Timed> {
    let mut ttft_ns = None;
    let generation = run(&mut |_| {
        ttft_ns.get_or_insert_with(|| nanoseconds(started));
    })?;
    let latency_ns = nanoseconds(started);
    Ok(Timed { output: output(generation), latency_ns, ttft_ns })
}

impl PreparedInput {
    /// Brings the inputs of requests that run together, all of one workload, into the network's form.
    ///
    /// # Errors
    /// When they are not all for the workload's task.
    pub(super) fn of(workload: &Workload, inputs: Vec<Input>) -> anyhow::Result<Self> {
        let (model, requests) = (&*workload.model, inputs.len());
        match workload.shape.task() {
            Task::Generation => {
                let (mut all, mut steps) = (Vec::new(), 0);
                for input in inputs {
                    let Input::Generation { prompts, output_tokens } = input else { bail!(OTHER_TASK) };
                    all.extend(prompts);
                    steps = output_tokens as usize;
                }
                Ok(Self::Generation(all, steps))
            }
            Task::Embedding | Task::Reranking | Task::TextClassification => {
                let (mut all, mut types) = (Vec::new(), Vec::new());
                for input in inputs {
                    let Input::Encoder { sequences, token_types } = input else { bail!(OTHER_TASK) };
                    all.extend(sequences);
                    types = token_types;
                }
                Ok(Self::Encoder(EncoderInput {
                    ids: all.concat(),
                    token_types: types.repeat(all.len()),
                    lengths: Arc::new(all.iter().map(Vec::len).collect()),
                }))
            }
            Task::ImageClassification => {
                let mut all = Vec::new();
                for input in inputs {
                    let Input::Images(images) = input else { bail!(OTHER_TASK) };
                    all.extend(images);
                }
                Ok(Self::Pixels(pixels(model, &all)))
            }
            Task::ImageTextSimilarity => {
                let (mut images, mut all) = (Vec::new(), Vec::new());
                for input in inputs {
                    let Input::ImageText { image, texts } = input else { bail!(OTHER_TASK) };
                    images.push(image);
                    all.extend(texts);
                }
                Ok(Self::ImageText(ClipInput { images: pixels(model, &images), texts: all, requests }))
            }
            Task::SpeechRecognition => {
                let (mut waveforms, mut begin, mut steps) = (Vec::new(), Vec::new(), 0);
                for input in inputs {
                    let Input::Speech { sounds, prompt, output_tokens } = input else { bail!(OTHER_TASK) };
                    let waveform =
                        |sound: Vec<i16>| sound.into_iter().map(|s| f32::from(s) / FULL_SCALE).collect();
                    waveforms.extend(sounds.into_iter().map(waveform));
                    (begin, steps) = (prompt, output_tokens as usize);
                }
                Ok(Self::Speech { waveforms, prompt: begin, steps })
            }
        }
    }
}

/// All images in one batch, their colours scaled as the model wants them.
fn pixels(model: &Model, images: &[Image]) -> PixelValues {
    let channels = model.architecture.colours() as usize;
    let side = images.first().map_or(0, |image| image.image_size as usize);
    let colours: Vec<u8> = images.iter().flat_map(|image| &image.values).copied().collect();
    // A suite is refused whose task needs a scale that its model does not name.
    let (mean, std) = match &model.pixels {
        Some(pixels) => (pixels.mean.clone(), pixels.std.clone()),
        None => (vec![0.0; channels], vec![1.0; channels]),
    };
    PixelValues::of_colours(&colours, [images.len(), channels, side, side], &mean, &std)
}

/// What a configuration says of arithmetic, as text: a line a field.
pub(super) fn arithmetic(task: Task, config: &ConfigMap) -> anyhow::Result<String> {
    Ok(match (task, config.get("model_type").and_then(|family| family.as_str())) {
        (Task::Generation, _) => format!("{:#?}", DecoderSpec::parse(config)?),
        (Task::TextClassification, _) => format!("{:#?}", EncoderSpec::parse(config)?),
        // Their outputs have nothing to do with the labels that a checkpoint names.
        (Task::Embedding | Task::Reranking, _) => {
            format!("{:#?}", EncoderSpec { labels: 1, ..EncoderSpec::parse(config)? })
        }
        (Task::ImageClassification, Some("resnet")) => format!("{:#?}", ResNetConfig::parse(config)?),
        (Task::ImageClassification, _) => format!("{:#?}", VitConfig::parse(config)?),
        (Task::ImageTextSimilarity, _) => format!("{:#?}", ClipConfig::parse(config)?),
        (Task::SpeechRecognition, _) => format!("{:#?}", WhisperConfig::parse(config)?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_the_arithmetic_of_classification_alone() {
        let told = |task, labels: u64| {
            let config = json!({
                "model_type": "bert", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                "num_attention_heads": 2, "max_position_embeddings": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
                "num_labels": labels,
            });
            arithmetic(task, config.as_object().unwrap()).unwrap()
        };
        for task in [Task::Embedding, Task::Reranking] {
            assert_eq!(told(task, 1), told(task, 3));
        }
        assert_ne!(told(Task::TextClassification, 1), told(Task::TextClassification, 3));
    }
}
