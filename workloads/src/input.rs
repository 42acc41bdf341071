//! Inputs from a seed.
//!
//! The seed is the key of a ChaCha stream with 8 rounds (nonce zero, counter from zero), from which an input is drawn in order.
//!
//! - A token is one little-endian u32 word `u`: `from + floor(u * count / 2^32)`. Sequences are drawn in order, a reranking
//!   request's query before its documents, an image before the texts that may describe it.
//! - Where the model has a tokenizer, a sequence is text instead ([`crate::text`]) of as many words as tokens are wanted, encoded and cut;
//!   where that makes too few tokens, the text goes on until it has twice as many words, four times, and so on.
//! - An image is drawn in squares of 16 pixels' side, row by row: one byte a colour, `c`, for each square. Then comes one byte `n` for each
//!   pixel, row by row; a pixel's colour is `floor((3 c + n) / 4)`.
//! - A sound is drawn in pieces of 1600 samples, a tenth of a second: three words for each piece, whose lower halves give the periods
//!   `20 + floor(u * 140 / 2^16)`, in samples, of three triangular waves from -4096 to 4096, and one byte `n` for each sample. A sample is the sum
//!   of the waves at its place in the whole sound, and `n - 128`.

use std::convert::Infallible;
use std::fmt::Display;
use std::ops::Range;

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha8, Key, Nonce};

use crate::text::{Genre, text};
use crate::{Architecture, Digest, Model, Shape, Tokens, Workload};

/// Samples of a sound in a second.
pub const SAMPLE_RATE: u32 = 16_000;
/// Pixels of a side of a square of one colour.
const SQUARE: u32 = 16;
/// Samples that have their waves in common.
const PIECE: usize = 1600;
const WAVES: usize = 3;
const LEAST_PERIOD: u32 = 20;
const PERIODS: u32 = 140;
const AMPLITUDE: i32 = 4096;
/// Words for a token at most: a tokenizer that makes less of a text is none of English.
const WORDS_A_TOKEN: usize = 64;

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
    /// Images to label.
    Images(Vec<Image>),
    /// An image, and texts that may describe it, all of equal length.
    ImageText {
        /// The image.
        image: Image,
        /// `(texts, text_tokens)`
        texts: Vec<Vec<u32>>,
    },
    /// Sounds to write down.
    Speech {
        /// `(batch, samples)`, [`SAMPLE_RATE`] a second.
        sounds: Vec<Vec<i16>>,
        /// What the decoder begins with.
        prompt: Vec<u32>,
        /// Tokens to write.
        output_tokens: u32,
    },
}

/// An image of equal sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `(colours, image_size, image_size)`
    pub values: Vec<u8>,
    /// Pixels of a side.
    pub image_size: u32,
}

/// The seed whose output digest a workload carries as its self-check.
#[must_use]
pub fn self_check_seed() -> Digest {
    Digest::of_fields("proofmark/self_check/1", &[])
}

/// Why a text did not become an input.
#[derive(Debug, thiserror::Error)]
pub enum TextError<E: Display> {
    /// The tokenizer refused it.
    #[error("{0}")]
    Encode(E),
    /// The tokenizer takes words together, or leaves them out.
    #[error("the tokenizer makes {tokens} tokens of {words} words")]
    TooFew {
        /// All that there are.
        tokens: usize,
        /// Of the text.
        words: usize,
    },
}

impl Workload {
    /// The request of this seed, of tokens without meaning.
    #[must_use]
    pub fn input(&self, seed: Digest) -> Input {
        let Ok(input) = self.drawn(seed, |stream, tokens, _, count| {
            Ok::<_, Infallible>(stream.tokens(&tokens.ordinary, count))
        });
        input
    }

    /// The request of this seed, where its tokens are those of a text: `encode` gives a text's tokens, without special ones.
    ///
    /// # Errors
    /// When a text cannot be encoded, or becomes too few tokens.
    pub fn text_input<E: Display>(
        &self,
        seed: Digest,
        encode: impl Fn(&str) -> Result<Vec<u32>, E>,
    ) -> Result<Input, TextError<E>> {
        self.drawn(seed, |stream, _, genre, count| {
            let (mut written, mut words) = (String::new(), count as usize);
            loop {
                let missing = words - written.split_whitespace().count().min(words);
                if !written.is_empty() {
                    written.push(' ');
                }
                written += &text(genre, missing, &mut || stream.word());
                let mut tokens = encode(&written).map_err(TextError::Encode)?;
                if tokens.len() >= count as usize {
                    tokens.truncate(count as usize);
                    return Ok(tokens);
                }
                if words > WORDS_A_TOKEN * count as usize {
                    return Err(TextError::TooFew { tokens: tokens.len(), words });
                }
                words *= 2;
            }
        })
    }

