//! `cargo xtask bench`: a gate that tells a slower program from a noisy machine.
//!
//! Digests first, then times: of a build alone, against stored rounds, or against another revision in turns. What is
//! gated and why is in `gates.toml`; how often the gate is wrong, in METHODOLOGY.md.

mod against;
mod alone;
mod alternate;
mod batches;
mod build;
mod change;
mod criterion;
mod digests;
mod gates;
mod instructions;
mod rates;
mod report;
mod smoke;
mod stored;
mod suites;
mod turns;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use regex::Regex;

pub(crate) use rates::Rates;

use crate::{root, whole};
use batches::{Batch, Variants};
use build::Build;
use criterion::{Effort, Threads};
use gates::Gates;
use report::{Report, Row, SCHEMA};
use stored::Stored;
use turns::Patience;

/// What is measured, and against what.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// A benchmark of each kind, for minutes; without it all of them, for an hour and more
    #[arg(long)]
    quick: bool,
    /// Only benchmarks whose names match, such as `^verify/`; those of the suite smoke are `smoke/WORKLOAD`
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,
    /// Compare with rounds that `--save-baseline` stored on this machine
    #[arg(long, value_name = "NAME", conflicts_with_all = ["against", "save_baseline"])]
    baseline: Option<String>,
    /// Store the rounds under this name
    #[arg(long, value_name = "NAME", conflicts_with = "against")]
    save_baseline: Option<String>,
    /// Build this revision too, and run the two in turns
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// The least change that counts [default: that of gates.toml]
    #[arg(long, value_name = "PERCENT")]
    floor: Option<f64>,
    /// As many rounds, however narrow the intervals are
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(2..=1000))]
    rounds: Option<u64>,
    /// Stock candle with the AVX-512 kernels that it leaves out; compiled apart, which takes minutes
    #[arg(long, conflicts_with = "against")]
    native_x86_v4: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For programs
    Json,
    /// For pull requests
    Md,
}

/// Of the benchmarks whose ratios are gated, where two builds were in turns before.
const PASSES: usize = 3;

/// What running benchmarks gave.
#[derive(Debug)]
struct Measured {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Bench {
    /// Measures, prints, and says how to end.
    pub(crate) fn run(&self) -> Result<u8> {
        let gates = Gates::read()?;
        let folder = self.target().join("bench");
        let features: &[&str] = if self.native_x86_v4 { &["proofmark-models/native-x86-v4"] } else { &[] };
        // A run that breaks leaves no report of an earlier one.
        let path = folder.join("report.json");
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        let (machine, way) = (machine(), self.way());
        let baseline = self.baseline.as_ref().map(|name| Stored::read(&folder, name, &machine, &way));
        let baseline = baseline.transpose()?;
        let new = Build::of_working_tree(features, &self.target())?;
        let old =
            self.against.as_ref().map(|revision| Build::of_commit(revision, &self.target())).transpose()?;

        let of_baseline = baseline.as_ref().map(|stored| &stored.revision);
        let mut report = Report {
            schema: SCHEMA,
            new: new.revision.clone(),
            old: old.as_ref().map(|old| &old.revision).or(of_baseline).cloned(),
            machine,
            floor_percent: self.floor.unwrap_or(gates.floor_percent),
            digests: digests::changes(old.as_ref(), &new)?,
            benchmarks: Vec::new(),
            ratios: Vec::new(),
            limits: Vec::new(),
            instructions: Vec::new(),
            notes: Vec::new(),
        };
        // Whoever computes something else needs no time.
        if report.digests.is_empty() {
            self.measure(&mut report, &gates, (old.as_ref(), &new), baseline.as_ref(), &folder)?;
        }
        let json = serde_json::to_string_pretty(&report)?;
        whole::write(&path, whole::Mode::Document, json.as_bytes())?;
        match self.output {
            Output::Table => print!("{}", report.table()),
            Output::Md => print!("{}", report.markdown()),
            Output::Json => println!("{json}"),
        }
        if self.output != Output::Table {
            eprint!("{}", report.table());
        }
        Ok(report.ending() as u8)
    }

