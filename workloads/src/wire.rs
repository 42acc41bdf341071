//! The suite file as written; [`crate::suite`] checks it into domain types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireSuite {
    pub(crate) format: Spanned<u32>,
    pub(crate) name: Spanned<String>,
    pub(crate) version: Spanned<String>,
    pub(crate) description: String,
    pub(crate) include: Option<WireInclude>,
    pub(crate) timing: WireTiming,
    pub(crate) slo: Vec<WireSlo>,
    pub(crate) model: Vec<WireModel>,
    pub(crate) workload: Spanned<Vec<WireWorkload>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireInclude {
    pub(crate) suite: Spanned<String>,
    pub(crate) digest: Spanned<String>,
    pub(crate) share_ppm: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireTiming {
    pub(crate) rounds: Spanned<u64>,
    pub(crate) warm_up_ms: Spanned<u64>,
    pub(crate) warm_up_cap_ms: Spanned<u64>,
    pub(crate) measure_ms: Spanned<u64>,
    pub(crate) min_iterations: Spanned<u64>,
    pub(crate) max_iterations: Spanned<u64>,
    pub(crate) time_limit_s: Spanned<u64>,
    pub(crate) capacity_ms: Spanned<u64>,
    pub(crate) ceilings_ms: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireSlo {
    pub(crate) name: Spanned<String>,
    pub(crate) ttft_ms: Option<Spanned<u64>>,
    pub(crate) tpot_ms: Option<Spanned<u64>>,
    pub(crate) latency_ms: Option<Spanned<u64>>,
    pub(crate) share_ppm: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireModel {
    pub(crate) name: Spanned<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) hub: Option<WireHub>,
    pub(crate) quality: Option<WireQuality>,
    pub(crate) tokens: Option<WireTokens>,
    pub(crate) pixels: Option<WirePixels>,
    pub(crate) config: Spanned<BTreeMap<String, Spanned<toml::Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireHub {
    pub(crate) repo: Spanned<String>,
    pub(crate) revision: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireQuality {
    pub(crate) figures: Spanned<Vec<i64>>,
    pub(crate) tolerance_ppm: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireTokens {
    pub(crate) start: Spanned<u64>,
    pub(crate) separator: Option<Spanned<u64>>,
    #[serde(default)]
    pub(crate) further: Vec<Spanned<u64>>,
    pub(crate) ordinary_from: Spanned<u64>,
    pub(crate) ordinary_to: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WirePixels {
    pub(crate) mean: Spanned<Vec<f64>>,
    pub(crate) std: Spanned<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireWorkload {
    pub(crate) name: Spanned<String>,
    pub(crate) model: Spanned<String>,
    pub(crate) class: Spanned<String>,
    pub(crate) slo: Spanned<String>,
    pub(crate) requests_per_hour: Spanned<u64>,
    pub(crate) generation: Option<WireGeneration>,
    pub(crate) embedding: Option<WireTexts>,
    pub(crate) reranking: Option<WireReranking>,
    pub(crate) text_classification: Option<WireTexts>,
    pub(crate) image_classification: Option<WireImages>,
    pub(crate) image_text_similarity: Option<WireImageText>,
    pub(crate) speech_recognition: Option<WireSpeech>,
    pub(crate) variant: Spanned<Vec<WireVariant>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireGeneration {
    pub(crate) prompt_tokens: Spanned<u64>,
    pub(crate) output_tokens: Spanned<u64>,
    pub(crate) batch: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireTexts {
    pub(crate) tokens: Spanned<u64>,
    pub(crate) batch: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireReranking {
    pub(crate) query_tokens: Spanned<u64>,
    pub(crate) document_tokens: Spanned<u64>,
    pub(crate) documents: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireImages {
    pub(crate) image_size: Spanned<u64>,
    pub(crate) batch: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireImageText {
    pub(crate) text_tokens: Spanned<u64>,
    pub(crate) texts: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireSpeech {
    pub(crate) audio_ms: Spanned<u64>,
    pub(crate) output_tokens: Spanned<u64>,
    pub(crate) batch: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireVariant {
    pub(crate) numerics: Spanned<String>,
    pub(crate) precision: Spanned<String>,
    pub(crate) share_ppm: Spanned<u64>,
    pub(crate) max_batch: Option<Spanned<u64>>,
    pub(crate) self_check: Option<Spanned<String>>,
}
