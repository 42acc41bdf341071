//! A build by itself, or against the rounds of an earlier day.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::Measured;
use super::batches::Batch;
use super::build::Build;
use super::change::{Estimate, Rules};
use super::criterion::{Effort, Threads};
use super::gates::Pass;
use super::report::Row;
use super::turns::{Patience, times};

/// The time of each round by the benchmark's name, in nanoseconds.
pub(crate) type Rounds = BTreeMap<String, Vec<f64>>;

/// Runs all batches on all threads, round by round, as often as patience asks for at least.
pub(crate) fn rounds(build: &Build, batches: &[Batch], patience: Patience, scratch: &Path) -> Result<Rounds> {
    let Patience { effort, least, .. } = patience;
    let effort = Effort { threads: Threads::All, ..effort };
    let count: usize = batches.iter().map(|batch| batch.names.len()).sum();
    let mut found = Rounds::new();
    if count == 0 {
        return Ok(found);
    }
    for round in 0..least {
        eprintln!("round {} of {least}: {count} benchmarks", round + 1);
        for batch in batches {
            for (name, ns) in times(batch.run(build, effort, scratch)?)? {
                found.entry(name).or_default().push(ns);
            }
        }
    }
    Ok(found)
}

/// What these rounds say, held against a baseline's if there is one.
pub(crate) fn judged(rounds: &Rounds, baseline: Option<&Rounds>, rules: Rules) -> Measured {
    let row = |(name, rounds_ns): (&String, &Vec<f64>)| {
        let old_ns = baseline.and_then(|baseline| baseline.get(name));
        let change = old_ns.and_then(|old_ns| Estimate::apart(old_ns, rounds_ns));
        Some(Row {
            name: name.clone(),
            time_ns: Estimate::of_rounds(rounds_ns)?,
            change,
            second: None,
            verdict: change.map(|change| change.verdict(rules)),
            fours: Vec::new(),
        })
    };
    let note = "The baseline was measured at another time: what the machine did between is in the changes.";
    Measured {
        rows: rounds.iter().filter_map(row).collect(),
        notes: baseline.map(|_| note.to_owned()).into_iter().collect(),
    }
}

/// The same by round.
pub(crate) fn passes(rounds: &Rounds) -> Vec<Pass> {
    let count = rounds.values().map(Vec::len).max().unwrap_or_default();
    let pass = |round: usize| {
        let of = |(name, rounds): (&String, &Vec<f64>)| Some((name.clone(), *rounds.get(round)?));
        rounds.iter().filter_map(of).collect()
    };
    (0..count).map(pass).collect()
}