    /// Times, then what is told of one build alone.
    fn measure(
        &self,
        report: &mut Report,
        gates: &Gates,
        (old, new): (Option<&Build>, &Build),
        baseline: Option<&Stored>,
        folder: &Path,
    ) -> Result<()> {
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        let ([quick, quick_ratios], of_ratios) = (gates.quick()?, gates.of_ratios()?);
        let rules = gates.rules(self.floor);
        let variants = if self.quick { Variants::Fastest } else { Variants::All };
        let batches = batches::of(new, variants, |name| {
            self.is_wanted(name, !self.quick || quick.is_match(name) || quick_ratios.is_match(name))
        })?;
        ensure!(!batches.is_empty(), "no benchmark's name matches");
        let order: Vec<String> = batches.iter().flat_map(|batch| batch.names.clone()).collect();
        if self.filter.is_none() {
            gates.check_names(&order)?;
        }
        let patience = self.patience();
        let (Measured { rows, notes }, rounds) = match old {
            Some(old) => {
                let is_compared = |name: &str| !self.quick || !quick_ratios.is_match(name);
                let compared: Vec<Batch> =
                    batches.iter().filter_map(|batch| batch.only(is_compared)).collect();
                let measured = against::measure((old, new), &compared, patience, rules, &scratch)?;
                let is_in_one = |name: &str| of_ratios.is_match(name);
                let batches: Vec<Batch> = batches.iter().filter_map(|batch| batch.only(is_in_one)).collect();
                let patience = Patience { least: PASSES, ..patience };
                (measured, alone::rounds(new, &batches, patience, &scratch)?)
            }
            None => {
                let rounds = alone::rounds(new, &batches, patience, &scratch)?;
                (alone::judged(&rounds, baseline.map(|stored| &stored.rounds_ns), rules), rounds)
            }
        };
        report.benchmarks = rows;
        report.notes.extend(notes);
        report.ratios = gates.ratios(&order, &alone::passes(&rounds))?;
        if let Some(name) = &self.save_baseline {
            let stored = Stored::new(new.revision.clone(), report.machine.clone(), self.way(), rounds);
            report.notes.push(format!("stored as {}", stored.write(folder, name)?.display()));
        }
        report.limits =
            gates.limits(new, |bench, is_quick| self.is_wanted(bench, !self.quick || is_quick))?;
        if self.filter.is_none() {
            match instructions::rows(old, new, gates.instructions_percent, &scratch)? {
                Some(rows) => report.instructions = rows,
                None => report.notes.push("Instructions were not counted: there is no valgrind.".to_owned()),
            }
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str, is_of_this_run: bool) -> bool {
        is_of_this_run && self.filter.as_ref().is_none_or(|filter| filter.is_match(name))
    }

    fn patience(&self) -> Patience {
        let effort = match self.quick {
            true => Effort { warm_up_s: 0.05, measurement_s: 0.15, threads: Threads::All },
            false => Effort { warm_up_s: 0.1, measurement_s: 0.5, threads: Threads::All },
        };
        match self.rounds {
            Some(rounds) => Patience { effort, least: rounds as usize, most: rounds as usize },
            None => Patience { effort, least: 6, most: 24 },
        }
    }

    /// What a baseline must share with what is held against it.
    fn way(&self) -> String {
        let Effort { warm_up_s, measurement_s, .. } = self.patience().effort;
        let threads = env::var(criterion::RAYON).unwrap_or_else(|_| "all".to_owned());
        let samples = criterion::SAMPLES;
        format!("{samples} samples in {measurement_s} s after {warm_up_s} s, {threads} threads")
    }

    fn target(&self) -> PathBuf {
        let given = env::var_os("CARGO_TARGET_DIR").and_then(|given| std::path::absolute(given).ok());
        let target = given.unwrap_or_else(|| root().join("target"));
        if self.native_x86_v4 { target.join("native-x86-v4") } else { target }
    }
}

/// The processor, and how many of it.
fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {count} processors, {}", model.unwrap_or("processor unknown"), env::consts::ARCH)
}
