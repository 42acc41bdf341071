//! Two builds on one machine in the same minutes: old new new old, then new old old new, and so on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use super::batches::{Batch, Samples};
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
    /// And at most, where the interval does not decide.
    pub(crate) most: usize,
}

/// What the turns gave.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// By the benchmark's name.
    pub(crate) fours: BTreeMap<String, Vec<Four>>,
}

/// Runs all batches in turns, until each interval has decided or patience ends.
pub(crate) fn run(
    builds: (&Build, &Build),
    batches: &[Batch],
    patience: Patience,
    rules: Rules,
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
            // Whoever is first finds another machine than whoever follows.
            let pair = |is_old_first: bool, seed| -> Result<[Pass; 2]> {
                let order = if is_old_first { [old, new] } else { [new, old] };
                let [first, second] = batch.run_both(order, patience.effort, seed, scratch)?;
                let (first, second) = (times(first)?, times(second)?);
                Ok(if is_old_first { [first, second] } else { [second, first] })
            };
            let (is_even, seed) = (round % 2 == 0, 2 * round as u64);
            let ([old_1, new_1], [old_2, new_2]) = (pair(is_even, seed)?, pair(!is_even, seed + 1)?);
            let (olds, news) = ([old_1, old_2], [new_1, new_2]);
            for name in &batch.names {
                let of = |passes: &[Pass; 2]| -> Option<[f64; 2]> {
                    Some([*passes[0].get(name)?, *passes[1].get(name)?])
                };
                // What smoke finds out of reach has no times.
                if let (Some(old_ns), Some(new_ns)) = (of(&olds), of(&news)) {
                    turns.fours.entry(name.clone()).or_default().push(Four { old_ns, new_ns });
                }
            }
        }
        if round + 1 >= patience.least {
            let is_open = |name: &str| {
                turns.fours.get(name).is_some_and(|fours| {
                    !Estimate::of_fours(fours).is_some_and(|change| change.is_decided(rules))
                })
            };
            open = open.iter().filter_map(|batch| batch.only(is_open)).collect();
        }
    }
    Ok(turns)
}

impl Turns {
    /// What the fours of a benchmark say.
    pub(crate) fn judged(&self, name: &str, rules: Rules) -> Option<(Estimate, Verdict)> {
        let change = Estimate::of_fours(self.fours.get(name)?)?;
        Some((change, change.verdict(rules)))
    }
}

/// Of each benchmark's samples what nothing disturbed.
pub(crate) fn times(samples: Samples) -> Result<Pass> {
    let mut pass = Pass::new();
    for (name, samples) in samples {
        ensure!(samples.iter().all(|ns| ns.is_finite() && *ns > 0.0), "{name} took no time");
        pass.insert(name, undisturbed(&samples));
    }
    Ok(pass)
}

/// What a tenth of the samples does not exceed: what else the machine does makes samples longer, never shorter.
fn undisturbed(samples: &[f64]) -> f64 {
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
