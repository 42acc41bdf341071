//! The checked suite.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;

use crate::wire::{WireModel, WireSlo, WireSuite, WireTiming, WireWorkload};
use crate::{Digest, Limits, Slo, SuiteError};

/// Formats of weights.
const PRECISIONS: [&str; 3] = ["f32", "bf16", "f16"];

/// The version of the file format that this program reads.
const FORMAT: u32 = 1;
/// Bounds on what a suite may ask for, so that a foreign one cannot ask for everything.
const MAX_TOKENS: u32 = 1 << 20;
const MAX_BATCH: u32 = 1 << 12;
/// Timed iterations of all workloads together, so that a profile stays within what readers accept.
const MAX_STEPS: u64 = 40_000;
const DAY_MS: u64 = 86_400_000;

/// A list of workloads with all that they refer to.
#[derive(Clone, Debug)]
pub struct Suite {
    /// `smoke`, `standard`, ..
    pub name: String,
    /// Raised whenever the file changes.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    /// How long is measured.
    pub timing: Timing,
    /// In the order of the file; each variant is one workload.
    pub workloads: Vec<Workload>,
}

/// How long a cell is warmed up and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Untimed iterations for at least this long.
    pub warm_up_ms: u64,
    /// The budget from which the number of timed iterations is computed beforehand.
    pub measure_ms: u64,
    /// Never fewer iterations than this.
    pub min_iterations: u64,
    /// Never more iterations than this.
    pub max_iterations: u64,
    /// A cell that takes longer in all has failed.
    pub time_limit_s: u64,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Unique in the suite: name, numerics and precision.
    pub id: String,
    /// The demand class that it stands for.
    pub class: String,
    /// Its share of the suite's demand mix, in millionths.
    pub share_ppm: u64,
    /// The model.
    pub model: Arc<Model>,
    /// What is asked of it.
    pub shape: Shape,
    /// The arithmetic.
    pub numerics: Numerics,
    /// The type of the weights.
    pub precision: String,
    /// When a request counts as served in time.
    pub slo: Slo,
    /// The rate that a machine must sustain to have capacity.
    pub requests_per_hour: u64,
    /// The output digest for [`crate::self_check_seed`]; exact workloads carry it.
    pub self_check: Option<Digest>,
}

/// A model with synthetic weights.
#[derive(Clone, Debug)]
pub struct Model {
    /// Unique in the suite.
    pub name: String,
    /// The seed of its weights.
    pub seed: u64,
    /// Ids with a role.
    pub tokens: Tokens,
    /// Ids that inputs are drawn from.
    pub ordinary: Range<u32>,
    /// The members of a Hugging Face `config.json`.
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// Token ids with a role in inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Begins every sequence.
    pub start: u32,
    /// Ends a segment of an encoder's input.
    pub separator: Option<u32>,
}

/// What a request asks for, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Continue each prompt greedily.
    Generation {
        /// Tokens of a prompt, with the start token.
        prompt_tokens: u32,
        /// Tokens to generate.
        output_tokens: u32,
        /// Prompts a request.
        batch: u32,
    },
    /// Embed each text.
    Embedding {
        /// Tokens of a text, with start and separator.
        tokens: u32,
        /// Texts a request.
        batch: u32,
    },
    /// Score each document against the query.
    Reranking {
        /// Tokens of the query, without the three special ones.
        query_tokens: u32,
        /// Tokens of a document.
        document_tokens: u32,
        /// Documents a request.
        documents: u32,
    },
}

/// What a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Text from a prompt.
    Generation,
    /// A vector from a text.
    Embedding,
    /// Scores from a query and documents.
    Reranking,
}

/// The arithmetic that a workload asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numerics {
    /// The same bits everywhere, version 1.
    Exact1,
    /// Stock kernels.
    Native,
}

impl Suite {
    /// Parses and checks a suite file, of which `file` is the name for messages.
    ///
    /// # Errors
    /// [`SuiteError`] with the line of the first fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, SuiteError> {
        let source = Source { file, text };
        let wire: WireSuite = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            SuiteError::at(file, text, offset, error.message())
        })?;
        source.require(&wire.format, *wire.format.get_ref() == FORMAT, || {
            format!("suite format {} is unknown, this program reads format {FORMAT}", wire.format.get_ref())
        })?;
        source.require_name(&wire.name)?;
        let version = wire.version.get_ref();
        let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        source.require(&wire.version, numbers == 3 && version.split('.').count() == 3, || {
            format!("version `{version}` is not of the form 1.2.3")
        })?;

        let slos = source.all(&wire.slo, |slo| &slo.name, Source::slo)?;
        let models = source.all(&wire.model, |model| &model.name, Source::model)?;
        let models: Vec<Arc<Model>> = models.into_iter().map(Arc::new).collect();
        let entries = wire.workload.get_ref();
        let workloads = source.all(
            entries,
            |workload| &workload.name,
            |source, workload| source.workload(workload, &slos, &models),
        )?;
        let workloads: Vec<Workload> = workloads.into_iter().flatten().collect();
        let shares: u64 = workloads.iter().map(|workload| workload.share_ppm).sum();
        source.require(&wire.workload, shares == 1_000_000, || {
            format!("the workloads' shares add up to {shares} ppm, expected 1000000")
        })?;
        let timing = source.timing(&wire.timing)?;
        let steps = timing.max_iterations * workloads.len() as u64;
        source.require(&wire.timing.max_iterations, steps <= MAX_STEPS, || {
            format!("{steps} iterations of all workloads, more than the limit of {MAX_STEPS}")
        })?;
        Ok(Self {
            name: wire.name.into_inner(),
            version: wire.version.into_inner(),
            description: wire.description,
            digest: Digest::of(text.as_bytes()),
            timing,
            workloads,
        })
    }

    /// The workload of this id.
    #[must_use]
    pub fn workload(&self, id: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.id == id)
    }
}

