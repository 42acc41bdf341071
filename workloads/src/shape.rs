//! What a request asks for, by task.

use std::fmt;

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
