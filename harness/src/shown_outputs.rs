//! What generations of a profile said, for people: the end of each prompt and the text behind it, from the outputs that were kept
//! beside the profile. Nothing is checked here; an audit does that.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, anyhow};
use proofmark_models::Tokenizer;
use proofmark_reports::Digest;
use proofmark_reports::audit::{Answer, Kept, answers};
use proofmark_reports::schema::v1::{Cell, Profile};
use proofmark_workloads::{Input, ModelLock, Suite, Workload};

use crate::plan::{WeightsFolder, given};
use crate::{Failure, Outcome, hub, kept_outputs};

/// Of a cell.
const ANSWERS: usize = 2;
/// Of an answer.
const SEQUENCES: usize = 4;
const PROMPT_TOKENS: usize = 40;
const OUTPUT_TOKENS: usize = 400;
/// Of a line, escapes among them.
const MAX_CHARS: usize = 2000;

/// Where the tokenizers of a profile's models are.
pub(crate) struct Tokenizers<'a> {
    /// From folders.
    pub(crate) given: &'a [WeightsFolder],
    /// What is known of models of the hub, whose cache is looked into.
    pub(crate) lock: &'a ModelLock,
}

/// The first generations of each cell, as text where a tokenizer is there.
pub(crate) fn shown(
    profile: &Profile,
    suite: &Suite,
    outputs: &Path,
    tokenizers: &Tokenizers<'_>,
) -> Result<String, Failure> {
    let generations = profile.cells.iter().filter_map(|cell| {
        let workload = suite.workload(&cell.workload)?;
        workload.shape.output_tokens()?;
        Some((cell, workload, answers(cell).into_iter().take(ANSWERS).collect::<Vec<_>>()))
    });
    let generations: Vec<_> = generations.collect();
    let wanted: BTreeSet<Digest> =
        generations.iter().flat_map(|(.., answers)| answers).map(|answer| answer.digest).collect();
    let kept = kept_outputs::read(outputs, &wanted)?;
    let mut text = String::new();
    for (cell, workload, answers) in generations {
        let reader = Reader::of(cell, workload, tokenizers)?;
        for (number, answer) in answers.iter().enumerate() {
            let Some(kept) = kept.get(&answer.digest) else { continue };
            let _ = writeln!(text, "{}, answer {number}", cell.workload);
            text += &reader.told(workload, answer, kept)?;
        }
    }
    if text.is_empty() {
        text.push_str("no output of a generation was kept\n");
    }
    Ok(text)
}

/// What makes text of a cell's tokens.
enum Reader {
    Text(Box<Tokenizer>),
    /// The model never had a tokenizer: its inputs were tokens too.
    Numbers,
    /// It had one that is not here, so its inputs are not known either.
    Absent,
}

impl Reader {
    fn of(cell: &Cell, workload: &Workload, tokenizers: &Tokenizers<'_>) -> Result<Self, Failure> {
        let source = cell.weights.as_ref().map_or("", |weights| &weights.source);
        let folder = match source {
            "local" => given(tokenizers.given, workload),
            "hub" => given(tokenizers.given, workload)
                .or_else(|| hub::cached_tokenizer(&workload.model, tokenizers.lock)),
            _ => return Ok(Self::Numbers),
        };
        let Some(folder) = folder else { return Ok(Self::Absent) };
        let tokenizer = folder.tokenizer(workload).map_err(|error| {
            Failure::new(Outcome::BadInput, error).hint("--weights names a folder with the model's tokenizer")
        })?;
        Ok(tokenizer.map_or(Self::Numbers, |tokenizer| Self::Text(Box::new(tokenizer))))
    }

    fn told(&self, workload: &Workload, answer: &Answer, kept: &Kept) -> Result<String, Failure> {
        let (Kept::Tokens(outputs) | Kept::Sketch(proofmark_reports::audit::Sketch { tokens: outputs, .. })) =
            kept;
        let mut prompts = self.prompts(workload, answer).map_err(|error| {
            Failure::new(Outcome::BadInput, error)
                .hint("the tokenizer must be the one of the profile's model")
        })?;
        prompts.resize(outputs.len(), Vec::new());
        let mut told = String::new();
        for (prompt, output) in prompts.iter().zip(outputs).take(SEQUENCES) {
            if !prompt.is_empty() {
                let tail = &prompt[prompt.len().saturating_sub(PROMPT_TOKENS)..];
                let before = if tail.len() < prompt.len() { ".. " } else { "" };
                let _ = writeln!(told, "  prompt  {before}{}", self.line(tail));
            }
            let head = &output[..output.len().min(OUTPUT_TOKENS)];
            let behind = if head.len() < output.len() { " .." } else { "" };
            let _ = writeln!(told, "  output  {}{behind}", self.line(head));
        }
        Ok(told)
    }

    fn prompts(&self, workload: &Workload, answer: &Answer) -> anyhow::Result<Vec<Vec<u32>>> {
        let input = match self {
            Self::Absent => return Ok(Vec::new()),
            Self::Numbers => workload.input(answer.seed),
            Self::Text(tokenizer) => {
                let input = workload.text_input(answer.seed, |text| tokenizer.encode(text));
                input.map_err(|error| anyhow!("{error}")).context("a prompt cannot be made again")?
            }
        };
        Ok(match input {
            Input::Generation { prompts, .. } => prompts,
            // What was heard is no text.
            _ => Vec::new(),
        })
    }

    /// Tokens as one line that a terminal may be given. What a stranger's file says need not be tokens of the model.
    fn line(&self, tokens: &[u32]) -> String {
        let text = match self {
            Self::Text(tokenizer) => tokenizer.decode(tokens).ok(),
            Self::Numbers | Self::Absent => None,
        };
        escaped(&text.unwrap_or_else(|| tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")))
    }
}

/// Control and invisible characters as escapes; cut where a line gets too long.
fn escaped(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if line.len() > MAX_CHARS {
            line.push_str(" ..");
            break;
        }
        match c {
            '"' | '\'' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        let text = "a\u{1b}[2J\r\n\t\u{202e}b\u{200b}\u{7f}\u{9b}\u{2028}";
        let line = escaped(text);
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
        assert!(line.starts_with("a\\u{1b}[2J\\r\\n\\t\\u{202e}b"), "{line}");
        assert_eq!(escaped("\"Grüße\", 東京 it's"), "\"Grüße\", 東京 it's");
        assert!(escaped(&"x".repeat(1 << 20)).len() < MAX_CHARS + 10);
    }
}
