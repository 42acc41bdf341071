//! A build against another in turns, on one thread, and a second time those whose first says anything but that nothing changed.

use std::path::Path;

use anyhow::{Result, ensure};

use super::Measured;
use super::batches::Batch;
use super::build::Build;
use super::change::{Estimate, Rules, Verdict};
use super::criterion::{Effort, Threads};
use super::report::Row;
use super::turns::{self, Patience, Turns};

/// Runs what both builds have of the batches.
pub(crate) fn measure(
    (old, new): (&Build, &Build),
    batches: &[Batch],
    patience: Patience,
    rules: Rules,
    scratch: &Path,
) -> Result<Measured> {
    let shared: Vec<Option<Batch>> =
        batches.iter().map(|batch| batch.shared(old, new)).collect::<Result<_>>()?;
    let shared: Vec<Batch> = shared.into_iter().flatten().collect();
    let patience = Patience { effort: Effort { threads: Threads::One, ..patience.effort }, ..patience };
    let first = turns::run((old, new), &shared, patience, rules, scratch)?;
    let is_doubtful =
        |name: &str| first.judged(name, rules).is_some_and(|(_, verdict)| verdict != Verdict::Unchanged);
    let doubtful: Vec<Batch> = shared.iter().filter_map(|batch| batch.only(is_doubtful)).collect();
    let second = match doubtful.is_empty() {
        true => Turns::default(),
        false => turns::run((old, new), &doubtful, patience, rules, scratch)?,
    };
    let rows: Vec<Row> = first.fours.keys().filter_map(|name| row(name, &first, &second, rules)).collect();
    ensure!(!rows.is_empty(), "{} and {} have no benchmark in common", old.revision, new.revision);
    let unknown: Vec<&str> = batches
        .iter()
        .flat_map(|batch| &batch.names)
        .map(String::as_str)
        .filter(|name| !rows.iter().any(|row| row.name == *name))
        .collect();
    let note = format!("not compared, because not both have such times: {}", unknown.join(", "));
    Ok(Measured { rows, notes: if unknown.is_empty() { Vec::new() } else { vec![note] } })
}

fn row(name: &str, first: &Turns, second: &Turns, rules: Rules) -> Option<Row> {
    let fours = first.fours.get(name)?;
    let (change, verdict) = first.judged(name, rules)?;
    let again = second.judged(name, rules);
    let new_ns: Vec<f64> = fours.iter().flat_map(|four| four.new_ns).collect();
    Some(Row {
        name: name.to_owned(),
        time_ns: Estimate::of_rounds(&new_ns)?,
        change: Some(change),
        second: again.map(|(change, _)| change),
        verdict: Some(again.map_or(verdict, |(_, second)| verdict.confirmed(second))),
        fours: fours.clone(),
    })
}
