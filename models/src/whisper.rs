//! Whisper: an encoder that reads speech as a log-mel spectrogram, and a decoder that writes what it heard.
//!
//! Tensor names and arithmetic follow `WhisperForConditionalGeneration` of transformers. Which tokens the decoder begins with is
//! the caller's choice, and so is how many it writes: no token is suppressed, and the end token has no special meaning, because a
//! benchmark asks for a stated number of tokens.

mod config;
mod decoder;
mod encoder;
mod log_mel;

pub use config::WhisperConfig;

use crate::decoder::generation::{choices, dims};
use crate::decoder::{Generation, LogitRows, Logits};
use crate::exact::log_mel::HOP;
use crate::layers::{Hidden, Workspace};
use crate::weights::Weights;
use crate::{Error, Numerics, Output, Result};
use decoder::{Decoder, DecoderCache};
use encoder::Encoder;
use log_mel::FrontEnd;

/// Front end, encoder and decoder.
#[derive(Debug)]
pub struct Whisper {
    front_end: FrontEnd,
    encoder: Encoder,
    decoder: Decoder,
    config: WhisperConfig,
    numerics: Numerics,
}

impl Whisper {
    /// Loads encoder and decoder.
    ///
    /// # Errors
    /// When a tensor cannot be loaded.
    pub fn load(config: &WhisperConfig, weights: &Weights, numerics: Numerics) -> Result<Self> {
        let model = weights.root().child("model");
        Ok(Self {
            front_end: FrontEnd::new(config.num_mel_bins, numerics)?,
            encoder: Encoder::load(&model.child("encoder"), config, numerics)?,
            decoder: Decoder::load(&model.child("decoder"), config, numerics)?,
            config: config.clone(),
            numerics,
        })
    }

    /// Samples at 16 kHz that the model hears: more are cut off, fewer are followed by silence.
    #[must_use]
    pub fn samples(&self) -> usize {
        2 * self.config.max_source_positions * HOP
    }

    /// The log-mel spectrogram of each waveform: `(batch, frames, bands)`, where a frame is 10 ms.
    ///
    /// # Errors
    /// When a sample is not finite.
    pub fn log_mel(&self, waveforms: &[Vec<f32>]) -> Result<Vec<f32>> {
        self.numerics.enter(|| self.front_end.forward(waveforms, self.samples()))
    }

    /// The encoder's output for log-mel spectrograms as [`Self::log_mel`] gives them: `(batch, positions, d_model)`.
    ///
    /// # Errors
    /// When the spectrograms have another number of frames or bands than the model.
    pub fn encoder_states(&self, spectrograms: Vec<f32>, batch: usize) -> Result<Vec<f32>> {
        self.numerics
            .enter(|| self.encoder.forward(spectrograms, batch, &mut Workspace::default())?.into_values())
    }

    /// The logits after each of the given tokens: `(batch, seq, vocab)`, for log-mel spectrograms as [`Self::log_mel`] gives them.
    ///
    /// # Errors
    /// When spectrograms and tokens do not fit each other or the model.
    pub fn logits(&self, spectrograms: Vec<f32>, tokens: &[Vec<u32>]) -> Result<Logits> {
        let (batch, seq) = dims(tokens)?;
        self.room_for(seq, 0)?;
        self.numerics.enter(|| {
            let mut workspace = Workspace::default();
            let heard = self.encoder.forward(spectrograms, batch, &mut workspace)?;
            let mut cache = self.decoder.cache(heard, seq, workspace)?;
            self.decoder.forward(&tokens.concat(), &mut cache, LogitRows::All)
        })
    }

    /// Writes `steps` tokens behind `prompt` for each waveform at 16 kHz, always the most likely one. `on_step` is called as soon as
    /// a step's tokens are known, so that the caller may look at a clock; [`Generation::into_transcription`] is the output.
    ///
    /// # Errors
    /// When the prompt is empty, waveforms or prompt do not fit the model, or a logit is NaN.
    pub fn transcribe(
        &self,
        waveforms: &[Vec<f32>],
        prompt: &[u32],
        steps: usize,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<Generation> {
        let room = self.room_for(prompt.len(), steps)?;
        let mut cache = self.hear(waveforms, room)?;
        let mut generation = Generation::empty(waveforms.len(), steps);
        let mut ids = prompt.repeat(waveforms.len());
        for step in 0..steps {
            let logits = self.numerics.enter(|| self.decoder.forward(&ids, &mut cache, LogitRows::Last))?;
            ids = generation.choose(logits)?;
            on_step(step);
        }
        Ok(generation)
    }

    /// What the model chooses at each step of a transcription that is known, by one pass of the decoder over prompt and output: where
    /// `tokens`, `(batch, steps)`, are what it writes, the output of [`Self::transcribe`]. In exact numerics that holds bit for bit,
    /// on every machine.
    ///
    /// # Errors
    /// When waveforms, prompt and tokens do not fit each other or the model, or a logit is NaN.
    pub fn replay(&self, waveforms: &[Vec<f32>], prompt: &[u32], tokens: &[Vec<u32>]) -> Result<Output> {
        let (known, steps) = dims(tokens)?;
        if known != waveforms.len() || prompt.is_empty() || steps == 0 {
            return Err(Error::InvalidInput("waveforms and output of unequal number, or empty".to_owned()));
        }
        let room = self.room_for(prompt.len(), steps - 1)?;
        let mut cache = self.hear(waveforms, room)?;
        // The last token is an output alone.
        let ids: Vec<u32> =
            tokens.iter().flat_map(|tokens| [prompt, &tokens[..steps - 1]].concat()).collect();
        let rows = LogitRows::From(prompt.len() - 1);
        let logits = self.numerics.enter(|| self.decoder.forward(&ids, &mut cache, rows))?;
        Ok(Output::Transcription { tokens: choices(&logits)?, logits: logits.values })
    }

    /// A cache for `room` tokens behind each waveform.
    fn hear(&self, waveforms: &[Vec<f32>], room: usize) -> Result<DecoderCache> {
        self.numerics.enter(|| {
            let mut workspace = Workspace::default();
            let spectrograms = self.front_end.forward(waveforms, self.samples())?;
            let heard: Hidden = self.encoder.forward(spectrograms, waveforms.len(), &mut workspace)?;
            self.decoder.cache(heard, room, workspace)
        })
    }

    /// Positions for a prompt and what follows; checked before anything is allocated for them.
    fn room_for(&self, prompt: usize, further: usize) -> Result<usize> {
        let limit = self.config.max_target_positions;
        match prompt.checked_add(further) {
            Some(positions) if prompt > 0 && positions <= limit => Ok(positions),
            _ => Err(Error::InvalidInput(format!("{prompt} tokens and {further} more, room for {limit}"))),
        }
    }
}
