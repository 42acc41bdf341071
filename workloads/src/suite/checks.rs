//! From the file as written to the suite as checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Spanned;

use super::{
    MAX_ROUNDS, MAX_STEPS, Model, ModelWeights, Numerics, Pixels, Q8, Suite, Timing, Tokens, Workload,
};
use crate::architecture::{Architecture, ConfigFault};
use crate::embedded::includable_text;
use crate::source::Source;
use crate::wire::{
    WireHub, WireInclude, WireModel, WirePixels, WireQuality, WireSlo, WireTexts, WireTiming, WireTokens,
    WireWorkload,
};
use crate::{Limits, Quality, Shape, Slo, SuiteError, Task};

/// Formats of weights.
const PRECISIONS: [&str; 4] = ["f32", "bf16", "f16", Q8];
/// Bounds on what a suite may ask for, so that a foreign one cannot ask for everything.
const MAX_TOKENS: u32 = 1 << 20;
const MAX_BATCH: u32 = 1 << 12;
/// Of all sequences of a request together.
const MAX_REQUEST_TOKENS: u64 = 1 << 24;
const MAX_REQUESTS_PER_HOUR: u64 = 1_000_000_000;
const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
/// Pixels of a side.
const MAX_IMAGE: u32 = 1 << 12;
/// What a speech model hears at a time.
const MAX_AUDIO_MS: u32 = 30_000;
/// Requests that a search for capacity may run together.
const MAX_TOGETHER: u64 = 64;

