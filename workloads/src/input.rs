//! Inputs from a seed.
//!
//! The seed is the key of a ChaCha stream with 8 rounds (nonce zero, counter from zero), read as little-endian u32
//! words. One word `u` gives one ordinary token: `from + floor(u * count / 2^32)`. Sequences are drawn in order, a
//! reranking request's query before its documents.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha8, Key, Nonce};

use crate::{Digest, Model, Shape, Workload};

/// The input of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Prompts of equal length.
    Generation {
        /// `(batch, prompt_tokens)`
        prompts: Vec<Vec<u32>>,
        /// Tokens to generate.
        output_tokens: u32,
    },
    /// Sequences for an encoder, all of equal length.
    Encoder {
        /// `(batch, tokens)`
        sequences: Vec<Vec<u32>>,
        /// The segment of each token: `(tokens,)`.
        token_types: Vec<u32>,
    },
}

/// The seed whose output digest a workload carries as its self-check.
#[must_use]
pub fn self_check_seed() -> Digest {
    Digest::of_fields("proofmark/self_check/1", &[])
}

impl Workload {
    /// The request of this seed.
    #[must_use]
    pub fn input(&self, seed: Digest) -> Input {
        let model = &*self.model;
        let mut tokens = TokenStream::new(seed, model);
        let separator = model.tokens.separator.unwrap_or(model.tokens.start);
        match self.shape {
            Shape::Generation { prompt_tokens, output_tokens, batch } => {
                let mut prompt = || {
                    let mut prompt = vec![model.tokens.start];
                    prompt.extend(tokens.draw(prompt_tokens - 1));
                    prompt
                };
                Input::Generation { prompts: (0..batch).map(|_| prompt()).collect(), output_tokens }
            }
            Shape::Embedding { tokens: count, batch } => {
                let mut sequence = || {
                    let mut sequence = vec![model.tokens.start];
                    sequence.extend(tokens.draw(count - 2));
                    sequence.push(separator);
                    sequence
                };
                let sequences = (0..batch).map(|_| sequence()).collect();
                Input::Encoder { sequences, token_types: vec![0; count as usize] }
            }
            Shape::Reranking { query_tokens, document_tokens, documents } => {
                let mut query = vec![model.tokens.start];
                query.extend(tokens.draw(query_tokens));
                query.push(separator);
                let mut pair = || {
                    let mut pair = query.clone();
                    pair.extend(tokens.draw(document_tokens));
                    pair.push(separator);
                    pair
                };
                let sequences = (0..documents).map(|_| pair()).collect();
                let mut token_types = vec![0; query_tokens as usize + 2];
                token_types.resize(self.shape.positions() as usize, 1);
                Input::Encoder { sequences, token_types }
            }
        }
    }
}

struct TokenStream<'a> {
    stream: ChaCha8,
    model: &'a Model,
}

impl<'a> TokenStream<'a> {
    fn new(seed: Digest, model: &'a Model) -> Self {
        Self { stream: ChaCha8::new(&Key::from(seed.0), &Nonce::default()), model }
    }

    fn draw(&mut self, count: u32) -> Vec<u32> {
        let mut bytes = vec![0; count as usize * 4];
        self.stream.apply_keystream(&mut bytes);
        let ordinary = &self.model.ordinary;
        let span = u64::from(ordinary.end - ordinary.start);
        let (words, _) = bytes.as_chunks::<4>();
        let token = |word: &[u8; 4]| {
            let scaled = (u64::from(u32::from_le_bytes(*word)) * span) >> 32;
            // The product is below span, which is a u32.
            ordinary.start + scaled as u32
        };
        words.iter().map(token).collect()
    }
}
