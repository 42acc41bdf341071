use super::{Llama, LogitRows, Logits};
use crate::exact::argmax::argmax;
use crate::framed_hash::FramedHash;
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

/// What somebody says that the model generated: enough to check it, without the logits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationClaim {
    /// `(batch, steps)`
    pub tokens: Vec<Vec<u32>>,
    /// Of the logits that each token was chosen from: `(batch, steps)`.
    pub logits_digests: Vec<Vec<[u8; 32]>>,
}

/// The first place where a claim differs from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The model chooses another token there.
    #[error("sequence {sequence}, step {step}: token {claimed} claimed, the model chooses {chosen}")]
    Token {
        /// Its index in the batch.
        sequence: usize,
        /// From 0.
        step: usize,
        /// By the claim.
        claimed: u32,
        /// By the model, after the claimed tokens before.
        chosen: u32,
    },
    /// The token is right, but came from other logits.
    #[error("sequence {sequence}, step {step}: the logits have another digest")]
    Logits {
        /// Its index in the batch.
        sequence: usize,
        /// From 0.
        step: usize,
    },
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
        let (batch, prompt) = dims(prompts)?;
        let mut cache = self.cache(batch, self.room_for(prompt, steps)?);
        let mut generation = Generation { tokens: vec![Vec::with_capacity(steps); batch], steps: Vec::new() };
        let mut ids: Vec<u32> = prompts.concat();
        for step in 0..steps {
            let logits = self.forward(&ids, &mut cache, LogitRows::Last)?;
            ids = generation.choose(logits)?;
            on_step(step);
        }
        Ok(generation)
    }

    /// Confirms every token and every logits digest of a claim by one prefill over prompts and output, which costs a fraction of
    /// generating it. In exact numerics an honest claim is confirmed on every machine.
    ///
    /// The inner error says where the claim is wrong.
    ///
    /// # Errors
    /// When prompts or claim do not fit each other or the model, or a logit is not finite.
    pub fn check_generation(
        &self,
        prompts: &[Vec<u32>],
        claim: &GenerationClaim,
    ) -> Result<std::result::Result<(), Mismatch>> {
        let (batch, prompt) = dims(prompts)?;
        let (claimed, steps) = dims(&claim.tokens)?;
        let digests = claim.logits_digests.iter().map(Vec::len);
        if claimed != batch || digests.len() != batch || digests.clone().any(|len| len != steps) {
            return Err(Error::InvalidInput("a claim of another shape than the prompts".to_owned()));
        }
        if prompt == 0 || steps == 0 {
            return Err(Error::InvalidInput("a claim without prompt or output".to_owned()));
        }
        let room = self.room_for(prompt, steps - 1)?;
        // The last token is an output alone.
        let inputs =
            prompts.iter().zip(&claim.tokens).map(|(prompt, tokens)| [prompt, &tokens[..steps - 1]].concat());
        let ids = inputs.collect::<Vec<_>>().concat();
        let mut cache = self.cache(batch, room);
        let logits = self.forward(&ids, &mut cache, LogitRows::From(prompt - 1))?;
        let (_, _, vocab) = logits.dims;
        let rows = logits.values.chunks_exact(vocab);
        for (index, logits) in rows.enumerate() {
            let (sequence, step) = (index / steps, index % steps);
            let chosen = choose(logits)?;
            let token = claim.tokens[sequence][step];
            if chosen != token {
                return Ok(Err(Mismatch::Token { sequence, step, claimed: token, chosen }));
            }
            if logits_digest(logits)? != claim.logits_digests[sequence][step] {
                return Ok(Err(Mismatch::Logits { sequence, step }));
            }
        }
        Ok(Ok(()))
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
    /// Takes the best token of each row of `logits`: `(batch, 1, vocab)`.
    fn choose(&mut self, logits: Logits) -> Result<Vec<u32>> {
        let (_, _, vocab) = logits.dims;
        let rows = logits.values.chunks_exact(vocab);
        let chosen = rows.map(choose).collect::<Result<Vec<u32>>>()?;
        for (tokens, token) in self.tokens.iter_mut().zip(&chosen) {
            tokens.push(*token);
        }
        self.steps.push(logits.values);
        Ok(chosen)
    }

    /// What [`Llama::check_generation`] can confirm.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a logit is infinite, which is never hashed.
    pub fn claim(&self) -> Result<GenerationClaim> {
        let digests = |sequence: usize| self.rows(sequence).map(logits_digest).collect();
        let logits_digests = (0..self.tokens.len()).map(digests).collect::<Result<_>>()?;
        Ok(GenerationClaim { tokens: self.tokens.clone(), logits_digests })
    }

    /// The output whose digest is recorded; costs a copy of the logits, so it is made outside the timed part.
    #[must_use]
    pub fn into_output(self) -> Output {
        let rows = (0..self.tokens.len()).flat_map(|sequence| self.rows(sequence));
        Output::Generation { logits: rows.flatten().copied().collect(), tokens: self.tokens.clone() }
    }

    /// The logits of one sequence, step by step: `(vocab,)` each.
    fn rows(&self, sequence: usize) -> impl Iterator<Item = &[f32]> {
        self.steps.iter().map(move |step| {
            let vocab = step.len() / self.tokens.len();
            &step[sequence * vocab..(sequence + 1) * vocab]
        })
    }
}

fn dims<T>(rows: &[Vec<T>]) -> Result<(usize, usize)> {
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

/// SHA-256 of one step's logits (`EXACT.md`, section 11).
fn logits_digest(logits: &[f32]) -> Result<[u8; 32]> {
    Ok(FramedHash::new("proofmark/logits/1").floats(finite("logits", logits)?).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_logit_is_never_hashed_and_nan_never_chosen_from() {
        let index_of = |result: Error| match result {
            Error::NonFinite { what: "logits", index } => Some(index),
            _ => None,
        };
        assert_eq!(logits_digest(&[0.0, f32::INFINITY]).map_err(index_of), Err(Some(1)));
        assert_eq!(choose(&[0.0, 1.0, f32::NAN]).map_err(index_of), Err(Some(2)));
        assert_eq!(choose(&[]).map_err(index_of), Err(None));
        assert!(matches!(choose(&[0.0, 2.0, 1.0]), Ok(1)));
    }
}
