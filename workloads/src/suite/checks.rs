//! From the file as written to the suite as checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{MAX_STEPS, Model, Numerics, Timing, Tokens, Workload};
use crate::architecture::{Architecture, ConfigFault};
use crate::source::Source;
use crate::wire::{WireModel, WireSlo, WireTiming, WireWorkload};
use crate::{Limits, Shape, Slo, SuiteError, Task};

/// Formats of weights.
const PRECISIONS: [&str; 3] = ["f32", "bf16", "f16"];
/// Bounds on what a suite may ask for, so that a foreign one cannot ask for everything.
const MAX_TOKENS: u32 = 1 << 20;
const MAX_BATCH: u32 = 1 << 12;
const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
/// Requests that a search for capacity may run together.
const MAX_TOGETHER: u64 = 64;

impl Source<'_> {
    pub(super) fn timing(self, wire: &WireTiming) -> Result<Timing, SuiteError> {
        let max_iterations = self.bounded("max_iterations", &wire.max_iterations, 1..=MAX_STEPS)?;
        let warm_up_ms = self.bounded("warm_up_ms", &wire.warm_up_ms, 0..=DAY_MS)?;
        Ok(Timing {
            warm_up_ms,
            warm_up_cap_ms: self.bounded("warm_up_cap_ms", &wire.warm_up_cap_ms, warm_up_ms..=DAY_MS)?,
            measure_ms: self.bounded("measure_ms", &wire.measure_ms, 1..=DAY_MS)?,
            min_iterations: self.bounded("min_iterations", &wire.min_iterations, 1..=max_iterations)?,
            max_iterations,
            time_limit_s: self.bounded("time_limit_s", &wire.time_limit_s, 0..=DAY_MS / 1000)?,
            capacity_ms: self.bounded("capacity_ms", &wire.capacity_ms, 0..=DAY_MS)?,
            ceilings_ms: self.bounded("ceilings_ms", &wire.ceilings_ms, 1..=MINUTE_MS)?,
        })
    }

    pub(super) fn slo(self, wire: &WireSlo) -> Result<Slo, SuiteError> {
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
        let shape = self.shape(wire)?;
        let is_generation = shape.task() == Task::Generation;
        let architecture = &model.architecture;
        let generates = matches!(architecture, Architecture::Decoder(_));
        self.require(&wire.model, is_generation == generates, || {
            format!("model `{}` is not for {}", model.name, shape.task())
        })?;
        let lacks_segments = matches!(architecture, Architecture::Encoder(encoder) if encoder.segments < 2);
        self.require(&wire.model, shape.task() != Task::Reranking || !lacks_segments, || {
            format!("model `{}` has one segment, reranking needs two", model.name)
        })?;
        let (positions, limit) = (shape.positions(), architecture.positions());
        self.require(&wire.model, u64::from(positions) <= limit, || {
            format!("{positions} positions, model `{}` has {limit}", model.name)
        })?;
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
                requests_per_hour: wire.requests_per_hour,
                max_batch,
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
