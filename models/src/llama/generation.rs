use candle_core::Tensor;

use super::{Llama, LogitRows};
use crate::exact::argmax::argmax;
use crate::{Error, Output, Result};

/// Greedily generated tokens and the logits they were chosen from.
#[derive(Clone, Debug)]
pub struct Generation {
    /// `(batch, steps)`
    pub tokens: Vec<Vec<u32>>,
    /// One `(batch, vocab)` a step.
    steps: Vec<Vec<f32>>,
}

impl Llama {
    /// Continues each prompt by `steps` tokens, always the most likely one. `on_step` is called as soon as a step's
    /// tokens are known, so that the caller may look at a clock.
    ///
    /// # Errors
    /// When the prompts differ in length or do not fit, or a logit is NaN.
    pub fn generate(
        &self,
        prompts: &[Vec<u32>],
        steps: usize,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<Generation> {
        let (batch, prompt) = (prompts.len(), prompts.first().map_or(0, Vec::len));
        if prompts.iter().any(|other| other.len() != prompt) {
            return Err(Error::InvalidInput("prompts of unequal length in one batch".to_owned()));
        }
        let mut cache = self.cache(prompt + steps);
        let mut generation = Generation { tokens: vec![Vec::with_capacity(steps); batch], steps: Vec::new() };
        let mut ids: Vec<u32> = prompts.concat();
        for step in 0..steps {
            let logits = self.forward(&ids, batch, &mut cache, LogitRows::Last)?;
            ids = generation.choose(&logits)?;
            on_step(step);
        }
        Ok(generation)
    }
}

impl Generation {
    /// Takes the best token of each row of `logits`: `(batch, 1, vocab)`.
    fn choose(&mut self, logits: &Tensor) -> Result<Vec<u32>> {
        let (_, _, vocab) = logits.dims3()?;
        let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let mut chosen = Vec::with_capacity(self.tokens.len());
        for (row, tokens) in logits.chunks_exact(vocab).zip(&mut self.tokens) {
            let best = argmax(row).ok_or(Error::NonFinite { what: "logits", index: 0 })?;
            tokens.push(best as u32);
            chosen.push(best as u32);
        }
        self.steps.push(logits);
        Ok(chosen)
    }

    /// The output whose digest is recorded; costs a copy of the logits, so it is made outside the timed part.
    #[must_use]
    pub fn into_output(self) -> Output {
        let batch = self.tokens.len().max(1);
        let rows = (0..batch).flat_map(|row| self.steps.iter().map(move |step| (row, step)));
        let row_of = |(row, step): (usize, &Vec<f32>)| {
            let vocab = step.len() / batch;
            step[row * vocab..(row + 1) * vocab].to_vec()
        };
        Output::Generation { logits: rows.flat_map(row_of).collect(), tokens: self.tokens }
    }
}
