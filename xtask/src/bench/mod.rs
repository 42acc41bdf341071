//! `cargo xtask bench`: a gate that tells a slower program from a noisy machine.
//!
//! Digests first, then times: of a build alone, against stored rounds, or against another revision in turns. What is
//! gated and why is in `gates.toml`; how often the gate is wrong, in METHODOLOGY.md.

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

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use regex::Regex;

pub(crate) use rates::Rates;

use crate::root;
use batches::{Batch, Variants};
use build::Build;
use change::{Estimate, Rules, Verdict};
use criterion::Effort;
use gates::{Gates, Pass};
use report::{Ending, InstructionRow, Report, Row, SCHEMA};
use stored::Stored;
use turns::{Patience, Turns, undisturbed};

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

impl Bench {
    /// Measures, prints, and says how to end.
    pub(crate) fn run(&self) -> Result<u8> {
        let gates = Gates::read()?;
        let target = self.target();
        let scratch = target.join("bench").join("scratch");
        fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        let features: &[&str] = if self.native_x86_v4 { &["proofmark-models/native-x86-v4"] } else { &[] };
        let new = Build::of_working_tree(features, &target)?;
        let old = self.against.as_ref().map(|revision| Build::of_commit(revision, &target)).transpose()?;

        let mut report = Report {
            schema: SCHEMA,
            new: new.revision.clone(),
            old: old.as_ref().map(|old| old.revision.clone()),
            machine: machine(),
            floor_percent: self.floor.unwrap_or(gates.floor_percent),
            digests: self.digests(old.as_ref(), &new)?,
            benchmarks: Vec::new(),
            ratios: Vec::new(),
            limits: Vec::new(),
            instructions: Vec::new(),
            notes: Vec::new(),
        };
        // Whoever computes something else needs no time.
        if report.digests.is_empty() {
            self.measure(&mut report, &gates, old.as_ref(), &new, &scratch)?;
        }
        let json = serde_json::to_string_pretty(&report)?;
        stored::write_whole(&target.join("bench").join("report.json"), json.as_bytes())?;
        match self.output {
            Output::Table => print!("{}", report.table()),
            Output::Md => print!("{}", report.markdown()),
            Output::Json => println!("{json}"),
        }
        if self.output != Output::Table {
            eprint!("{}", report.table());
        }
        let ending: Ending = report.ending();
        Ok(ending as u8)
    }

    fn measure(
        &self,
        report: &mut Report,
        gates: &Gates,
        old: Option<&Build>,
        new: &Build,
        scratch: &Path,
    ) -> Result<()> {
        let quick = gates.quick()?;
        let is_wanted = |name: &str| {
            (!self.quick || quick.is_match(name))
                && self.filter.as_ref().is_none_or(|filter| filter.is_match(name))
        };
        let variants = if self.quick { Variants::Fastest } else { Variants::All };
        let batches = batches::of(new, variants, is_wanted)?;
        ensure!(!batches.is_empty(), "no benchmark's name matches");
        let rules = gates.rules(self.floor);
        let order: Vec<String> = batches.iter().flat_map(|batch| batch.names.clone()).collect();
        let passes = match old {
            Some(old) => self.against(report, (old, new), &batches, rules, scratch)?,
            None => self.alone(report, new, &batches, rules, scratch)?,
        };
        report.ratios = gates.ratios(&order, &passes)?;
        let is_limited = |bench: &str, is_quick| {
            (!self.quick || is_quick) && self.filter.as_ref().is_none_or(|filter| filter.is_match(bench))
        };
        report.limits = gates.limits(new, is_limited)?;
        if self.filter.is_none() {
            self.instructions(report, gates, old, new, scratch)?;
        }
        Ok(())
    }

