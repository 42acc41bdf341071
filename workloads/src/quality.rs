//! What a trained model answers to fixed questions, as a suite records it: a digest says that two machines compute the same, not that
//! what they compute makes sense.
//!
//! Texts are this project's own, the image and the sound follow from integers. What is asked is fixed for each task
//! ([`Workload::quality_inputs`]), and so is what is read off the answers ([`Task::figures`]).

use crate::input::triangle;
use crate::{Image, Input, SAMPLE_RATE, Shape, Task, Tokens, Workload};

/// Sentences that say the same, that are about the same, and that have nothing in common.
const PAIRS: [[&str; 2]; 3] = [
    ["The bakery opens at six in the morning.", "From six o'clock on you can buy bread at the baker's."],
    ["The bakery opens at six in the morning.", "Fresh rolls are cheaper on market days."],
    ["The bakery opens at six in the morning.", "The satellite has lost contact with its ground station."],
];
const QUERY: &str = "how long can cooked rice be kept in the fridge";
/// One that answers the query, and one that does not.
const DOCUMENTS: [&str; 2] = [
    "Cooked rice keeps in the refrigerator for about four days if it was cooled quickly and covered well.",
    "The bridge over the river was closed for repairs, so that all trains had to take the longer way.",
];
const PARAGRAPH: &str = "The village lies at the end of a narrow valley. In winter the road is often closed by snow, and the people \
    who live there buy everything that they need in autumn. When the first warm days come in March, the children run \
    down to the river to see whether the ice has broken. An old man who has worked on the ferry for forty years says \
    that he can hear it the night before.";
const OPINION: &str = "The room was clean and quiet, and everybody who worked there was friendly.";
const CAPTIONS: [&str; 2] = ["a red circle on a blue background", "a photo of two dogs in the snow"];
/// Of the paragraph at most.
const PARAGRAPH_TOKENS: usize = 96;
/// Pixels: of the disc, and of the ground.
const DISC: [u8; 3] = [220, 30, 40];
const GROUND: [u8; 3] = [30, 60, 200];
/// In samples: what a tone lasts, and the periods of all of them.
const TONE: usize = 4000;
const PERIODS: [i32; 4] = [120, 96, 80, 60];

/// Figures of a model, and how far from them another machine, precision or arithmetic may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Those of [`Task::figures`], in exact arithmetic on f32 weights; empty until somebody has computed them.
    pub figures: Vec<i64>,
    /// Of a figure, or of one where it is smaller than that.
    pub tolerance_ppm: u64,
}

/// Something that is read off an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// A noun phrase for messages.
    pub name: &'static str,
    /// What its integer means.
    pub kind: FigureKind,
}

/// What the integer of a figure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// A number, in millionths.
    Number,
    /// A class or a token: the same or another, never near.
    Choice,
}

impl Quality {
    /// Whether a model may be held against it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.figures.is_empty()
    }

    /// Whether a figure that was found is the one stated.
    #[must_use]
    pub fn agrees(&self, kind: FigureKind, stated: i64, found: i64) -> bool {
        match kind {
            FigureKind::Choice => stated == found,
            FigureKind::Number => {
                let scale = u128::from(stated.unsigned_abs().max(1_000_000));
                u128::from(stated.abs_diff(found)) * 1_000_000 <= scale * u128::from(self.tolerance_ppm)
            }
        }
    }
}

impl Task {
    /// What is read off the answers to the task's fixed questions, in their order.
    #[must_use]
    pub fn figures(self) -> &'static [Figure] {
        const fn number(name: &'static str) -> Figure {
            Figure { name, kind: FigureKind::Number }
        }
        const fn choice(name: &'static str) -> Figure {
            Figure { name, kind: FigureKind::Choice }
        }
        match self {
            Self::Generation => &const { [number("mean surprise of a token, in nats")] },
            Self::Embedding => {
                &const {
                    [
                        number("cosine of sentences that say the same"),
                        number("cosine of sentences about the same"),
                        number("cosine of sentences about nothing in common"),
                    ]
                }
            }
            Self::Reranking => {
                &const { [number("score of a fitting document"), number("score of an unfitting document")] }
            }
            Self::TextClassification => {
                &const { [choice("class of a sentence"), number("its lead over the next class")] }
            }
            Self::ImageClassification => {
                &const { [choice("class of an image"), number("its lead over the next class")] }
            }
            Self::ImageTextSimilarity => {
                &const { [number("likeness of a fitting text"), number("likeness of an unfitting text")] }
            }
            Self::SpeechRecognition => {
                &const { [choice("first token of a sound"), number("log probability of the first token")] }
            }
        }
    }
}