    /// The request of this seed; `draw` gives so many tokens of a text.
    fn drawn<E>(
        &self,
        seed: Digest,
        draw: impl Fn(&mut Stream, &Tokens, Genre, u32) -> Result<Vec<u32>, E>,
    ) -> Result<Input, E> {
        let mut stream = Stream::new(seed);
        let tokens = self.model.special_tokens();
        let enclosed = |stream: &mut Stream, genre, count: u32| {
            Ok(tokens.enclose(&[draw(stream, &tokens, genre, count - 2)?]))
        };
        Ok(match self.shape {
            Shape::Generation { prompt_tokens, output_tokens, batch } => {
                let mut prompt = || {
                    let drawn = draw(&mut stream, &tokens, Genre::Request, prompt_tokens - 1)?;
                    Ok([vec![tokens.start], drawn].concat())
                };
                let prompts = (0..batch).map(|_| prompt()).collect::<Result<_, E>>()?;
                Input::Generation { prompts, output_tokens }
            }
            Shape::Embedding { tokens: count, batch }
            | Shape::TextClassification { tokens: count, batch } => {
                let sequences = (0..batch).map(|_| enclosed(&mut stream, Genre::Passage, count));
                Input::Encoder {
                    sequences: sequences.collect::<Result<_, E>>()?,
                    token_types: vec![0; count as usize],
                }
            }
            Shape::Reranking { query_tokens, document_tokens, documents } => {
                let query = draw(&mut stream, &tokens, Genre::Query, query_tokens)?;
                let mut pair = || {
                    let document = draw(&mut stream, &tokens, Genre::Passage, document_tokens)?;
                    Ok(tokens.enclose(&[query.clone(), document]))
                };
                let sequences = (0..documents).map(|_| pair()).collect::<Result<_, E>>()?;
                let token_types = self.model.pair_types(query_tokens as usize, document_tokens as usize);
                Input::Encoder { sequences, token_types }
            }
            Shape::ImageClassification { image_size, batch } => {
                let colours = self.model.architecture.colours();
                Input::Images((0..batch).map(|_| stream.image(colours, image_size)).collect())
            }
            Shape::ImageTextSimilarity { image_size, text_tokens, texts } => {
                let image = stream.image(self.model.architecture.colours(), image_size);
                let texts = (0..texts).map(|_| enclosed(&mut stream, Genre::Caption, text_tokens));
                Input::ImageText { image, texts: texts.collect::<Result<_, E>>()? }
            }
            Shape::SpeechRecognition { audio_ms, output_tokens, batch, .. } => {
                let samples = audio_ms as usize * (SAMPLE_RATE / 1000) as usize;
                let sounds = (0..batch).map(|_| stream.sound(samples)).collect();
                Input::Speech { sounds, prompt: tokens.beginning(), output_tokens }
            }
        })
    }
}

impl Tokens {
    /// Texts between special tokens: the start, then a separator behind each.
    pub(crate) fn enclose(&self, texts: &[Vec<u32>]) -> Vec<u32> {
        let separator = self.separator.unwrap_or(self.start);
        let enclosed = texts.iter().flat_map(|text| text.iter().copied().chain([separator]));
        std::iter::once(self.start).chain(enclosed).collect()
    }

    /// What a speech model's decoder begins with.
    pub(crate) fn beginning(&self) -> Vec<u32> {
        std::iter::once(self.start).chain(self.further.iter().copied()).collect()
    }
}

impl Model {
    /// A suite is refused whose task needs tokens that its model does not name.
    pub(crate) fn special_tokens(&self) -> Tokens {
        let nothing = Tokens { start: 0, separator: None, further: Vec::new(), ordinary: 0..1 };
        self.tokens.clone().unwrap_or(nothing)
    }

    /// The segment of each token of an enclosed pair of query and document.
    pub(crate) fn pair_types(&self, query_tokens: usize, document_tokens: usize) -> Vec<u32> {
        let mut types = vec![0; query_tokens + 2];
        types.resize(query_tokens + document_tokens + 3, second_segment(self));
        types
    }
}

/// The segment of a document, where the model tells it from the query's.
fn second_segment(model: &Model) -> u32 {
    match &model.architecture {
        Architecture::Encoder(encoder) if encoder.segments >= 2 => 1,
        _ => 0,
    }
}

struct Stream(ChaCha8);

impl Stream {
    fn new(seed: Digest) -> Self {
        Self(ChaCha8::new(&Key::from(seed.0), &Nonce::default()))
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.apply_keystream(&mut bytes);
        bytes
    }

    fn word(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.apply_keystream(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn words(&mut self, count: usize) -> Vec<u32> {
        let bytes = self.bytes(4 * count);
        let (words, _) = bytes.as_chunks::<4>();
        words.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    fn tokens(&mut self, ordinary: &Range<u32>, count: u32) -> Vec<u32> {
        let span = u64::from(ordinary.end - ordinary.start);
        // The product is below span, which is a u32.
        let token = |word: u32| ordinary.start + ((u64::from(word) * span) >> 32) as u32;
        self.words(count as usize).into_iter().map(token).collect()
    }

    fn image(&mut self, colours: u64, image_size: u32) -> Image {
        let (colours, side) = (colours as usize, image_size as usize);
        let across = image_size.div_ceil(SQUARE) as usize;
        let squares = self.bytes(across * across * colours);
        let noise = self.bytes(side * side);
        let square = SQUARE as usize;
        let mut values = Vec::with_capacity(colours * side * side);
        for colour in 0..colours {
            for (at, noise) in noise.iter().enumerate() {
                let place = at / side / square * across + at % side / square;
                let sum = 3 * u16::from(squares[place * colours + colour]) + u16::from(*noise);
                values.push((sum / 4) as u8);
            }
        }
        Image { values, image_size }
    }

    fn sound(&mut self, samples: usize) -> Vec<i16> {
        let mut sound = Vec::with_capacity(samples);
        while sound.len() < samples {
            let periods = self.words(WAVES);
            let periods = periods.iter().map(|word| LEAST_PERIOD + (((word & 0xffff) * PERIODS) >> 16));
            let periods: Vec<i32> = periods.map(u32::cast_signed).collect();
            for noise in self.bytes(PIECE.min(samples - sound.len())) {
                let at = sound.len() as i32;
                let waves: i32 = periods.iter().map(|period| triangle(at % period, *period)).sum();
                // Three waves and the noise stay within 12 416.
                sound.push((waves + i32::from(noise) - 128) as i16);
            }
        }
        sound
    }
}

/// A wave that rises from its least value over half a period, and falls over the other.
pub(crate) fn triangle(at: i32, period: i32) -> i32 {
    let distance = (2 * at - period).abs();
    AMPLITUDE - 2 * AMPLITUDE * distance / period
}
