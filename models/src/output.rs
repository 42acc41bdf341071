use crate::framed_hash::FramedHash;
use crate::{Error, Result};

/// What a request gave, with all the numbers that its digest covers.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Greedy tokens and the logits they were chosen from.
    Generation {
        /// `(batch, steps)`
        tokens: Vec<Vec<u32>>,
        /// `(batch, steps, vocab)`, one row after another
        logits: Vec<f32>,
    },
    /// Unit vectors.
    Embedding {
        /// How many.
        batch: usize,
        /// `(batch, hidden)`, one row after another
        values: Vec<f32>,
    },
    /// One relevance score a pair: `(batch,)`.
    Scores(Vec<f32>),
    /// Logits by class.
    Classification {
        /// How many images or texts.
        batch: usize,
        /// `(batch, classes)`, one row after another
        logits: Vec<f32>,
    },
    /// How alike each image and each text of its request are.
    Similarity {
        /// How many images.
        images: usize,
        /// `(images, texts)`, one row after another
        values: Vec<f32>,
    },
    /// Greedy tokens for what is heard, and the logits they were chosen from.
    Transcription {
        /// `(batch, steps)`
        tokens: Vec<Vec<u32>>,
        /// `(batch, steps, vocab)`, one row after another
        logits: Vec<f32>,
    },
}

impl Output {
    /// The output digest (`EXACT.md`, section 11): SHA-256 over the length-prefixed fields label, task, dims, tokens if
    /// any, and floats.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a number is NaN or infinite.
    pub fn digest(&self) -> Result<[u8; 32]> {
        let hash = FramedHash::new("proofmark/output/1");
        let dims =
            |dims: &[usize]| -> Vec<u8> { dims.iter().flat_map(|dim| (*dim as u64).to_le_bytes()).collect() };
        let hash = match self {
            Self::Generation { tokens, logits } | Self::Transcription { tokens, logits } => {
                let (batch, steps) = (tokens.len(), tokens.first().map_or(0, Vec::len));
                let vocab = logits.len().checked_div(batch * steps).unwrap_or(0);
                let tokens: Vec<u8> = tokens.iter().flatten().flat_map(|token| token.to_le_bytes()).collect();
                let hash = hash.field(self.label()).field(&dims(&[batch, steps, vocab])).field(&tokens);
                hash.floats(finite("logits", logits)?)
            }
            Self::Scores(values) => {
                hash.field(self.label()).field(&dims(&[values.len()])).floats(finite("scores", values)?)
            }
            Self::Embedding { batch: rows, .. }
            | Self::Classification { batch: rows, .. }
            | Self::Similarity { images: rows, .. } => {
                let (values, width) = self.rows()?;
                hash.field(self.label()).field(&dims(&[*rows, width])).floats(values)
            }
        };
        Ok(hash.finish())
    }

    /// The task's name in the digest.
    fn label(&self) -> &'static [u8] {
        match self {
            Self::Generation { .. } => b"generation",
            Self::Embedding { .. } => b"embedding",
            Self::Scores(_) => b"reranking",
            Self::Classification { .. } => b"classification",
            Self::Similarity { .. } => b"similarity",
            Self::Transcription { .. } => b"transcription",
        }
    }
}

impl Output {
    /// All numbers, and how many are of one row: the logits of a step or of an input, an embedding, an image's likeness to each text,
    /// or all scores.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a number is NaN or infinite.
    pub fn rows(&self) -> Result<(&[f32], usize)> {
        match self {
            Self::Generation { tokens, logits } | Self::Transcription { tokens, logits } => {
                let rows: usize = tokens.iter().map(Vec::len).sum();
                Ok((finite("logits", logits)?, logits.len() / rows.max(1)))
            }
            Self::Embedding { batch, values } => {
                Ok((finite("embedding", values)?, values.len() / (*batch).max(1)))
            }
            Self::Scores(values) => Ok((finite("scores", values)?, values.len())),
            Self::Classification { batch, logits } => {
                Ok((finite("logits", logits)?, logits.len() / (*batch).max(1)))
            }
            Self::Similarity { images, values } => {
                Ok((finite("similarity", values)?, values.len() / (*images).max(1)))
            }
        }
    }