impl Timing {
    /// The number of timed iterations, fixed beforehand from the median of the warm-up.
    #[must_use]
    pub fn iterations(&self, warm_up_median_ns: u64) -> u64 {
        let affordable = self.measure_ms * 1_000_000 / warm_up_median_ns.max(1);
        affordable.clamp(self.min_iterations, self.max_iterations)
    }
}

impl Shape {
    /// The task.
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Generation { .. } => Task::Generation,
            Self::Embedding { .. } => Task::Embedding,
            Self::Reranking { .. } => Task::Reranking,
        }
    }

    /// Sequences that run together.
    #[must_use]
    pub fn batch(self) -> u32 {
        match self {
            Self::Generation { batch, .. } | Self::Embedding { batch, .. } => batch,
            Self::Reranking { documents, .. } => documents,
        }
    }

    /// The longest sequence, in tokens.
    #[must_use]
    pub fn positions(self) -> u32 {
        match self {
            Self::Generation { prompt_tokens, output_tokens, .. } => prompt_tokens + output_tokens,
            Self::Embedding { tokens, .. } => tokens,
            Self::Reranking { query_tokens, document_tokens, .. } => query_tokens + document_tokens + 3,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generation => "generation",
            Self::Embedding => "embedding",
            Self::Reranking => "reranking",
        })
    }
}

impl Numerics {
    /// The name without version, as workload ids have it.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Self::Exact1 => "exact",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact1 => "exact/1",
            Self::Native => "native",
        })
    }
}

impl FromStr for Numerics {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Exact1, Self::Native]
            .into_iter()
            .find(|numerics| numerics.to_string() == name)
            .ok_or_else(|| format!("numerics `{name}` are unknown, expected exact/1 or native"))
    }
}

