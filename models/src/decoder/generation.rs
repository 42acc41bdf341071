use super::{Decoder, LogitRows, Logits};
use crate::exact::argmax::argmax;
use crate::output::finite;
use crate::{Error, Output, Result};

/// Greedily generated tokens and the logits they were chosen from.
#[derive(Clone, Debug)]
pub struct Generation {
    /// `(batch, steps)`
    pub tokens: Vec<Vec<u32>>,
    /// One `(batch, vocab)` a step.
    steps: Vec<Vec<f32>>,
}

impl Decoder {
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
        let (batch, prompt) = dims(prompts)?;
        let mut cache = self.cache(batch, self.room_for(prompt, steps)?)?;
        let mut generation = Generation::empty(batch, steps);
        let mut ids: Vec<u32> = prompts.concat();
        for step in 0..steps {
            let logits = self.forward(&ids, &mut cache, LogitRows::Last)?;
            ids = generation.choose(logits)?;
            on_step(step);
        }
        Ok(generation)
    }

    /// What the model chooses at each step of a generation that is known, by one prefill over prompts and output, which costs a
    /// fraction of generating it: where `tokens`, `(batch, steps)`, are what it generates, the output of [`Self::generate`]. In exact
    /// numerics that holds bit for bit, on every machine.
    ///
    /// # Errors
    /// When prompts and tokens do not fit each other or the model, or a logit is NaN.
    pub fn replay(&self, prompts: &[Vec<u32>], tokens: &[Vec<u32>]) -> Result<Output> {
        let (batch, prompt) = dims(prompts)?;
        let (known, steps) = dims(tokens)?;
        if known != batch || prompt == 0 || steps == 0 {
            return Err(Error::InvalidInput("prompts and output of unequal number, or empty".to_owned()));
        }
        let room = self.room_for(prompt, steps - 1)?;
        // The last token is an output alone.
        let inputs =
            prompts.iter().zip(tokens).map(|(prompt, tokens)| [prompt, &tokens[..steps - 1]].concat());
        let ids = inputs.collect::<Vec<_>>().concat();
        let mut cache = self.cache(batch, room)?;
        let logits = self.forward(&ids, &mut cache, LogitRows::From(prompt - 1))?;
        Ok(Output::Generation { tokens: choices(&logits)?, logits: logits.values })
    }

    /// Positions for a prompt and what follows; checked before anything is allocated for them.
    fn room_for(&self, prompt: usize, further: usize) -> Result<usize> {
        let limit = self.positions();
        match prompt.checked_add(further) {
            Some(positions) if positions <= limit => Ok(positions),
            _ => Err(Error::InvalidInput(format!("{prompt} tokens and {further} more, room for {limit}"))),
        }
    }
}

impl Generation {
    /// Nothing yet, of `batch` sequences.
    pub(crate) fn empty(batch: usize, steps: usize) -> Self {
        Self { tokens: vec![Vec::with_capacity(steps); batch], steps: Vec::new() }
    }

    /// Takes the best token of each row of `logits`: `(batch, 1, vocab)`.
    pub(crate) fn choose(&mut self, logits: Logits) -> Result<Vec<u32>> {
        let chosen: Vec<u32> = choices(&logits)?.concat();
        for (tokens, token) in self.tokens.iter_mut().zip(&chosen) {
            tokens.push(*token);
        }
        self.steps.push(logits.values);
        Ok(chosen)
    }

    /// The output whose digest is recorded; costs a copy of the logits, so it is made outside the timed part.
    #[must_use]
    pub fn into_output(self) -> Output {
        Output::Generation { logits: self.logits(), tokens: self.tokens }
    }

    /// As [`Self::into_output`], where the tokens say what was heard.
    #[must_use]
    pub fn into_transcription(self) -> Output {
        Output::Transcription { logits: self.logits(), tokens: self.tokens }
    }

    /// `(batch, steps, vocab)`
    fn logits(&self) -> Vec<f32> {
        (0..self.tokens.len()).flat_map(|sequence| self.rows(sequence)).flatten().copied().collect()
    }

    /// The logits of one sequence, step by step: `(vocab,)` each.
    fn rows(&self, sequence: usize) -> impl Iterator<Item = &[f32]> {
        self.steps.iter().map(move |step| {
            let vocab = step.len() / self.tokens.len();
            &step[sequence * vocab..(sequence + 1) * vocab]
        })
    }
}

/// The best token of each row, sequence by sequence.
pub(crate) fn choices(logits: &Logits) -> Result<Vec<Vec<u32>>> {
    let (_, rows, vocab) = logits.dims;
    let chosen = logits.values.chunks_exact(vocab).map(choose).collect::<Result<Vec<u32>>>()?;
    Ok(chosen.chunks_exact(rows).map(<[u32]>::to_vec).collect())
}

pub(crate) fn dims<T>(rows: &[Vec<T>]) -> Result<(usize, usize)> {
    let length = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|row| row.len() != length) {
        return Err(Error::InvalidInput("sequences of unequal length in one batch".to_owned()));
    }
    Ok((rows.len(), length))
}

fn choose(logits: &[f32]) -> Result<u32> {
    match argmax(logits) {
        Some(best) => Ok(best as u32),
        // Only now, so that a step does not look at each logit twice.
        None => finite("logits", logits).and(Err(Error::InvalidInput("no logits to choose from".to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_never_chosen_from() {
        let index_of = |result: Error| match result {
            Error::NonFinite { what: "logits", index } => Some(index),
            _ => None,
        };
        assert_eq!(choose(&[0.0, 1.0, f32::NAN]).map_err(index_of), Err(Some(2)));
        assert_eq!(choose(&[]).map_err(index_of), Err(None));
        assert!(matches!(choose(&[0.0, 2.0, 1.0]), Ok(1)));
    }
}
