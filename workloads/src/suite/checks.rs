//! From the file as written to the suite as checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Spanned;

use super::{MAX_ROUNDS, MAX_STEPS, Model, Numerics, Suite, Timing, Tokens, Workload};
use crate::architecture::{Architecture, ConfigFault};
use crate::embedded::embedded_text;
use crate::source::Source;
use crate::wire::{WireInclude, WireModel, WireSlo, WireTiming, WireWorkload};
use crate::{Limits, Shape, Slo, SuiteError, Task};

/// Formats of weights.
const PRECISIONS: [&str; 3] = ["f32", "bf16", "f16"];
/// Bounds on what a suite may ask for, so that a foreign one cannot ask for everything.
const MAX_TOKENS: u32 = 1 << 20;
const MAX_BATCH: u32 = 1 << 12;
/// Of all sequences of a request together.
const MAX_REQUEST_TOKENS: u64 = 1 << 24;
const MAX_REQUESTS_PER_HOUR: u64 = 1_000_000_000;
const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
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
        let suite = embedded_text(name).map_or_else(
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
        // Sizes are bounded below 2^32.
        let vocab = u32::try_from(architecture.vocab()).unwrap_or(u32::MAX);
        let token = |name, id: &Spanned<u64>| {
            self.require(id, *id.get_ref() < u64::from(vocab), || {
                format!("{name} {} is not below vocab_size {vocab}", id.get_ref())
            })?;
            Ok(*id.get_ref() as u32)
        };
        let start = token("start", &wire.tokens.start)?;
        let separator = wire.tokens.separator.as_ref().map(|id| token("separator", id)).transpose()?;
        let ordinary = token("ordinary_from", &wire.tokens.ordinary_from)?..vocab;
        // With one there would be one input for all seeds.
        self.require(&wire.tokens.ordinary_from, ordinary.len() > 1, || {
            "a vocabulary of one ordinary token".to_owned()
        })?;
        Ok(Model {
            name: wire.name.get_ref().clone(),
            seed: wire.seed,
            tokens: Tokens { start, separator },
            ordinary,
            config,
            architecture,
        })
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
        self.require_fitting(wire, shape.task(), model, slo)?;
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
        task: Task,
        model: &Model,
        slo: &Slo,
    ) -> Result<(), SuiteError> {
        let (is_generation, name) = (task == Task::Generation, &model.name);
        let (generates, segments) = match &model.architecture {
            Architecture::Decoder(_) => (true, 0),
            Architecture::Encoder(encoder) => (false, encoder.segments),
        };
        self.require(&wire.model, is_generation == generates, || {
            format!("model `{name}` is not for {task}")
        })?;
        self.require(&wire.model, is_generation || model.tokens.separator.is_some(), || {
            format!("model `{name}` has no separator token, which {task} needs")
        })?;
        self.require(&wire.model, task != Task::Reranking || segments >= 2, || {
            format!("model `{name}` has one segment, reranking needs two")
        })?;
        self.require(&wire.slo, is_generation == matches!(slo.limits, Limits::Tokens { .. }), || {
            format!("slo `{}` does not fit the task {task}", slo.name)
        })
    }

    fn shape(self, wire: &WireWorkload, model: &Model) -> Result<Shape, SuiteError> {
        let tokens = |name, size, least| self.size(name, size, least..=MAX_TOKENS);
        let batch = |name, size| self.size(name, size, 1..=MAX_BATCH);
        let (shape, longest) = match (&wire.generation, &wire.embedding, &wire.reranking) {
            (Some(g), None, None) => {
                let shape = Shape::Generation {
                    // The start token alone would be one input for all seeds.
                    prompt_tokens: tokens("prompt_tokens", &g.prompt_tokens, 2)?,
                    // Time per output token needs a second token.
                    output_tokens: tokens("output_tokens", &g.output_tokens, 2)?,
                    batch: batch("batch", &g.batch)?,
                };
                (shape, &g.prompt_tokens)
            }
            (None, Some(e), None) => {
                let shape = Shape::Embedding {
                    // Between start and separator.
                    tokens: tokens("tokens", &e.tokens, 3)?,
                    batch: batch("batch", &e.batch)?,
                };
                (shape, &e.tokens)
            }
            (None, None, Some(r)) => {
                let shape = Shape::Reranking {
                    query_tokens: tokens("query_tokens", &r.query_tokens, 1)?,
                    document_tokens: tokens("document_tokens", &r.document_tokens, 1)?,
                    documents: batch("documents", &r.documents)?,
                };
                (shape, &r.document_tokens)
            }
            _ => {
                let fact = format!(
                    "workload `{}` has not exactly one of generation, embedding, reranking",
                    wire.name.get_ref()
                );
                return Err(self.error(&wire.name, fact));
            }
        };
        let (positions, limit) = (u64::from(shape.positions()), model.architecture.positions());
        self.require(longest, positions <= limit, || {
            format!("{positions} positions, model `{}` has {limit}", model.name)
        })?;
        let tokens = positions * u64::from(shape.batch());
        self.require(longest, tokens <= MAX_REQUEST_TOKENS, || {
            format!("a request of {tokens} tokens in all, more than the limit of {MAX_REQUEST_TOKENS}")
        })?;
        Ok(shape)
    }
}