impl Source<'_> {
    pub(super) fn timing(self, wire: &WireTiming) -> Result<Timing, SuiteError> {
        let max_iterations = self.bounded("max_iterations", &wire.max_iterations, 1..=MAX_STEPS)?;
        let warm_up_ms = self.bounded("warm_up_ms", &wire.warm_up_ms, 0..=DAY_MS)?;
        Ok(Timing {
            rounds: self.bounded("rounds", &wire.rounds, 1..=MAX_ROUNDS)?,
            warm_up_ms,
            warm_up_cap_ms: self.bounded("warm_up_cap_ms", &wire.warm_up_cap_ms, warm_up_ms..=DAY_MS)?,
            measure_ms: self.bounded("measure_ms", &wire.measure_ms, 1..=DAY_MS)?,
            min_iterations: self.bounded("min_iterations", &wire.min_iterations, 1..=max_iterations)?,
            max_iterations,
            time_limit_s: self.bounded("time_limit_s", &wire.time_limit_s, 0..=DAY_MS / 1000)?,
            capacity_ms: self.bounded("capacity_ms", &wire.capacity_ms, 0..=DAY_MS)?,
            ceilings_ms: self.ceilings_ms(&wire.ceilings_ms)?,
        })
    }

    /// Not at all, or long enough for a tenth of it to mean something.
    fn ceilings_ms(self, wire: &Spanned<u64>) -> Result<u64, SuiteError> {
        if *wire.get_ref() == 0 { Ok(0) } else { self.bounded("ceilings_ms", wire, 100..=MINUTE_MS) }
    }

    /// The workloads of an embedded suite, which the digest pins, with their part of the demand.
    pub(super) fn included(self, wire: &WireInclude) -> Result<Vec<Workload>, SuiteError> {
        let name = wire.suite.get_ref();
        let suite = includable_text(name).map_or_else(
            || {
                Err(self
                    .error(&wire.suite, format!("suite `{name}` is not embedded, so it cannot be included")))
            },
            |text| Suite::parse(&format!("{name}.toml"), text),
        )?;
        self.require(&wire.digest, suite.digest.to_string() == *wire.digest.get_ref(), || {
            format!("the digest of suite `{name}` is {}", suite.digest)
        })?;
        let share_ppm = self.bounded("share_ppm", &wire.share_ppm, 0..=1_000_000)?;
        // By rounded sums up to each workload, so that the parts add up whatever the rounding.
        let (mut before, mut given) = (0, 0);
        let scale = |mut workload: Workload| {
            before += workload.share_ppm;
            workload.share_ppm = before * share_ppm / 1_000_000 - given;
            given += workload.share_ppm;
            workload
        };
        Ok(suite.workloads.into_iter().map(scale).collect())
    }

    pub(super) fn slo(self, wire: &WireSlo) -> Result<Slo, SuiteError> {
        let ns = |name, limit| Ok(self.bounded(name, limit, 1..=DAY_MS)? * 1_000_000);
        let limits = match (&wire.ttft_ms, &wire.tpot_ms, &wire.latency_ms) {
            (Some(ttft), Some(tpot), None) => {
                Limits::Tokens { ttft_ns: ns("ttft_ms", ttft)?, tpot_ns: ns("tpot_ms", tpot)? }
            }
            (None, None, Some(latency)) => Limits::Latency { latency_ns: ns("latency_ms", latency)? },
            _ => {
                let fact = format!(
                    "slo `{}` has neither ttft_ms and tpot_ms nor latency_ms alone",
                    wire.name.get_ref()
                );
                return Err(self.error(&wire.name, fact));
            }
        };
        let share_ppm = self.bounded("share_ppm", &wire.share_ppm, 1..=1_000_000)?;
        Ok(Slo { name: wire.name.get_ref().clone(), limits, share_ppm })
    }

    pub(super) fn model(self, wire: &WireModel) -> Result<Model, SuiteError> {
        let fields = wire.config.get_ref();
        let mut config = serde_json::Map::new();
        for (name, value) in fields {
            let value = serde_json::to_value(value.get_ref())
                .map_err(|_| self.error(value, format!("{name} is a value that JSON lacks")))?;
            config.insert(name.clone(), value);
        }
        let architecture = Architecture::of(&config).map_err(|ConfigFault { field, fact }| {
            fields
                .get(field)
                .map_or_else(|| self.error(&wire.config, &fact), |value| self.error(value, &fact))
        })?;
        let tokens = wire.tokens.as_ref().zip(architecture.vocab());
        let tokens = tokens.map(|(tokens, vocab)| self.tokens(tokens, vocab)).transpose()?;
        let pixels = wire.pixels.as_ref().map(|pixels| self.pixels(pixels, architecture.colours()));
        Ok(Model {
            name: wire.name.get_ref().clone(),
            weights: self.weights(wire)?,
            quality: wire.quality.as_ref().map(|quality| self.quality(wire, quality)).transpose()?,
            tokens,
            pixels: pixels.transpose()?,
            config,
            architecture,
        })
    }

    fn tokens(self, wire: &WireTokens, vocab: u64) -> Result<Tokens, SuiteError> {
        // Sizes are bounded below 2^32.
        let vocab = u32::try_from(vocab).unwrap_or(u32::MAX);
        let token = |name, id: &Spanned<u64>| {
            self.require(id, *id.get_ref() < u64::from(vocab), || {
                format!("{name} {} is not below vocab_size {vocab}", id.get_ref())
            })?;
            Ok(*id.get_ref() as u32)
        };
        let end = match &wire.ordinary_to {
            None => vocab,
            Some(last) => token("ordinary_to", last)? + 1,
        };
        let ordinary = token("ordinary_from", &wire.ordinary_from)?..end;
        // With one there would be one input for all seeds.
        self.require(&wire.ordinary_from, ordinary.len() > 1, || {
            "a vocabulary of one ordinary token".to_owned()
        })?;
        Ok(Tokens {
            start: token("start", &wire.start)?,
            separator: wire.separator.as_ref().map(|id| token("separator", id)).transpose()?,
            further: wire.further.iter().map(|id| token("further", id)).collect::<Result<_, SuiteError>>()?,
            ordinary,
        })
    }

    fn pixels(self, wire: &WirePixels, colours: u64) -> Result<Pixels, SuiteError> {
        for (name, numbers, fits) in [
            ("mean", &wire.mean, f64::is_finite as fn(f64) -> bool),
            ("std", &wire.std, |number| number.is_normal() && number > 0.0),
        ] {
            let count = numbers.get_ref().len() as u64;
            self.require(
                numbers,
                count == colours && numbers.get_ref().iter().all(|number| fits(*number)),
                || format!("{name} is not {colours} numbers, one a colour"),
            )?;
        }
        Ok(Pixels { mean: wire.mean.get_ref().clone(), std: wire.std.get_ref().clone() })
    }

    /// Either a seed or a place on the hub.
    fn weights(self, wire: &WireModel) -> Result<ModelWeights, SuiteError> {
        match (wire.seed, &wire.hub) {
            (Some(seed), None) => Ok(ModelWeights::Synthetic { seed }),
            (None, Some(WireHub { repo, revision })) => {
                self.require_repo(repo)?;
                self.require_revision(revision)?;
                let (repo, revision) = (repo.get_ref().clone(), revision.get_ref().clone());
                Ok(ModelWeights::Hub { repo, revision })
            }
            _ => {
                let fact = format!("model `{}` has not exactly one of seed, hub", wire.name.get_ref());
                Err(self.error(&wire.name, fact))
            }
        }
    }

    /// Of trained weights alone: what others answer says nothing.
    fn quality(self, wire: &WireModel, quality: &WireQuality) -> Result<Quality, SuiteError> {
        self.require(&quality.figures, wire.hub.is_some(), || {
            format!("model `{}` is not of the hub and has quality", wire.name.get_ref())
        })?;
        let tolerance_ppm = self.bounded("tolerance_ppm", &quality.tolerance_ppm, 1..=1_000_000)?;
        Ok(Quality { figures: quality.figures.get_ref().clone(), tolerance_ppm })
    }

    pub(super) fn workload(
        self,
        wire: &WireWorkload,
        slos: &[Slo],
        models: &[Arc<Model>],
    ) -> Result<Vec<Workload>, SuiteError> {
        let name = wire.name.get_ref();
        let slo = slos.iter().find(|slo| slo.name == *wire.slo.get_ref());
        let slo =
            slo.ok_or_else(|| self.error(&wire.slo, format!("slo `{}` is not defined", wire.slo.get_ref())))?;
        let model = models.iter().find(|model| model.name == *wire.model.get_ref());
        let model = model.ok_or_else(|| {
            self.error(&wire.model, format!("model `{}` is not defined", wire.model.get_ref()))
        })?;
        self.require_name(&wire.class)?;
        let shape = self.shape(wire, model)?;
        self.require_fitting(wire, shape, model, slo)?;
        let requests_per_hour =
            self.bounded("requests_per_hour", &wire.requests_per_hour, 1..=MAX_REQUESTS_PER_HOUR)?;

        let mut ids = BTreeSet::new();
        let entries = wire.variant.get_ref();
        self.require(&wire.variant, !entries.is_empty(), || format!("workload `{name}` has no variant"))?;
        let mut variants = Vec::with_capacity(entries.len());
        for variant in entries {
            let numerics: Numerics = variant
                .numerics
                .get_ref()
                .parse()
                .map_err(|fact: String| self.error(&variant.numerics, fact))?;
            let precision = variant.precision.get_ref();
            self.require(&variant.precision, PRECISIONS.contains(&precision.as_str()), || {
                format!("precision `{precision}` is none of {}", PRECISIONS.join(", "))
            })?;
            let is_its = !numerics.is_exact() || numerics == Numerics::exact_of(precision);
            self.require(&variant.numerics, is_its, || {
                let expected = Numerics::exact_of(precision);
                format!(
                    "numerics `{numerics}` have no precision `{precision}`, expected {expected} or native"
                )
            })?;
            let self_check = match &variant.self_check {
                None => None,
                Some(text) => {
                    Some(text.get_ref().parse().map_err(|error| self.error(text, format!("{error}")))?)
                }
            };
            let max_batch = match &variant.max_batch {
                None => None,
                Some(number) => u32::try_from(self.bounded("max_batch", number, 1..=MAX_TOGETHER)?).ok(),
            };
            let id = format!("{name}-{}-{precision}", numerics.family());
            self.require(&variant.numerics, ids.insert(id.clone()), || {
                format!("workload `{id}` is there twice")
            })?;
            variants.push(Workload {
                id,
                class: wire.class.get_ref().clone(),
                share_ppm: self.bounded("share_ppm", &variant.share_ppm, 0..=1_000_000)?,
                model: Arc::clone(model),
                shape,
                numerics,
                precision: precision.clone(),
                slo: slo.clone(),
                requests_per_hour,
                max_batch,
                self_check,
            });
        }
        Ok(variants)
    }

    /// The model can do the task, and the limits are those of the task.
    fn require_fitting(
        self,
        wire: &WireWorkload,
        shape: Shape,
        model: &Model,
        slo: &Slo,
    ) -> Result<(), SuiteError> {
        let (task, name) = (shape.task(), &model.name);
        let (does, tokens, separator, pixels) = match (task, &model.architecture) {
            (Task::Generation, Architecture::Decoder(_)) => (true, true, false, false),
            (Task::Embedding | Task::Reranking | Task::TextClassification, Architecture::Encoder(_)) => {
                (true, true, true, false)
            }
            (Task::ImageClassification, Architecture::Vision(_) | Architecture::Residual(_)) => {
                (true, false, false, true)
            }
            (Task::ImageTextSimilarity, Architecture::ImageText(_)) => (true, true, true, true),
            (Task::SpeechRecognition, Architecture::Speech(_)) => (true, true, false, false),
            _ => (false, false, false, false),
        };
        let has_separator = model.tokens.as_ref().is_some_and(|tokens| tokens.separator.is_some());
        for (holds, fact) in [
            (does, format!("model `{name}` is not for {task}")),
            (!tokens || model.tokens.is_some(), format!("model `{name}` has no tokens, which {task} needs")),
            (
                !separator || has_separator,
                format!("model `{name}` has no separator token, which {task} needs"),
            ),
            (!pixels || model.pixels.is_some(), format!("model `{name}` has no pixels, which {task} needs")),
        ] {
            self.require(&wire.model, holds, || fact)?;
        }
        if let Some(quality) = &model.quality {
            let (stated, wanted) = (quality.figures.len(), task.figures().len());
            self.require(&wire.model, stated == 0 || stated == wanted, || {
                format!("model `{name}` has {stated} quality figures, {task} has {wanted}")
            })?;
        }
        let is_by_token = matches!(slo.limits, Limits::Tokens { .. });
        self.require(&wire.slo, shape.output_tokens().is_some() == is_by_token, || {
            format!("slo `{}` does not fit the task {task}", slo.name)
        })
    }

    fn shape(self, wire: &WireWorkload, model: &Model) -> Result<Shape, SuiteError> {
        let tokens = |name, size, least| self.size(name, size, least..=MAX_TOKENS);
        let batch = |name, size| self.size(name, size, 1..=MAX_BATCH);
        // Time per output token needs a second token.
        let output = |size| tokens("output_tokens", size, 2);
        let mut shapes = Vec::new();
        if let Some(g) = &wire.generation {
            // The start token alone would be one input for all seeds.
            let prompt_tokens = tokens("prompt_tokens", &g.prompt_tokens, 2)?;
            let (output_tokens, batch) = (output(&g.output_tokens)?, batch("batch", &g.batch)?);
            shapes.push((Shape::Generation { prompt_tokens, output_tokens, batch }, &g.prompt_tokens));
        }
        if let Some(e) = &wire.embedding {
            let (tokens, batch) = self.texts(e)?;
            shapes.push((Shape::Embedding { tokens, batch }, &e.tokens));
        }
        if let Some(e) = &wire.text_classification {
            let (tokens, batch) = self.texts(e)?;
            shapes.push((Shape::TextClassification { tokens, batch }, &e.tokens));
        }
        if let Some(r) = &wire.reranking {
            let query_tokens = tokens("query_tokens", &r.query_tokens, 1)?;
            let document_tokens = tokens("document_tokens", &r.document_tokens, 1)?;
            let documents = batch("documents", &r.documents)?;
            shapes.push((Shape::Reranking { query_tokens, document_tokens, documents }, &r.document_tokens));
        }
        if let Some(i) = &wire.image_classification {
            let image_size = self.size("image_size", &i.image_size, 1..=MAX_IMAGE)?;
            let read = model.architecture.image_size().unwrap_or(u64::from(image_size));
            self.require(&i.image_size, u64::from(image_size) == read, || {
                format!("image_size {image_size}, model `{}` reads {read}", model.name)
            })?;
            shapes.push((
                Shape::ImageClassification { image_size, batch: batch("batch", &i.batch)? },
                &i.image_size,
            ));
        }
        if let Some(s) = &wire.image_text_similarity {
            let text_tokens = tokens("text_tokens", &s.text_tokens, 3)?;
            let image_size = model.architecture.image_size().and_then(|size| u32::try_from(size).ok());
            let (image_size, texts) = (image_size.unwrap_or(0), batch("texts", &s.texts)?);
            shapes.push((Shape::ImageTextSimilarity { image_size, text_tokens, texts }, &s.text_tokens));
        }
        if let Some(s) = &wire.speech_recognition {
            let audio_ms = self.size("audio_ms", &s.audio_ms, 1..=MAX_AUDIO_MS)?;
            let further = model.tokens.as_ref().map_or(0, |tokens| tokens.further.len());
            let prompt_tokens = u32::try_from(further).unwrap_or(u32::MAX).saturating_add(1);
            let (output_tokens, batch) = (output(&s.output_tokens)?, batch("batch", &s.batch)?);
            let shape = Shape::SpeechRecognition { audio_ms, prompt_tokens, output_tokens, batch };
            shapes.push((shape, &s.output_tokens));
        }
        let &[(shape, longest)] = &shapes[..] else {
            let fact = format!("workload `{}` has not exactly one task", wire.name.get_ref());
            return Err(self.error(&wire.name, fact));
        };
        let positions = u64::from(shape.positions());
        if let Some(limit) = model.architecture.positions() {
            self.require(longest, positions <= limit, || {
                format!("{positions} positions, model `{}` has {limit}", model.name)
            })?;
        }
        let tokens = positions * u64::from(shape.batch());
        self.require(longest, tokens <= MAX_REQUEST_TOKENS, || {
            format!("a request of {tokens} tokens in all, more than the limit of {MAX_REQUEST_TOKENS}")
        })?;
        Ok(shape)
    }

    /// Length and number of texts.
    fn texts(self, wire: &WireTexts) -> Result<(u32, u32), SuiteError> {
        // Between start and separator.
        let tokens = self.size("tokens", &wire.tokens, 3..=MAX_TOKENS)?;
        Ok((tokens, self.size("batch", &wire.batch, 1..=MAX_BATCH)?))
    }
}
