//! What can be asked of the server.

use serde::Deserialize;

/// One line of input; `op` names the variant.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// The instruction set of the exact kernels, and the threads of both engines.
    About,
    /// The speed of reading memory.
    Bandwidth { mebibytes: usize, threads: usize },
    /// `(m, k)` times the transpose of `(n, k)`, repeated for about `seconds`.
    Linear { m: usize, n: usize, k: usize, precision: Precision, engine: LinearEngine, seconds: f64 },
    /// A prompt in an empty sequence, with the logits of its last token.
    Prefill { tokens: usize, precision: Precision, engine: ModelEngine, repetitions: usize },
    /// Single tokens behind a prompt of `context`; a repetition is `tokens` of them, each timed by itself.
    Decode { context: usize, tokens: usize, precision: Precision, engine: ModelEngine, repetitions: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    F32,
    Bf16,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LinearEngine {
    Exact,
    Candle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModelEngine {
    Exact,
    CandleTransformers,
}