impl Workload {
    /// The fixed questions to the workload's model, a request each, cut to the model's positions; `encode` gives a text's tokens. That
    /// of generation is one sequence whose tokens are known.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn quality_inputs<E>(&self, encode: impl Fn(&str) -> Result<Vec<u32>, E>) -> Result<Vec<Input>, E> {
        let special = self.model.special_tokens();
        let most = self.model.architecture.positions().unwrap_or(u64::MAX);
        let asking = Asking { special, most: usize::try_from(most).unwrap_or(usize::MAX), encode };
        let colours = self.model.architecture.colours();
        match self.shape {
            Shape::Generation { .. } => {
                let tokens = asking.tokens(PARAGRAPH, asking.most.min(PARAGRAPH_TOKENS), 1)?;
                let prompts = vec![[vec![asking.special.start], tokens].concat()];
                Ok(vec![Input::Generation { prompts, output_tokens: 1 }])
            }
            Shape::Embedding { .. } => PAIRS.iter().flatten().map(|text| asking.sentence(text)).collect(),
            Shape::TextClassification { .. } => Ok(vec![asking.sentence(OPINION)?]),
            Shape::Reranking { .. } => {
                let query = asking.tokens(QUERY, asking.most / 2, 2)?;
                let pair = |document| {
                    let document = asking.tokens(document, asking.most, query.len() + 3)?;
                    let token_types = self.model.pair_types(query.len(), document.len());
                    let sequences = vec![asking.special.enclose(&[query.clone(), document])];
                    Ok(Input::Encoder { sequences, token_types })
                };
                DOCUMENTS.into_iter().map(pair).collect()
            }
            Shape::ImageClassification { image_size, .. } => {
                Ok(vec![Input::Images(vec![disc(colours, image_size)])])
            }
            Shape::ImageTextSimilarity { image_size, .. } => {
                let caption = |text| {
                    let texts = vec![asking.special.enclose(&[asking.tokens(text, asking.most, 2)?])];
                    Ok(Input::ImageText { image: disc(colours, image_size), texts })
                };
                CAPTIONS.into_iter().map(caption).collect()
            }
            Shape::SpeechRecognition { audio_ms, .. } => {
                let mut sound = tones();
                sound.truncate((audio_ms * (SAMPLE_RATE / 1000)) as usize);
                let prompt = asking.special.beginning();
                Ok(vec![Input::Speech { sounds: vec![sound], prompt, output_tokens: 1 }])
            }
        }
    }

    /// Positions that the fixed questions take at most.
    #[must_use]
    pub fn quality_positions(&self) -> u32 {
        let limit = self.model.architecture.positions().unwrap_or(u64::MAX);
        // No more than so many tokens.
        limit.min(PARAGRAPH_TOKENS as u64) as u32
    }
}

struct Asking<F> {
    special: Tokens,
    /// Positions of the model.
    most: usize,
    encode: F,
}

impl<E, F: Fn(&str) -> Result<Vec<u32>, E>> Asking<F> {
    /// The text's first tokens, so many that `others` fit too.
    fn tokens(&self, text: &str, most: usize, others: usize) -> Result<Vec<u32>, E> {
        let mut tokens = (self.encode)(text)?;
        tokens.truncate(most.saturating_sub(others));
        Ok(tokens)
    }

    fn sentence(&self, text: &str) -> Result<Input, E> {
        let sequence = self.special.enclose(&[self.tokens(text, self.most, 2)?]);
        Ok(Input::Encoder { token_types: vec![0; sequence.len()], sequences: vec![sequence] })
    }
}

/// A red disc on blue ground, two thirds as wide as the image.
fn disc(colours: u64, image_size: u32) -> Image {
    let side = i64::from(image_size);
    let is_inside = |at: i64| {
        let (x, y) = (2 * (at % side) + 1 - side, 2 * (at / side) + 1 - side);
        9 * (x * x + y * y) <= 4 * side * side
    };
    let colour = |colour: usize| {
        let [disc, ground] = [DISC, GROUND].map(|of| of[colour % of.len()]);
        (0..side * side).map(move |at| if is_inside(at) { disc } else { ground })
    };
    Image { values: (0..colours as usize).flat_map(colour).collect(), image_size }
}

/// One second: a triangular wave that rises in four steps.
fn tones() -> Vec<i16> {
    let tone = |period: i32| (0..TONE as i32).map(move |at| triangle(at % period, period) as i16);
    PERIODS.into_iter().flat_map(tone).collect()
}
