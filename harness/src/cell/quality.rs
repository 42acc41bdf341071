//! What a model answers to the fixed questions of its task, and whether that is what the suite says.

use anyhow::{Context, bail, ensure};
use proofmark_models::Output;
use proofmark_models::exact::argmax::argmax;
use proofmark_workloads::{Figure, FigureKind, Input, Task};

use super::model::Model;

const MILLIONTHS: f64 = 1e6;

/// Refuses a model whose answers are not those that the suite states.
///
/// # Errors
/// One that names the figure, what was found and what was expected.
pub(super) fn check(model: &Model) -> anyhow::Result<()> {
    let Some(quality) = model.workload.model.quality.as_ref().filter(|quality| quality.is_known()) else {
        return Ok(());
    };
    let found = figures(model).context("the model's quality")?;
    for ((figure, stated), found) in
        model.workload.shape.task().figures().iter().zip(&quality.figures).zip(found)
    {
        ensure!(
            quality.agrees(figure.kind, *stated, found),
            "the model does not answer as it should: {} is {}, the suite says {}",
            figure.name,
            told(figure.kind, found),
            told(figure.kind, *stated)
        );
    }
    Ok(())
}

/// The figures of the workload's task, in their order.
///
/// # Errors
/// When a model that reads text has no tokenizer, or the model fails.
pub(crate) fn figures(model: &Model) -> anyhow::Result<Vec<i64>> {
    let task = model.workload.shape.task();
    let inputs = model.workload.quality_inputs(|text| model.encode(text))?;
    let numbers = if task == Task::Generation {
        inputs.into_iter().map(|input| surprise(model, input)).collect::<anyhow::Result<_>>()?
    } else {
        let answer = |input| Ok(model.run(&model.prepare(vec![input])?)?.output);
        let answers: Vec<Output> = inputs.into_iter().map(answer).collect::<anyhow::Result<_>>()?;
        let rows: Vec<&[f32]> =
            answers.iter().map(|answer| Ok(answer.rows()?.0)).collect::<anyhow::Result<_>>()?;
        match (task, &rows[..]) {
            (Task::TextClassification | Task::ImageClassification, [logits]) => {
                let best = best(logits)?;
                let others = logits.iter().enumerate().filter(|(index, _)| *index != best);
                let next = others.map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
                vec![best as f64, f64::from(logits[best]) - f64::from(next)]
            }
            (Task::SpeechRecognition, [logits]) => {
                let best = best(logits)?;
                vec![best as f64, log_probability(logits, best)]
            }
            (Task::Embedding, rows) => rows.as_chunks::<2>().0.iter().map(|[a, b]| dot(a, b)).collect(),
            (_, rows) => rows.iter().flat_map(|row| row.iter().copied().map(f64::from)).collect(),
        }
    };
    let integer = |(figure, number): (&Figure, f64)| match figure.kind {
        FigureKind::Number => (number * MILLIONTHS).round() as i64,
        FigureKind::Choice => number as i64,
    };
    Ok(task.figures().iter().zip(numbers).map(integer).collect())
}

/// How badly the model foresees the tokens of a text, on average: the mean of their negative log probabilities.
fn surprise(model: &Model, input: Input) -> anyhow::Result<f64> {
    let Input::Generation { prompts, .. } = input else { bail!("the input is for another task") };
    let (start, known): (Vec<_>, Vec<_>) =
        prompts.iter().map(|text| (text[..1].to_vec(), text[1..].to_vec())).unzip();
    let output_tokens = u32::try_from(known.iter().map(Vec::len).sum::<usize>())?;
    let input = model.prepare(vec![Input::Generation { prompts: start, output_tokens }])?;
    let output = model.replay(&input, &known)?;
    let (logits, vocab) = output.rows()?;
    let probabilities = logits.chunks_exact(vocab).zip(known.iter().flatten());
    let sum: f64 = probabilities.map(|(logits, token)| log_probability(logits, *token as usize)).sum();
    Ok(-sum / f64::from(output_tokens))
}

fn best(logits: &[f32]) -> anyhow::Result<usize> {
    argmax(logits).context("nothing to choose from")
}

fn log_probability(logits: &[f32], index: usize) -> f64 {
    let most = logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum();
    logits.get(index).map_or(f64::NEG_INFINITY, |logit| f64::from(*logit) - most - sum.ln())
}

/// The cosine, of unit vectors.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn told(kind: FigureKind, figure: i64) -> String {
    match kind {
        FigureKind::Number => format!("{:.6}", figure as f64 / MILLIONTHS),
        FigureKind::Choice => figure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one_whatever_the_logits() {
        for logits in [[0.0, 0.0, 0.0], [-1000.0, 0.5, 700.0], [1e30, 1e30, -1e30]] {
            let sum: f64 = (0..3).map(|index| log_probability(&logits, index).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{logits:?}: {sum}");
        }
        assert!((log_probability(&[0.0, 0.0], 1) + std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(log_probability(&[0.0], 1), f64::NEG_INFINITY);
    }
}
