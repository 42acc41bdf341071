//! The mix file as written; [`super::checks`] makes domain types of it.

use serde::Deserialize;
use toml::Spanned;

use super::Quantiles;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireMix {
    pub(super) format: Spanned<u32>,
    pub(super) name: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) description: String,
    pub(super) basis: Spanned<String>,
    pub(super) reasoning: Option<Spanned<String>>,
    pub(super) source: Option<Spanned<WireSource>>,
    pub(super) quantiles: Option<Spanned<WireQuantiles>>,
    pub(super) request: Spanned<Vec<WireRequest>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireSource {
    pub(super) repository: Spanned<String>,
    pub(super) path: Spanned<String>,
    pub(super) commit: Spanned<String>,
    pub(super) licence: Spanned<String>,
    pub(super) attribution: Spanned<String>,
    pub(super) rows: Spanned<u64>,
    pub(super) sha256: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireQuantiles {
    pub(super) prompt_tokens: Spanned<WireOrderStatistics>,
    pub(super) output_tokens: Spanned<WireOrderStatistics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireOrderStatistics {
    p25: u64,
    p50: u64,
    p75: u64,
    p90: u64,
    p99: u64,
}

/// A task and the sizes of all tasks; each task has its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireRequest {
    pub(super) task: Spanned<String>,
    pub(super) share_ppm: Spanned<u64>,
    prompt_tokens: Option<Spanned<u64>>,
    output_tokens: Option<Spanned<u64>>,
    tokens: Option<Spanned<u64>>,
    batch: Option<Spanned<u64>>,
    query_tokens: Option<Spanned<u64>>,
    document_tokens: Option<Spanned<u64>>,
    documents: Option<Spanned<u64>>,
    image_pixels: Option<Spanned<u64>>,
    text_tokens: Option<Spanned<u64>>,
    texts: Option<Spanned<u64>>,
    audio_ms: Option<Spanned<u64>>,
}

impl WireRequest {
    /// The sizes that are there, by name.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&'static str, &Spanned<u64>)> {
        [
            ("prompt_tokens", &self.prompt_tokens),
            ("output_tokens", &self.output_tokens),
            ("tokens", &self.tokens),
            ("batch", &self.batch),
            ("query_tokens", &self.query_tokens),
            ("document_tokens", &self.document_tokens),
            ("documents", &self.documents),
            ("image_pixels", &self.image_pixels),
            ("text_tokens", &self.text_tokens),
            ("texts", &self.texts),
            ("audio_ms", &self.audio_ms),
        ]
        .into_iter()
        .filter_map(|(name, size)| Some((name, size.as_ref()?)))
    }
}

impl From<&WireOrderStatistics> for Quantiles {
    fn from(wire: &WireOrderStatistics) -> Self {
        let WireOrderStatistics { p25, p50, p75, p90, p99 } = *wire;
        Self { p25, p50, p75, p90, p99 }
    }
}