    /// The outputs of `requests` equal requests that ran together. In exact numerics each is that of its request alone.
    ///
    /// # Panics
    /// When the sequences do not divide into so many requests.
    #[must_use]
    pub fn split(self, requests: usize) -> Vec<Self> {
        let share = |count: usize| {
            assert!(requests > 0 && count.is_multiple_of(requests), "{count} do not divide into {requests}");
            (count / requests).max(1)
        };
        let by_row = |rows: usize, values: Vec<f32>, part: fn(usize, Vec<f32>) -> Self| -> Vec<Self> {
            let (rows, numbers) = (share(rows), share(values.len()));
            values.chunks(numbers).map(|values| part(rows, values.to_vec())).collect()
        };
        let by_step = |tokens: Vec<Vec<u32>>, logits: Vec<f32>, part: fn(_, _) -> Self| -> Vec<Self> {
            let (sequences, numbers) = (share(tokens.len()), share(logits.len()));
            let parts = tokens.chunks(sequences).zip(logits.chunks(numbers));
            parts.map(|(tokens, logits)| part(tokens.to_vec(), logits.to_vec())).collect()
        };
        match self {
            _ if requests == 1 => vec![self],
            Self::Generation { tokens, logits } => {
                by_step(tokens, logits, |tokens, logits| Self::Generation { tokens, logits })
            }
            Self::Transcription { tokens, logits } => {
                by_step(tokens, logits, |tokens, logits| Self::Transcription { tokens, logits })
            }
            Self::Embedding { batch, values } => {
                by_row(batch, values, |batch, values| Self::Embedding { batch, values })
            }
            Self::Classification { batch, logits } => {
                by_row(batch, logits, |batch, logits| Self::Classification { batch, logits })
            }
            Self::Similarity { images, values } => {
                by_row(images, values, |images, values| Self::Similarity { images, values })
            }
            Self::Scores(values) => by_row(values.len(), values, |_, values| Self::Scores(values)),
        }
    }
}

/// `values`, none of which is NaN or infinite.
pub(crate) fn finite<'a>(what: &'static str, values: &'a [f32]) -> Result<&'a [f32]> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NonFinite { what, index }),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_non_finite_number_is_never_hashed() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Output::Scores(vec![0.0, bad]).digest();
            assert!(matches!(error, Err(Error::NonFinite { what: "scores", index: 1 })));
        }
    }

    #[test]
    fn a_row_is_a_step_an_embedding_or_all_scores() {
        let generation = Output::Generation { tokens: vec![vec![1, 2], vec![3, 4]], logits: vec![0.0; 12] };
        assert_eq!(generation.rows().unwrap(), (&[0.0; 12][..], 3));
        assert_eq!(Output::Embedding { batch: 2, values: vec![0.0; 6] }.rows().unwrap().1, 3);
        assert_eq!(Output::Classification { batch: 2, logits: vec![0.0; 20] }.rows().unwrap().1, 10);
        assert_eq!(Output::Similarity { images: 3, values: vec![0.0; 6] }.rows().unwrap().1, 2);
        assert_eq!(Output::Scores(vec![0.0; 5]).rows().unwrap().1, 5);
        assert!(Output::Scores(vec![f32::INFINITY]).rows().is_err());
    }

    #[test]
    fn outputs_that_ran_together_come_apart_in_their_order() {
        let together = Output::Generation {
            tokens: vec![vec![1, 2], vec![3, 4]],
            logits: (0..12_u8).map(f32::from).collect(),
        };
        let apart = together.split(2);
        let second =
            Output::Generation { tokens: vec![vec![3, 4]], logits: (6..12_u8).map(f32::from).collect() };
        assert_eq!((apart.len(), &apart[1]), (2, &second));
        let together = Output::Embedding { batch: 4, values: (0..8_u8).map(f32::from).collect() };
        assert_eq!(together.split(2)[1], Output::Embedding { batch: 2, values: vec![4.0, 5.0, 6.0, 7.0] });
        assert_eq!(Output::Scores(vec![1.0, 2.0, 3.0]).split(3)[2], Output::Scores(vec![3.0]));
        let together = Output::Similarity { images: 2, values: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!(together.split(2)[1], Output::Similarity { images: 1, values: vec![3.0, 4.0] });
    }

    #[test]
    fn the_sign_of_zero_the_task_and_the_shape_reach_the_digest() {
        let digests = [
            Output::Scores(vec![0.0]).digest().unwrap(),
            Output::Scores(vec![-0.0]).digest().unwrap(),
            Output::Embedding { batch: 1, values: vec![0.0; 2] }.digest().unwrap(),
            Output::Embedding { batch: 2, values: vec![0.0; 2] }.digest().unwrap(),
            Output::Classification { batch: 1, logits: vec![0.0; 2] }.digest().unwrap(),
            Output::Similarity { images: 1, values: vec![0.0; 2] }.digest().unwrap(),
            Output::Generation { tokens: vec![vec![1]], logits: vec![0.0; 2] }.digest().unwrap(),
            Output::Transcription { tokens: vec![vec![1]], logits: vec![0.0; 2] }.digest().unwrap(),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
    }
}
