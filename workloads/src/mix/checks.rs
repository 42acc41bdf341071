//! From the mix as written to the mix as checked.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::wire::{WireMix, WireOrderStatistics, WireRequest, WireSource};
use super::{Basis, Mix, MixRequest, Quantiles, RequestKind, Trace};
use crate::source::Source;
use crate::{Digest, SuiteError};

/// The version of the file format that this program reads.
const FORMAT: u32 = 1;
const MAX_REQUESTS: usize = 1 << 12;
/// Of the greatest size by which a request is named: tokens, pixels, milliseconds, texts.
const MAX_SIZE: u32 = 1 << 28;
const MILLION: u64 = 1_000_000;

impl Source<'_> {
    pub(super) fn mix(self) -> Result<Mix, SuiteError> {
        let wire: WireMix = self.read()?;
        self.require(&wire.format, *wire.format.get_ref() == FORMAT, || {
            format!("mix format {} is unknown, this program reads format {FORMAT}", wire.format.get_ref())
        })?;
        self.require_name(&wire.name)?;
        self.require_version(&wire.version)?;
        let basis = self.basis(&wire)?;
        let requests = self.requests(&wire.request)?;
        Ok(Mix {
            name: wire.name.into_inner(),
            version: wire.version.into_inner(),
            description: wire.description,
            basis,
            digest: Digest::of(self.text.as_bytes()),
            requests,
        })
    }

    fn basis(self, wire: &WireMix) -> Result<Basis, SuiteError> {
        match (wire.basis.get_ref().as_str(), &wire.source, &wire.quantiles, &wire.reasoning) {
            ("trace", Some(source), Some(quantiles), None) => {
                let quantiles = quantiles.get_ref();
                let prompt_tokens = self.quantiles(&quantiles.prompt_tokens)?;
                let output_tokens = self.quantiles(&quantiles.output_tokens)?;
                let trace = self.trace(source.get_ref(), prompt_tokens, output_tokens)?;
                Ok(Basis::Trace(Box::new(trace)))
            }
            ("assumption", None, None, Some(reasoning)) => {
                Ok(Basis::Assumption { reasoning: self.text(reasoning)? })
            }
            ("trace", ..) => Err(self.error(&wire.basis, "a trace has source and quantiles alone")),
            ("assumption", ..) => Err(self.error(&wire.basis, "an assumption has reasoning alone")),
            (other, ..) => {
                Err(self.error(&wire.basis, format!("basis `{other}` is none of trace, assumption")))
            }
        }
    }

    fn trace(
        self,
        wire: &WireSource,
        prompt_tokens: Quantiles,
        output_tokens: Quantiles,
    ) -> Result<Trace, SuiteError> {
        Ok(Trace {
            repository: self.text(&wire.repository)?,
            path: self.text(&wire.path)?,
            commit: self.text(&wire.commit)?,
            licence: self.text(&wire.licence)?,
            attribution: self.text(&wire.attribution)?,
            rows: self.bounded("rows", &wire.rows, 1..=1 << 40)?,
            sha256: wire
                .sha256
                .get_ref()
                .parse()
                .map_err(|error| self.error(&wire.sha256, format!("{error}")))?,
            prompt_tokens,
            output_tokens,
        })
    }

    fn quantiles(self, wire: &Spanned<WireOrderStatistics>) -> Result<Quantiles, SuiteError> {
        let quantiles = Quantiles::from(wire.get_ref());
        let Quantiles { p25, p50, p75, p90, p99 } = quantiles;
        self.require(wire, p25 > 0 && [p25, p50, p75, p90, p99].is_sorted(), || {
            "quantiles that do not ascend from 1".to_owned()
        })?;
        Ok(quantiles)
    }

    /// A text that says something.
    fn text(self, text: &Spanned<String>) -> Result<String, SuiteError> {
        self.require(text, !text.get_ref().trim().is_empty(), || "an empty text".to_owned())?;
        Ok(text.get_ref().clone())
    }

    fn requests(self, wire: &Spanned<Vec<WireRequest>>) -> Result<Vec<MixRequest>, SuiteError> {
        let entries = wire.get_ref();
        self.require(wire, entries.len() <= MAX_REQUESTS, || {
            format!("{} requests, more than the limit of {MAX_REQUESTS}", entries.len())
        })?;
        let mut seen = BTreeSet::new();
        let mut requests = Vec::with_capacity(entries.len());
        for entry in entries {
            let kind = self.kind(entry)?;
            self.require(&entry.task, seen.insert(kind), || "a request that is there twice".to_owned())?;
            let share_ppm = self.bounded("share_ppm", &entry.share_ppm, 1..=MILLION)?;
            requests.push(MixRequest { kind, share_ppm });
        }
        let shares: u64 = requests.iter().map(|request| request.share_ppm).sum();
        self.require(wire, shares == MILLION, || {
            format!("the requests' shares add up to {shares} ppm, expected {MILLION}")
        })?;
        Ok(requests)
    }

    /// A request with the sizes of its task, and no others.
    fn kind(self, wire: &WireRequest) -> Result<RequestKind, SuiteError> {
        let task = wire.task.get_ref().as_str();
        let mut sizes: BTreeMap<&str, &Spanned<u64>> = wire.sizes().collect();
        let mut size = |name: &'static str| {
            let size = sizes
                .remove(name)
                .ok_or_else(|| self.error(&wire.task, format!("a request for {task} without {name}")))?;
            self.size(name, size, 1..=MAX_SIZE)
        };
        let kind = match task {
            "generation" => RequestKind::Generation {
                prompt_tokens: size("prompt_tokens")?,
                output_tokens: size("output_tokens")?,
            },
            "embedding" => RequestKind::Embedding { tokens: size("tokens")?, batch: size("batch")? },
            "reranking" => RequestKind::Reranking {
                query_tokens: size("query_tokens")?,
                document_tokens: size("document_tokens")?,
                documents: size("documents")?,
            },
            "image_classification" => RequestKind::ImageClassification {
                image_pixels: size("image_pixels")?,
                batch: size("batch")?,
            },
            "image_text_similarity" => RequestKind::ImageTextSimilarity {
                image_pixels: size("image_pixels")?,
                text_tokens: size("text_tokens")?,
                texts: size("texts")?,
            },
            "speech_recognition" => RequestKind::SpeechRecognition {
                audio_ms: size("audio_ms")?,
                output_tokens: size("output_tokens")?,
            },
            _ => return Err(self.error(&wire.task, format!("task `{task}` is unknown"))),
        };
        match sizes.first_key_value() {
            None => Ok(kind),
            Some((name, size)) => Err(self.error(*size, format!("a request for {task} has no {name}"))),
        }
    }
}