    /// Two builds in turns; a second time those whose first says anything but that nothing changed.
    fn against(
        &self,
        report: &mut Report,
        (old, new): (&Build, &Build),
        batches: &[Batch],
        rules: Rules,
        scratch: &Path,
    ) -> Result<Vec<Pass>> {
        let shared: Vec<Option<Batch>> =
            batches.iter().map(|batch| batch.shared(old, new)).collect::<Result<_>>()?;
        let shared: Vec<Batch> = shared.into_iter().flatten().collect();
        let patience = self.patience();
        let first = turns::run((old, new), &shared, patience, scratch)?;
        let is_doubtful =
            |name: &str| first.judged(name, rules).is_some_and(|(_, verdict)| verdict != Verdict::Unchanged);
        let doubtful: Vec<Batch> = shared.iter().filter_map(|batch| batch.only(is_doubtful)).collect();
        let second = match doubtful.is_empty() {
            true => Turns::default(),
            false => turns::run((old, new), &doubtful, patience, scratch)?,
        };
        for (name, fours) in &first.fours {
            let Some((change, verdict)) = first.judged(name, rules) else { continue };
            let again = second.judged(name, rules);
            let new_ns: Vec<f64> = fours.iter().flat_map(|four| four.new_ns).collect();
            let Some(time_ns) = Estimate::of_rounds(&new_ns) else { continue };
            report.benchmarks.push(Row {
                name: name.clone(),
                time_ns,
                change: Some(change),
                second: again.map(|(change, _)| change),
                verdict: Some(again.map_or(verdict, |(_, second)| verdict.confirmed(second))),
                fours: fours.clone(),
            });
        }
        let unknown =
            batches.iter().flat_map(|batch| &batch.names).filter(|name| !first.fours.contains_key(*name));
        let unknown: Vec<&str> = unknown.map(String::as_str).collect();
        if !unknown.is_empty() {
            report.notes.push(format!(
                "not compared, because {} has no such times: {}",
                old.revision,
                unknown.join(", ")
            ));
        }
        // Those of the first rounds have all benchmarks.
        Ok(first.passes.into_iter().take(2 * patience.least).collect())
    }

    /// A build by itself, or against stored rounds.
    fn alone(
        &self,
        report: &mut Report,
        new: &Build,
        batches: &[Batch],
        rules: Rules,
        scratch: &Path,
    ) -> Result<Vec<Pass>> {
        let Patience { effort, least, .. } = self.patience();
        let stored = self.baseline.as_ref().map(|name| Stored::read(&self.target(), name, &report.machine));
        let stored = stored.transpose()?;
        let samples = turns::alone(new, batches, effort, least, scratch)?;
        let rounds_ns: BTreeMap<String, Vec<f64>> = samples
            .into_iter()
            .map(|(name, rounds)| (name, rounds.iter().map(|samples| undisturbed(samples)).collect()))
            .collect();
        if let Some(stored) = &stored {
            report.old = Some(stored.revision.clone());
            report.notes.push(
                "The baseline was measured at another time: what the machine did between is in the changes."
                    .to_owned(),
            );
        }
        for (name, rounds_ns) in &rounds_ns {
            let old_ns = stored.as_ref().and_then(|stored| stored.rounds_ns.get(name));
            let change = old_ns.and_then(|old_ns| Estimate::apart(old_ns, rounds_ns));
            let Some(time_ns) = Estimate::of_rounds(rounds_ns) else { continue };
            report.benchmarks.push(Row {
                name: name.clone(),
                time_ns,
                change,
                second: None,
                verdict: change.map(|change| change.verdict(rules)),
                fours: Vec::new(),
            });
        }
        let passes = (0..least)
            .map(|round| {
                let of = |(name, rounds): (&String, &Vec<f64>)| Some((name.clone(), *rounds.get(round)?));
                rounds_ns.iter().filter_map(of).collect()
            })
            .collect();
        if let Some(name) = &self.save_baseline {
            let stored = Stored::new(new.revision.clone(), report.machine.clone(), rounds_ns);
            report.notes.push(format!("stored as {}", stored.write(&self.target(), name)?.display()));
        }
        Ok(passes)
    }

    fn digests(&self, old: Option<&Build>, new: &Build) -> Result<Vec<digests::DigestChange>> {
        let mut changes = digests::computed(new)?;
        if let Some(old) = old {
            changes.extend(digests::of_sources(&old.folder, &new.folder)?);
        }
        Ok(changes)
    }

    fn instructions(
        &self,
        report: &mut Report,
        gates: &Gates,
        old: Option<&Build>,
        new: &Build,
        scratch: &Path,
    ) -> Result<()> {
        if !instructions::are_countable() {
            report.notes.push("Instructions were not counted: there is no valgrind.".to_owned());
            return Ok(());
        }
        let limit = 1.0 + gates.instructions_percent / 100.0;
        for count in instructions::counts(old, new, scratch)? {
            let verdict = count.old.map(|old| match count.new as f64 / old as f64 {
                ratio if ratio > limit => Verdict::Regression,
                ratio if ratio < 1.0 / limit => Verdict::Improvement,
                _ => Verdict::Unchanged,
            });
            report.instructions.push(InstructionRow { count, verdict });
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        let effort = match self.quick {
            true => Effort { warm_up_s: 0.1, measurement_s: 0.3 },
            false => Effort { warm_up_s: 0.2, measurement_s: 0.8 },
        };
        match self.rounds {
            Some(rounds) => Patience { effort, least: rounds as usize, most: rounds as usize },
            None => Patience { effort, least: 6, most: 16 },
        }
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
