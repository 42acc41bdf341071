//! Inputs from a seed.
//!
//! The seed is the key of a ChaCha stream with 8 rounds (nonce zero, counter from zero), from which an input is drawn in order.
//!
//! - A token is one little-endian u32 word `u`: `from + floor(u * count / 2^32)`. Sequences are drawn in order, a reranking
//!   request's query before its documents, an image before the texts that may describe it.
//! - An image is drawn in squares of 16 pixels' side, row by row: one byte a colour, `c`, for each square. Then comes one byte `n` for each
//!   pixel, row by row; a pixel's colour is `floor((3 c + n) / 4)`.
//! - A sound is drawn in pieces of 1600 samples, a tenth of a second: three words for each piece, whose lower halves give the periods
//!   `20 + floor(u * 140 / 2^16)`, in samples, of three triangular waves from -4096 to 4096, and one byte `n` for each sample. A sample is the sum
//!   of the waves at its place in the whole sound, and `n - 128`.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha8, Key, Nonce};

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

impl Workload {
    /// The request of this seed.
    #[must_use]
    pub fn input(&self, seed: Digest) -> Input {
        let mut stream = Stream::new(seed);
        let nothing = Tokens { start: 0, separator: None, further: Vec::new(), ordinary: 0..1 };
        // A suite is refused whose task needs tokens that its model does not name.
        let tokens = self.model.tokens.as_ref().unwrap_or(&nothing);
        let separator = tokens.separator.unwrap_or(tokens.start);
        let enclosed = |stream: &mut Stream, count: u32| {
            let mut sequence = vec![tokens.start];
            sequence.extend(stream.tokens(tokens, count - 2));
            sequence.push(separator);
            sequence
        };
        match self.shape {
            Shape::Generation { prompt_tokens, output_tokens, batch } => {
                let mut prompt = || {
                    let mut prompt = vec![tokens.start];
                    prompt.extend(stream.tokens(tokens, prompt_tokens - 1));
                    prompt
                };
                Input::Generation { prompts: (0..batch).map(|_| prompt()).collect(), output_tokens }
            }
            Shape::Embedding { tokens, batch } | Shape::TextClassification { tokens, batch } => {
                let sequences = (0..batch).map(|_| enclosed(&mut stream, tokens)).collect();
                Input::Encoder { sequences, token_types: vec![0; tokens as usize] }
            }
            Shape::Reranking { query_tokens, document_tokens, documents } => {
                let mut query = vec![tokens.start];
                query.extend(stream.tokens(tokens, query_tokens));
                query.push(separator);
                let mut pair = || {
                    let mut pair = query.clone();
                    pair.extend(stream.tokens(tokens, document_tokens));
                    pair.push(separator);
                    pair
                };
                let sequences = (0..documents).map(|_| pair()).collect();
                let mut token_types = vec![0; query_tokens as usize + 2];
                token_types.resize(self.shape.positions() as usize, second_segment(&self.model));
                Input::Encoder { sequences, token_types }
            }
            Shape::ImageClassification { image_size, batch } => {
                let colours = self.model.architecture.colours();
                Input::Images((0..batch).map(|_| stream.image(colours, image_size)).collect())
            }
            Shape::ImageTextSimilarity { image_size, text_tokens, texts } => {
                let image = stream.image(self.model.architecture.colours(), image_size);
                let texts = (0..texts).map(|_| enclosed(&mut stream, text_tokens)).collect();
                Input::ImageText { image, texts }
            }
            Shape::SpeechRecognition { audio_ms, output_tokens, batch, .. } => {
                let samples = audio_ms as usize * (SAMPLE_RATE / 1000) as usize;
                let sounds = (0..batch).map(|_| stream.sound(samples)).collect();
                let prompt = std::iter::once(tokens.start).chain(tokens.further.iter().copied()).collect();
                Input::Speech { sounds, prompt, output_tokens }
            }
        }
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

    fn words(&mut self, count: usize) -> Vec<u32> {
        let bytes = self.bytes(4 * count);
        let (words, _) = bytes.as_chunks::<4>();
        words.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    fn tokens(&mut self, Tokens { ordinary, .. }: &Tokens, count: u32) -> Vec<u32> {
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
fn triangle(at: i32, period: i32) -> i32 {
    let distance = (2 * at - period).abs();
    AMPLITUDE - 2 * AMPLITUDE * distance / period
}
