//! Two builds on one machine in the same minutes: old new new old, then new old old new, and so on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use super::batches::Batch;
use super::build::Build;
use super::change::{Estimate, Four, Rules, Verdict};
use super::criterion::Effort;
use super::gates::Pass;

/// How long two builds are held against each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) effort: Effort,
    /// Fours of runs at least.
    pub(crate) least: usize,
    /// And at most, where the interval stays wide.
    pub(crate) most: usize,
}

/// What the turns gave.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// By the benchmark's name.
    pub(crate) fours: BTreeMap<String, Vec<Four>>,
    /// Times of the new build's runs.
    pub(crate) passes: Vec<Pass>,
}

/// An interval is narrow enough where its ends are so close to its middle.
const NARROW: f64 = 0.02;

/// Runs all batches in turns, until each interval is narrow or patience ends.
pub(crate) fn run(
    builds: (&Build, &Build),
    batches: &[Batch],
    patience: Patience,
    scratch: &Path,
) -> Result<Turns> {
    let (old, new) = builds;
    let mut turns = Turns::default();
    let mut open = batches.to_vec();
    for round in 0..patience.most {
        let count: usize = open.iter().map(|batch| batch.names.len()).sum();
        if count == 0 {
            break;
        }
        eprintln!("round {} of {} to {}: {count} benchmarks", round + 1, patience.least, patience.most);
        for batch in &open {
            let run = |build: &Build| -> Result<Pass> { times(batch.run(build, patience.effort, scratch)?) };
            // Whoever is first finds another machine than whoever follows.
            let (olds, news) = if round % 2 == 0 {
                let first = run(old)?;
                let news = [run(new)?, run(new)?];
                ([first, run(old)?], news)
            } else {
                let first = run(new)?;
                let olds = [run(old)?, run(old)?];
                (olds, [first, run(new)?])
            };
            for name in &batch.names {
                let of = |passes: &[Pass; 2]| -> Option<[f64; 2]> {
                    Some([*passes[0].get(name)?, *passes[1].get(name)?])
                };
                // What smoke finds out of reach has no times.
                if let (Some(old_ns), Some(new_ns)) = (of(&olds), of(&news)) {
                    turns.fours.entry(name.clone()).or_default().push(Four { old_ns, new_ns });
                }
            }
            turns.add_passes(2 * round, news);
        }
        if round + 1 >= patience.least {
            let is_open = |name: &str| turns.fours.get(name).is_some_and(|fours| !is_narrow(fours));
            open = open.iter().filter_map(|batch| batch.only(is_open)).collect();
        }
    }
    Ok(turns)
}

/// Runs a build alone.
pub(crate) fn alone(
    build: &Build,
    batches: &[Batch],
    effort: Effort,
    rounds: usize,
    scratch: &Path,
) -> Result<BTreeMap<String, Vec<Vec<f64>>>> {
    let mut found: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    for round in 0..rounds {
        let count: usize = batches.iter().map(|batch| batch.names.len()).sum();
        eprintln!("round {} of {rounds}: {count} benchmarks", round + 1);
        for batch in batches {
            for (name, samples) in batch.run(build, effort, scratch)? {
                found.entry(name).or_default().push(samples);
            }
        }
    }
    Ok(found)
}

impl Turns {
    /// What the fours of a benchmark say.
    pub(crate) fn judged(&self, name: &str, rules: Rules) -> Option<(Estimate, Verdict)> {
        let change = Estimate::of_fours(self.fours.get(name)?)?;
        Some((change, change.verdict(rules)))
    }

    fn add_passes(&mut self, first: usize, passes: [Pass; 2]) {
        for (index, pass) in passes.into_iter().enumerate() {
            if self.passes.len() <= first + index {
                self.passes.resize(first + index + 1, Pass::new());
            }
            self.passes[first + index].extend(pass);
        }
    }
}

pub(crate) fn is_narrow(fours: &[Four]) -> bool {
    Estimate::of_fours(fours).is_some_and(|change| {
        change.high <= change.value * (1.0 + NARROW) && change.low >= change.value * (1.0 - NARROW)
    })
}

fn times(samples: BTreeMap<String, Vec<f64>>) -> Result<Pass> {
    let mut pass = Pass::new();
    for (name, samples) in samples {
        ensure!(samples.iter().all(|ns| ns.is_finite() && *ns > 0.0), "{name} took no time");
        pass.insert(name, undisturbed(&samples));
    }
    Ok(pass)
}

/// What a tenth of the samples does not exceed: what else the machine does makes samples longer, never shorter.
pub(crate) fn undisturbed(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 10).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_samples_in_ten_may_be_disturbed() {
        let samples: Vec<f64> =
            (0..60).map(|at| if at % 9 == 0 { 5.0 } else { 50.0 + f64::from(at) }).collect();
        assert_eq!(undisturbed(&samples), 5.0);
        assert_eq!(undisturbed(&[3.0]), 3.0);
    }
}
