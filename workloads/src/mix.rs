//! Demand mixes: which requests come, in which sizes and shares.
//!
//! A mix is a TOML file like a suite, identified by the SHA-256 of its bytes. Its sizes are upper edges of bins, so a workload that
//! stands for an entry stands for each request counted in it.

mod checks;
mod wire;

use crate::source::Source;
use crate::{Digest, Shape, SuiteError};

/// The requests of somebody's demand, by size and share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// `azure-2023-code`, ..
    pub name: String,
    /// Raised whenever the file changes.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Where the shares come from.
    pub basis: Basis,
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    /// No two of one kind; their shares add up to a million.
    pub requests: Vec<MixRequest>,
}

/// Where a mix comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Counted in a public trace.
    Trace(Box<Trace>),
    /// Thought up, for these reasons; never to be shown as measured.
    Assumption {
        /// In words.
        reasoning: String,
    },
}

/// A public trace of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its address.
    pub repository: String,
    /// The file in it.
    pub path: String,
    /// The version of the repository.
    pub commit: String,
    /// As an SPDX identifier.
    pub licence: String,
    /// To be shown with each figure from the mix.
    pub attribution: String,
    /// Requests counted.
    pub rows: u64,
    /// SHA-256 of the table that was counted.
    pub sha256: Digest,
    /// Of the lengths themselves, before they were binned.
    pub prompt_tokens: Quantiles,
    /// Of the lengths themselves, before they were binned.
    pub output_tokens: Quantiles,
}

/// Order statistics: the least value that so many percent do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// 25 %
    pub p25: u64,
    /// 50 %
    pub p50: u64,
    /// 75 %
    pub p75: u64,
    /// 90 %
    pub p90: u64,
    /// 99 %
    pub p99: u64,
}

/// One entry of a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixRequest {
    /// What is asked, at most in this size.
    pub kind: RequestKind,
    /// Its share of all requests, in millionths; at least one.
    pub share_ppm: u64,
}

/// A request by task and size; lengths as in [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of sizes say all that there is to say")]
pub enum RequestKind {
    /// Text from a prompt.
    Generation { prompt_tokens: u32, output_tokens: u32 },
    /// Vectors from texts.
    Embedding { tokens: u32, batch: u32 },
    /// Scores from a query and documents.
    Reranking { query_tokens: u32, document_tokens: u32, documents: u32 },
    /// Labels of images.
    ImageClassification { image_pixels: u32, batch: u32 },
    /// How well texts describe an image.
    ImageTextSimilarity { image_pixels: u32, text_tokens: u32, texts: u32 },
    /// Text from speech.
    SpeechRecognition { audio_ms: u32, output_tokens: u32 },
}

impl Mix {
    /// Parses and checks a mix, of which `file` is the name for messages.
    ///
    /// # Errors
    /// [`SuiteError`] with the line of the first fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, SuiteError> {
        Source { file, text }.mix()
    }
}