/// The file, for messages.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn error<T>(self, place: &Spanned<T>, fact: impl Into<String>) -> SuiteError {
        SuiteError::at(self.file, self.text, place.span().start, fact)
    }

    fn require<T>(
        self,
        place: &Spanned<T>,
        holds: bool,
        fact: impl FnOnce() -> String,
    ) -> Result<(), SuiteError> {
        if holds { Ok(()) } else { Err(self.error(place, fact())) }
    }

    /// Lower-case words with hyphens or dots: names become parts of ids, file names and tables.
    fn require_name(self, name: &Spanned<String>) -> Result<(), SuiteError> {
        let text = name.get_ref();
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        self.require(name, fits, || format!("name `{text}` is not 1 to 64 of a-z 0-9 - . _"))
    }

    /// Checks each item, and that no two have one name.
    fn all<W, T>(
        self,
        items: &[W],
        name: impl Fn(&W) -> &Spanned<String>,
        check: impl Fn(Self, &W) -> Result<T, SuiteError>,
    ) -> Result<Vec<T>, SuiteError> {
        let mut seen = BTreeSet::new();
        let mut checked = Vec::with_capacity(items.len());
        for item in items {
            let name = name(item);
            self.require_name(name)?;
            let is_new = seen.insert(name.get_ref().clone());
            self.require(name, is_new, || format!("name `{}` is used twice", name.get_ref()))?;
            checked.push(check(self, item)?);
        }
        Ok(checked)
    }

    /// A number within bounds, by name.
    fn bounded(
        self,
        name: &str,
        value: &Spanned<u64>,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, SuiteError> {
        let number = *value.get_ref();
        self.require(value, bounds.contains(&number), || {
            format!("{name} {number} is not between {} and {}", bounds.start(), bounds.end())
        })?;
        Ok(number)
    }

    fn timing(self, wire: &WireTiming) -> Result<Timing, SuiteError> {
        let max_iterations = self.bounded("max_iterations", &wire.max_iterations, 1..=MAX_STEPS)?;
        Ok(Timing {
            warm_up_ms: self.bounded("warm_up_ms", &wire.warm_up_ms, 0..=DAY_MS)?,
            measure_ms: self.bounded("measure_ms", &wire.measure_ms, 1..=DAY_MS)?,
            min_iterations: self.bounded("min_iterations", &wire.min_iterations, 1..=max_iterations)?,
            max_iterations,
            time_limit_s: self.bounded("time_limit_s", &wire.time_limit_s, 0..=DAY_MS / 1000)?,
        })
    }

    fn slo(self, wire: &WireSlo) -> Result<Slo, SuiteError> {
        let ns =
            |ms: u64| ms.checked_mul(1_000_000).ok_or_else(|| self.error(&wire.name, "a limit is too large"));
        let limits = match (wire.ttft_ms, wire.tpot_ms, wire.latency_ms) {
            (Some(ttft), Some(tpot), None) => Limits::Tokens { ttft_ns: ns(ttft)?, tpot_ns: ns(tpot)? },
            (None, None, Some(latency)) => Limits::Latency { latency_ns: ns(latency)? },
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

    fn model(self, wire: &WireModel) -> Result<Model, SuiteError> {
        let config = serde_json::to_value(wire.config.get_ref())
            .ok()
            .and_then(|value| value.as_object().cloned())
            .ok_or_else(|| self.error(&wire.config, "config has a value that JSON lacks"))?;
        let vocab =
            config.get("vocab_size").and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let vocab = vocab.ok_or_else(|| self.error(&wire.config, "config has no vocab_size"))?;
        let tokens = wire.tokens.get_ref();
        let highest = tokens.start.max(tokens.separator.unwrap_or(0));
        self.require(&wire.tokens, highest < vocab && tokens.ordinary_from < vocab, || {
            format!("a token id is not below vocab_size {vocab}")
        })?;
        Ok(Model {
            name: wire.name.get_ref().clone(),
            seed: wire.seed,
            tokens: Tokens { start: tokens.start, separator: tokens.separator },
            ordinary: tokens.ordinary_from..vocab,
            config,
        })
    }

    fn workload(
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
        let shape = self.shape(wire)?;
        let is_generation = shape.task() == Task::Generation;
        self.require(&wire.slo, is_generation == matches!(slo.limits, Limits::Tokens { .. }), || {
            format!("slo `{}` does not fit the task {}", slo.name, shape.task())
        })?;
        self.require(&wire.model, is_generation || model.tokens.separator.is_some(), || {
            format!("model `{}` has no separator token, which {} needs", model.name, shape.task())
        })?;

        let mut ids = BTreeSet::new();
        let mut variants = Vec::with_capacity(wire.variant.len());
        for variant in &wire.variant {
            let numerics: Numerics = variant
                .numerics
                .get_ref()
                .parse()
                .map_err(|fact: String| self.error(&variant.numerics, fact))?;
            let precision = variant.precision.get_ref();
            self.require(&variant.precision, PRECISIONS.contains(&precision.as_str()), || {
                format!("precision `{precision}` is none of {}", PRECISIONS.join(", "))
            })?;
            let self_check = match &variant.self_check {
                None => None,
                Some(text) => {
                    Some(text.get_ref().parse().map_err(|error| self.error(text, format!("{error}")))?)
                }
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
                requests_per_hour: wire.requests_per_hour,
                self_check,
            });
        }
        Ok(variants)
    }

    fn shape(self, wire: &WireWorkload) -> Result<Shape, SuiteError> {
        let (shape, sizes) = match (&wire.generation, &wire.embedding, &wire.reranking) {
            (Some(g), None, None) => {
                let (prompt_tokens, output_tokens, batch) = (g.prompt_tokens, g.output_tokens, g.batch);
                // Time per output token needs a second token.
                let shape = Shape::Generation { prompt_tokens, output_tokens, batch };
                (shape, prompt_tokens >= 1 && output_tokens >= 2)
            }
            (None, Some(e), None) => (Shape::Embedding { tokens: e.tokens, batch: e.batch }, e.tokens >= 3),
            (None, None, Some(r)) => {
                let (query_tokens, document_tokens, documents) =
                    (r.query_tokens, r.document_tokens, r.documents);
                let shape = Shape::Reranking { query_tokens, document_tokens, documents };
                (shape, query_tokens >= 1 && document_tokens >= 1)
            }
            _ => {
                let fact = format!(
                    "workload `{}` has not exactly one of generation, embedding, reranking",
                    wire.name.get_ref()
                );
                return Err(self.error(&wire.name, fact));
            }
        };
        let tokens = match shape {
            Shape::Generation { prompt_tokens, output_tokens, .. } => prompt_tokens.max(output_tokens),
            Shape::Embedding { tokens, .. } => tokens,
            Shape::Reranking { query_tokens, document_tokens, .. } => query_tokens.max(document_tokens),
        };
        let fits = sizes && tokens <= MAX_TOKENS && (1..=MAX_BATCH).contains(&shape.batch());
        self.require(&wire.name, fits, || {
            format!("workload `{}` has an impossible size", wire.name.get_ref())
        })?;
        Ok(shape)
    }
}
