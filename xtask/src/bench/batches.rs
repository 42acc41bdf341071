//! What one process runs: benchmarks of one executable, as many as take a few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::alternate;
use super::build::Build;
use super::criterion::{self, Effort};
use super::smoke;

/// Benchmarks of a process at most; groups stay together, because their ratios are gated.
const MOST: usize = 12;

/// Of each benchmark its samples, in nanoseconds a repetition.
pub(crate) type Samples = BTreeMap<String, Vec<f64>>;

/// Benchmarks that run in one process.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    program: Program,
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// By the name of the target.
    Criterion(String),
    /// The suite `smoke`.
    Proofmark,
}

/// Of benchmarks that differ in the instruction set alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variants {
    /// Every one.
    All,
    /// The one that stands first: that of the fastest instructions.
    Fastest,
}

/// The benchmarks of a build, as criterion lists them, behind them those of the suite `smoke`.
pub(crate) fn of(build: &Build, variants: Variants, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for (bench, executable) in &build.benches {
        let program = Program::Criterion(bench.clone());
        let names = criterion::names(executable)?.into_iter().filter(|name| is_wanted(name)).collect();
        batches.extend(split(&program, if variants == Variants::Fastest { fastest(names) } else { names }));
    }
    let smoke: Vec<String> = smoke::names(build)?.into_iter().filter(|name| is_wanted(name)).collect();
    if !smoke.is_empty() {
        batches.push(Batch { program: Program::Proofmark, names: smoke });
    }
    Ok(batches)
}

/// `GROUP/exact f32 avx2` goes where `GROUP/exact f32 avx512` is.
fn fastest(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let of = |name: &str| match name.rsplit_once(' ') {
        Some((variant, _)) if variant.contains("/exact ") => variant.to_owned(),
        _ => name.to_owned(),
    };
    names.into_iter().filter(|name| seen.insert(of(name))).collect()
}

fn split(program: &Program, names: Vec<String>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut group = String::new();
    for name in names {
        let of = name.split('/').next().unwrap_or_default().to_owned();
        match batches.last_mut() {
            Some(batch) if batch.names.len() < MOST || of == group => batch.names.push(name),
            _ => batches.push(Batch { program: program.clone(), names: vec![name] }),
        }
        group = of;
    }
    batches
}

impl Batch {
    /// The part of it that both builds have.
    pub(crate) fn shared(&self, old: &Build, new: &Build) -> Result<Option<Self>> {
        let known: BTreeSet<String> = match &self.program {
            Program::Criterion(bench) => match old.benches.get(bench) {
                Some(executable) => criterion::names(executable)?.into_iter().collect(),
                None => BTreeSet::new(),
            },
            // Another version may have other requests under the same names.
            Program::Proofmark if smoke::version(old)? != smoke::version(new)? => BTreeSet::new(),
            Program::Proofmark => smoke::names(old)?.into_iter().collect(),
        };
        Ok(self.only(|name| known.contains(name)))
    }

    /// The part of it with such names.
    pub(crate) fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let names: Vec<String> = self.names.iter().filter(|name| is_wanted(name)).cloned().collect();
        (!names.is_empty()).then(|| Self { names, ..self.clone() })
    }

    /// Runs it once.
    pub(crate) fn run(&self, build: &Build, effort: Effort, scratch: &Path) -> Result<Samples> {
        match &self.program {
            Program::Criterion(bench) => {
                let results = scratch.join("criterion");
                let mut process = self.process(bench, build, effort, &results)?;
                let text = format!("{}", process.get_program().display());
                let ended = process.output().with_context(|| format!("cannot start {text}"))?;
                if !ended.status.success() {
                    bail!("{text}: {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim());
                }
                criterion::samples(&results, &self.names)
            }
            Program::Proofmark => smoke::run(build, &self.names, effort.threads, scratch),
        }
    }

    /// Runs it once by each of two builds, sample by sample in turns that `seed` orders where the benchmarks can, else the first build first.
    pub(crate) fn run_both(
        &self,
        builds: [&Build; 2],
        effort: Effort,
        seed: u64,
        scratch: &Path,
    ) -> Result<[Samples; 2]> {
        let [first, second] = builds;
        match &self.program {
            Program::Criterion(bench) => {
                let results = ["criterion-first", "criterion-second"].map(|name| scratch.join(name));
                let processes = [
                    self.process(bench, first, effort, &results[0])?,
                    self.process(bench, second, effort, &results[1])?,
                ];
                alternate::run(processes, seed, scratch)?;
                let [first, second] = results.map(|results| criterion::samples(&results, &self.names));
                Ok([first?, second?])
            }
            Program::Proofmark => {
                let run = |build| smoke::run(build, &self.names, effort.threads, scratch);
                Ok([run(first)?, run(second)?])
            }
        }
    }

    fn process(&self, bench: &str, build: &Build, effort: Effort, results: &Path) -> Result<Command> {
        let executable = build.benches.get(bench);
        let executable = executable.with_context(|| format!("{} has no `{bench}`", build.revision))?;
        criterion::process(executable, &build.folder, &self.names, effort, results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_instruction_sets_the_first_stays() {
        let names = [
            "a/exact f32 avx512",
            "a/exact q8 avx512",
            "a/exact f32 avx2",
            "a/native f32",
            "b/exact f32 avx2",
            "c/d",
        ];
        let stay = fastest(names.map(str::to_owned).into());
        assert_eq!(
            stay,
            ["a/exact f32 avx512", "a/exact q8 avx512", "a/native f32", "b/exact f32 avx2", "c/d"]
        );
    }

    #[test]
    fn groups_stay_together() {
        let names: Vec<String> =
            (0..4).flat_map(|group| (0..5).map(move |one| format!("{group}/{one}"))).collect();
        let batches = split(&Program::Criterion("kernels".to_owned()), names.clone());
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.names.len()).collect();
        assert_eq!(sizes, [15, 5]);
        let all: Vec<String> = batches.into_iter().flat_map(|batch| batch.names).collect();
        assert_eq!(all, names);
    }
}
