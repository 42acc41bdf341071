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
            Self::Generation { tokens, logits } => {
                let (batch, steps) = (tokens.len(), tokens.first().map_or(0, Vec::len));
                let vocab = logits.len().checked_div(batch * steps).unwrap_or(0);
                let tokens: Vec<u8> = tokens.iter().flatten().flat_map(|token| token.to_le_bytes()).collect();
                let hash = hash.field(b"generation").field(&dims(&[batch, steps, vocab])).field(&tokens);
                hash.floats(finite("logits", logits)?)
            }
            Self::Embedding { batch, values } => {
                let hidden = values.len().checked_div(*batch).unwrap_or(0);
                hash.field(b"embedding").field(&dims(&[*batch, hidden])).floats(finite("embedding", values)?)
            }
            Self::Scores(values) => {
                hash.field(b"reranking").field(&dims(&[values.len()])).floats(finite("scores", values)?)
            }
        };
        Ok(hash.finish())
    }
}

impl Output {
    /// All numbers, and how many are of one row: the logits of a step of a sequence, an embedding, or all scores.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a number is NaN or infinite.
    pub fn rows(&self) -> Result<(&[f32], usize)> {
        match self {
            Self::Generation { tokens, logits } => {
                let rows: usize = tokens.iter().map(Vec::len).sum();
                Ok((finite("logits", logits)?, logits.len() / rows.max(1)))
            }
            Self::Embedding { batch, values } => {
                Ok((finite("embedding", values)?, values.len() / (*batch).max(1)))
            }
            Self::Scores(values) => Ok((finite("scores", values)?, values.len())),
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
        match self {
            _ if requests == 1 => vec![self],
            Self::Generation { tokens, logits } => {
                let (sequences, numbers) = (share(tokens.len()), share(logits.len()));
                let parts = tokens.chunks(sequences).zip(logits.chunks(numbers));
                parts
                    .map(|(tokens, logits)| Self::Generation {
                        tokens: tokens.to_vec(),
                        logits: logits.to_vec(),
                    })
                    .collect()
            }
            Self::Embedding { batch, values } => {
                let (batch, numbers) = (share(batch), share(values.len()));
                values
                    .chunks(numbers)
                    .map(|values| Self::Embedding { batch, values: values.to_vec() })
                    .collect()
            }
            Self::Scores(values) => {
                let numbers = share(values.len());
                values.chunks(numbers).map(|values| Self::Scores(values.to_vec())).collect()
            }
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
    }

    #[test]
    fn the_sign_of_zero_the_task_and_the_shape_reach_the_digest() {
        let digests = [
            Output::Scores(vec![0.0]).digest().unwrap(),
            Output::Scores(vec![-0.0]).digest().unwrap(),
            Output::Embedding { batch: 1, values: vec![0.0; 2] }.digest().unwrap(),
            Output::Embedding { batch: 2, values: vec![0.0; 2] }.digest().unwrap(),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
    }
}
