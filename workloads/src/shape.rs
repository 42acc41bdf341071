//! What a request asks for, by task.

use std::fmt;

/// What a request asks for.
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
    /// Label each text.
    TextClassification {
        /// Tokens of a text, with start and separator.
        tokens: u32,
        /// Texts a request.
        batch: u32,
    },
    /// Label each image.
    ImageClassification {
        /// Pixels of a side.
        image_size: u32,
        /// Images a request.
        batch: u32,
    },
    /// Say how well each text describes an image.
    ImageTextSimilarity {
        /// Pixels of a side, as the model reads them.
        image_size: u32,
        /// Tokens of a text, with start and end.
        text_tokens: u32,
        /// Texts a request.
        texts: u32,
    },
    /// Write down what is said.
    SpeechRecognition {
        /// Length of the sound.
        audio_ms: u32,
        /// Tokens that the decoder begins with.
        prompt_tokens: u32,
        /// Tokens to write.
        output_tokens: u32,
        /// Sounds a request.
        batch: u32,
    },
}

/// What a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Text from a prompt.
    Generation,
    /// A vector from a text.
    Embedding,
    /// Scores from a query and documents.
    Reranking,
    /// Labels of a text.
    TextClassification,
    /// Labels of an image.
    ImageClassification,
    /// How well texts describe an image.
    ImageTextSimilarity,
    /// Text from speech.
    SpeechRecognition,
}

impl Shape {
    /// The task.
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Generation { .. } => Task::Generation,
            Self::Embedding { .. } => Task::Embedding,
            Self::Reranking { .. } => Task::Reranking,
            Self::TextClassification { .. } => Task::TextClassification,
            Self::ImageClassification { .. } => Task::ImageClassification,
            Self::ImageTextSimilarity { .. } => Task::ImageTextSimilarity,
            Self::SpeechRecognition { .. } => Task::SpeechRecognition,
        }
    }

    /// Sequences, images or sounds that run together; of similarity its texts.
    #[must_use]
    pub fn batch(self) -> u32 {
        match self {
            Self::Generation { batch, .. }
            | Self::Embedding { batch, .. }
            | Self::TextClassification { batch, .. }
            | Self::ImageClassification { batch, .. }
            | Self::SpeechRecognition { batch, .. } => batch,
            Self::Reranking { documents, .. } => documents,
            Self::ImageTextSimilarity { texts, .. } => texts,
        }
    }

    /// The longest sequence of tokens; 0 where there are none.
    #[must_use]
    pub fn positions(self) -> u32 {
        match self {
            Self::Generation { prompt_tokens, output_tokens, .. }
            | Self::SpeechRecognition { prompt_tokens, output_tokens, .. } => prompt_tokens + output_tokens,
            Self::Embedding { tokens, .. } | Self::TextClassification { tokens, .. } => tokens,
            Self::Reranking { query_tokens, document_tokens, .. } => query_tokens + document_tokens + 3,
            Self::ImageTextSimilarity { text_tokens, .. } => text_tokens,
            Self::ImageClassification { .. } => 0,
        }
    }

    /// Tokens that come one after another, each with a time of its own; `None` where the output comes whole.
    #[must_use]
    pub fn output_tokens(self) -> Option<u32> {
        match self {
            Self::Generation { output_tokens, .. } | Self::SpeechRecognition { output_tokens, .. } => {
                Some(output_tokens)
            }
            Self::Embedding { .. }
            | Self::Reranking { .. }
            | Self::TextClassification { .. }
            | Self::ImageClassification { .. }
            | Self::ImageTextSimilarity { .. } => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Generation { prompt_tokens, output_tokens, batch } => {
                write!(f, "{prompt_tokens} to {output_tokens} tokens, batch {batch}")
            }
            Self::Embedding { tokens, batch } | Self::TextClassification { tokens, batch } => {
                write!(f, "{tokens} tokens, batch {batch}")
            }
            Self::Reranking { query_tokens, document_tokens, documents } => {
                write!(f, "{query_tokens} + {document_tokens} tokens, {documents} documents")
            }
            Self::ImageClassification { image_size, batch } => {
                write!(f, "{image_size} x {image_size} pixels, batch {batch}")
            }
            Self::ImageTextSimilarity { image_size, text_tokens, texts } => {
                write!(f, "{image_size} x {image_size} pixels, {texts} texts of {text_tokens} tokens")
            }
            Self::SpeechRecognition { audio_ms, output_tokens, batch, .. } => {
                write!(f, "{audio_ms} ms to {output_tokens} tokens, batch {batch}")
            }
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generation => "generation",
            Self::Embedding => "embedding",
            Self::Reranking => "reranking",
            Self::TextClassification => "text_classification",
            Self::ImageClassification => "image_classification",
            Self::ImageTextSimilarity => "image_text_similarity",
            Self::SpeechRecognition => "speech_recognition",
        })
    }
}