impl MixRequest {
    /// Whether a machine that serves a workload of this shape within its limits can be taken to serve this request within
    /// them, by the same model.
    ///
    /// - Generation is limited by time to first token, which grows with the prompt, time per further token, which grows with what the
    ///   token looks back at, and the rate, which falls with the tokens to make. So neither prompt nor output may be longer.
    /// - Embedding is limited by its whole time, which grows with length and number of the texts; neither may be greater.
    /// - Reranking alike: query with document, and the number of documents. How the tokens of a pair are divided does not matter to
    ///   an encoder that reads both as one sequence.
    ///
    /// - Images are limited by their number and size; of similarity, texts by number and length.
    /// - Speech by its length and by what is written of it.
    ///
    /// No shape stands for a request of another task. A workload with a batch of prompts stands for one of its prompts.
    #[must_use]
    pub fn is_no_harder_than(&self, shape: Shape) -> bool {
        let sum = |a: u32, b: u32| u64::from(a) + u64::from(b);
        let is_within = |pixels: u32, side: u32| u64::from(pixels) <= u64::from(side) * u64::from(side);
        match (self.kind, shape) {
            (
                RequestKind::Generation { prompt_tokens: prompt, output_tokens: output },
                Shape::Generation { prompt_tokens, output_tokens, .. },
            ) => prompt <= prompt_tokens && output <= output_tokens,
            (RequestKind::Embedding { tokens: length, batch: texts }, Shape::Embedding { tokens, batch }) => {
                length <= tokens && texts <= batch
            }
            (
                RequestKind::Reranking { query_tokens: query, document_tokens: document, documents: count },
                Shape::Reranking { query_tokens, document_tokens, documents },
            ) => sum(query, document) <= sum(query_tokens, document_tokens) && count <= documents,
            (
                RequestKind::ImageClassification { image_pixels, batch: images },
                Shape::ImageClassification { image_size, batch },
            ) => is_within(image_pixels, image_size) && images <= batch,
            (
                RequestKind::ImageTextSimilarity { image_pixels, text_tokens: length, texts: count },
                Shape::ImageTextSimilarity { image_size, text_tokens, texts },
            ) => is_within(image_pixels, image_size) && length <= text_tokens && count <= texts,
            (
                RequestKind::SpeechRecognition { audio_ms: length, output_tokens: output },
                Shape::SpeechRecognition { audio_ms, output_tokens, .. },
            ) => length <= audio_ms && output <= output_tokens,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(prompt_tokens: u32, output_tokens: u32) -> RequestKind {
        RequestKind::Generation { prompt_tokens, output_tokens }
    }

    fn is_covered(kind: RequestKind, shape: Shape) -> bool {
        MixRequest { kind, share_ppm: 1 }.is_no_harder_than(shape)
    }

    #[test]
    fn neither_prompt_nor_output_may_be_longer() {
        let shape = Shape::Generation { prompt_tokens: 1024, output_tokens: 128, batch: 2 };
        assert!(is_covered(generation(1024, 128), shape));
        assert!(is_covered(generation(768, 128), shape));
        assert!(!is_covered(generation(768, 129), shape));
        assert!(!is_covered(generation(1025, 1), shape));
    }

    #[test]
    fn an_encoder_takes_no_longer_and_no_more_texts() {
        let embedding = |tokens, batch| RequestKind::Embedding { tokens, batch };
        let shape = Shape::Embedding { tokens: 192, batch: 4 };
        assert!(is_covered(embedding(192, 4), shape) && is_covered(embedding(3, 1), shape));
        assert!(!is_covered(embedding(193, 1), shape) && !is_covered(embedding(3, 5), shape));

        let reranking = |query_tokens, document_tokens, documents| RequestKind::Reranking {
            query_tokens,
            document_tokens,
            documents,
        };
        let shape = Shape::Reranking { query_tokens: 12, document_tokens: 84, documents: 8 };
        assert!(is_covered(reranking(32, 64, 8), shape));
        assert!(!is_covered(reranking(32, 65, 8), shape) && !is_covered(reranking(1, 1, 9), shape));
    }

    #[test]
    fn images_and_sounds_are_no_greater() {
        let images = |image_pixels, batch| RequestKind::ImageClassification { image_pixels, batch };
        let shape = Shape::ImageClassification { image_size: 224, batch: 8 };
        assert!(is_covered(images(50_176, 8), shape));
        assert!(!is_covered(images(50_177, 8), shape) && !is_covered(images(1, 9), shape));

        let texts = |text_tokens, texts| RequestKind::ImageTextSimilarity {
            image_pixels: 50_176,
            text_tokens,
            texts,
        };
        let shape = Shape::ImageTextSimilarity { image_size: 224, text_tokens: 77, texts: 4 };
        assert!(is_covered(texts(77, 4), shape));
        assert!(!is_covered(texts(78, 1), shape) && !is_covered(texts(1, 5), shape));

        let speech = |audio_ms, output_tokens| RequestKind::SpeechRecognition { audio_ms, output_tokens };
        let shape =
            Shape::SpeechRecognition { audio_ms: 15_000, prompt_tokens: 2, output_tokens: 48, batch: 1 };
        assert!(is_covered(speech(15_000, 48), shape));
        assert!(!is_covered(speech(15_001, 1), shape) && !is_covered(speech(1, 49), shape));
    }

    #[test]
    fn no_shape_stands_for_another_task() {
        let shape = Shape::Embedding { tokens: 192, batch: 4 };
        assert!(!is_covered(generation(1, 1), shape));
        assert!(!is_covered(RequestKind::ImageClassification { image_pixels: 1, batch: 1 }, shape));
        assert!(!is_covered(RequestKind::SpeechRecognition { audio_ms: 1, output_tokens: 1 }, shape));
    }
}
