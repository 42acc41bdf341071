//! Answers of a profile, computed once more.

use proofmark_reports::Digest;
use proofmark_workloads::Workload;

use super::model::Model;
use super::protocol::{Answer, Event, Question};
use super::say;

/// Answers each question in turn: a generation whose tokens are known by one prefill, everything else as it was first computed.
pub(super) fn answer(workload: &Workload, model: &Model, questions: &[Question]) -> anyhow::Result<()> {
    say(&Event::Loaded { weights_digest: model.weights_digest })?;
    for question in questions {
        let input = model.prepare(vec![workload.input(question.seed)])?;
        let output = match &question.tokens {
            Some(tokens) => model.replay(&input, tokens)?,
            None => Some(model.run(&input)?.output),
        };
        let digest = output.map(|output| output.digest().map(Digest)).transpose()?;
        say(&Event::Answer(Answer { digest }))?;
    }
    Ok(())
}
