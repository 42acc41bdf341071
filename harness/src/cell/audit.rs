//! Answers of a profile, held against the model in exact numerics.

use anyhow::ensure;
use proofmark_models::Output;
use proofmark_reports::Digest;
use proofmark_reports::audit::{INCOMPARABLE_PPM, Kept, Sketch};
use proofmark_workloads::{Workload, self_check_seed};

use super::model::Model;
use super::protocol::{Event, Finding, Question};
use super::say;

/// Says what each question finds.
pub(super) fn answer(workload: &Workload, model: &Model, questions: &[Question]) -> anyhow::Result<()> {
    say(&Event::Loaded { weights_digest: model.weights_digest })?;
    let mut auditor = Auditor { workload, model, computes_rightly: false };
    for question in questions {
        say(&Event::Answer(auditor.find(question)?))?;
    }
    Ok(())
}

struct Auditor<'a> {
    workload: &'a Workload,
    model: &'a Model,
    /// Known, once it was needed.
    computes_rightly: bool,
}

impl Auditor<'_> {
    fn find(&mut self, question: &Question) -> anyhow::Result<Finding> {
        match &question.kept {
            Some(Kept::Sketch(sketch)) => self.distance(question.seed, sketch),
            Some(Kept::Tokens(tokens)) if self.confirms(question, tokens) => {
                Ok(Finding::Digest(question.digest))
            }
            // Tokens that do not lead to the digest are nobody's word: the model says without them what is true.
            _ => self.digest(question),
        }
    }

    /// Whether one prefill over these tokens chooses them again, and so gives the stated output. Over any others it chooses tokens too,
    /// but behind words that the model would not have said.
    fn confirms(&self, question: &Question, tokens: &[Vec<u32>]) -> bool {
        let input = self.model.input(question.seed).and_then(|input| self.model.prepare(vec![input]));
        let replayed = input.and_then(|input| self.model.replay(&input, tokens));
        let is_chosen = |output: &Output| match output {
            Output::Generation { tokens: chosen, .. } | Output::Transcription { tokens: chosen, .. } => {
                chosen == tokens
            }
            _ => false,
        };
        let is_stated =
            |output: &Output| output.digest().is_ok_and(|digest| Digest(digest) == question.digest);
        replayed.is_ok_and(|output| is_chosen(&output) && is_stated(&output))
    }

    fn digest(&mut self, question: &Question) -> anyhow::Result<Finding> {
        let digest = self.computed(question.seed)?;
        if digest != question.digest && !self.computes_rightly {
            self.check_self()?;
            self.computes_rightly = true;
        }
        Ok(Finding::Digest(digest))
    }

    fn computed(&self, seed: Digest) -> anyhow::Result<Digest> {
        let input = self.model.prepare(vec![self.model.input(seed)?])?;
        Ok(Digest(self.model.run(&input)?.output.digest()?))
    }

    /// An auditor that computes wrongly accuses nobody.
    fn check_self(&self) -> anyhow::Result<()> {
        let computed = self.computed(self_check_seed())?;
        ensure!(
            self.workload.self_check.is_none_or(|expected| expected == computed),
            "the auditor's machine computes wrongly: self-check digest {computed}"
        );
        Ok(())
    }

    fn distance(&self, seed: Digest, sketch: &Sketch) -> anyhow::Result<Finding> {
        let input = self.model.prepare(vec![self.model.input(seed)?])?;
        let output = if sketch.tokens.is_empty() {
            self.model.run(&input)?.output
        } else {
            match self.model.replay(&input, &sketch.tokens) {
                Ok(output) => output,
                // Of another shape, or no tokens of the model.
                Err(_) => return Ok(Finding::DistancePpm(INCOMPARABLE_PPM)),
            }
        };
        let (numbers, width) = output.rows()?;
        Ok(Finding::DistancePpm(sketch.distance_ppm(numbers, width)))
    }
}
