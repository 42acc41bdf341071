//! The limits in `gates.toml`: ratios within one run, and benchmarks with limits of their own.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

use super::build::Build;
use super::change::{Rules, Verdict};
use crate::command;

const FILE: &str = "gates.toml";
const TEXT: &str = include_str!("../../gates.toml");

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gates {
    pub(crate) floor_percent: f64,
    caught_percent: f64,
    pub(crate) instructions_percent: f64,
    quick: String,
    quick_ratios: String,
    ratio: Vec<Ratio>,
    limits: Vec<Limits>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratio {
    name: String,
    faster: String,
    slower: String,
    least_each: f64,
    least_mean: f64,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    bench: String,
    quick: bool,
    reason: String,
}

/// A ratio, and what it must be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RatioFound {
    pub(crate) name: String,
    /// What was compared; `mean` is the geometric mean of all.
    pub(crate) case: String,
    pub(crate) ratio: f64,
    /// The middle four fifths of the passes.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) least: f64,
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
}

/// Whether a benchmark keeps its own limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LimitsFound {
    pub(crate) bench: String,
    /// Its last line.
    pub(crate) told: String,
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
}

/// Times of one pass by the benchmark's name, in nanoseconds.
pub(crate) type Pass = BTreeMap<String, f64>;

impl Gates {
    pub(crate) fn read() -> Result<Self> {
        toml::from_str(TEXT).with_context(|| format!("{FILE} is not what it should be"))
    }

    /// What counts as a change; `floor_percent` of the command line goes before that of the file.
    pub(crate) fn rules(&self, floor_percent: Option<f64>) -> Rules {
        Rules {
            floor: floor_percent.unwrap_or(self.floor_percent) / 100.0,
            caught: self.caught_percent.max(floor_percent.unwrap_or_default()) / 100.0,
        }
    }

    /// What `--quick` runs, and what it runs for ratios alone.
    pub(crate) fn quick(&self) -> Result<[Regex; 2]> {
        let [all, ratios] = [&self.quick, &self.quick_ratios].map(|text| Regex::new(text));
        let place = || format!("`quick` in {FILE}");
        Ok([all.with_context(place)?, ratios.with_context(place)?])
    }

    /// The benchmarks whose times go into a ratio.
    pub(crate) fn of_ratios(&self) -> Result<RegexSet> {
        RegexSet::new(self.ratio.iter().flat_map(|ratio| [&ratio.faster, &ratio.slower]))
            .with_context(|| format!("a ratio in {FILE}"))
    }

    /// The ratios that these passes have; `order` has the fastest instruction set of a group first.
    pub(crate) fn ratios(&self, order: &[String], passes: &[Pass]) -> Result<Vec<RatioFound>> {
        let mut found = Vec::new();
        for gate in &self.ratio {
            found.extend(gate.found(order, passes)?);
        }
        Ok(found)
    }

    /// A ratio that no benchmark has any more gates nothing.
    ///
    /// # Errors
    ///
    /// Fails where there is one.
    pub(crate) fn check_names(&self, names: &[String]) -> Result<()> {
        for Ratio { name, faster, slower, .. } in &self.ratio {
            for side in [faster, slower] {
                let side = Regex::new(side).with_context(|| format!("ratio `{name}` in {FILE}"))?;
                if !names.iter().any(|name| side.is_match(name)) {
                    bail!("ratio `{name}` in {FILE}: no benchmark's name matches `{side}`");
                }
            }
        }
        Ok(())
    }

    /// Runs the benchmarks with limits of their own.
    pub(crate) fn limits(
        &self,
        build: &Build,
        is_wanted: impl Fn(&str, bool) -> bool,
    ) -> Result<Vec<LimitsFound>> {
        let wanted = self.limits.iter().filter(|limits| is_wanted(&limits.bench, limits.quick));
        wanted.map(|limits| limits.found(build)).collect()
    }
}

impl Ratio {
    fn found(&self, order: &[String], passes: &[Pass]) -> Result<Vec<RatioFound>> {
        let pattern =
            |text: &str| Regex::new(text).with_context(|| format!("ratio `{}` in {FILE}", self.name));
        let (faster, slower) = (pattern(&self.faster)?, pattern(&self.slower)?);
        let case = |pattern: &Regex, name: &str| {
            let captures = pattern.captures(name)?;
            Some(captures.name("case").map_or(String::new(), |case| case.as_str().to_owned()))
        };
        let (mut found, mut logs) = (Vec::new(), vec![0.0; passes.len()]);
        for slow in order {
            let Some(wanted) = case(&slower, slow) else { continue };
            let fast = order
                .iter()
                .find(|name| case(&faster, name).is_some_and(|found| wanted.is_empty() || found == wanted));
            let Some(fast) = fast else { continue };
            let ratios: Option<Vec<f64>> =
                passes.iter().map(|pass| Some(pass.get(slow)? / pass.get(fast)?)).collect();
            let Some(ratios) = ratios.filter(|ratios| !ratios.is_empty()) else { continue };
            logs.iter_mut().zip(&ratios).for_each(|(log, ratio)| *log += ratio.ln());
            let case = format!("{fast} by {slow}");
            found.push(self.judged(case, ratios, self.least_each));
        }
        if found.len() > 1 {
            let means = logs.iter().map(|log| (log / found.len() as f64).exp()).collect();
            found.push(self.judged("mean".to_owned(), means, self.least_mean));
        }
        Ok(found)
    }

    /// Too low is what is so in nine passes of ten; what is so in the middle only, cannot be told.
    fn judged(&self, case: String, mut ratios: Vec<f64>, least: f64) -> RatioFound {
        ratios.sort_by(f64::total_cmp);
        let at = |share: f64| ratios[(share * (ratios.len() - 1) as f64).round() as usize];
        let (low, ratio, high) = (at(0.1), at(0.5), at(0.9));
        let verdict = match (ratio < least, high < least) {
            (_, true) => Verdict::Regression,
            (true, false) => Verdict::TooNoisy,
            (false, false) => Verdict::Unchanged,
        };
        RatioFound {
            name: self.name.clone(),
            case,
            ratio,
            low,
            high,
            least,
            verdict,
            reason: self.reason.clone(),
        }
    }
}

impl Limits {
    fn found(&self, build: &Build) -> Result<LimitsFound> {
        let bench = build.benches.get(&self.bench);
        let bench = bench.with_context(|| format!("{FILE}: there is no benchmark `{}`", self.bench))?;
        eprintln!("{}: {}", self.bench, self.reason);
        let ended = command(bench).current_dir(&build.folder).arg("--bench").stdin(Stdio::null()).output()?;
        let text = [ended.stdout, ended.stderr].concat();
        let told = String::from_utf8_lossy(&text).trim().lines().last().unwrap_or_default().to_owned();
        let verdict = if ended.status.success() { Verdict::Unchanged } else { Verdict::Regression };
        Ok(LimitsFound { bench: self.bench.clone(), told, verdict, reason: self.reason.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(numbers: &[(&str, f64)]) -> Pass {
        numbers.iter().map(|(name, ns)| ((*name).to_owned(), *ns)).collect()
    }

    fn order(passes: &[Pass]) -> Vec<String> {
        // As criterion lists them: exact before native, the fastest instructions first.
        let mut names: Vec<String> = passes[0].keys().cloned().collect();
        names.sort_by_key(|name| (name.contains("native"), name.contains("avx2")));
        names
    }

    #[test]
    fn exact_is_held_against_native_case_by_case_and_in_the_mean() {
        let passes = [1.0, 1.1, 0.9].map(|speed| {
            pass(&[
                ("workload a/exact f32 avx2", 9.0 * speed),
                ("workload a/exact f32 avx512", 1.0 * speed),
                ("workload a/native f32", 2.0 * speed),
                ("workload b/exact f32 avx512", 4.0 * speed),
                ("workload b/native f32", 3.0 * speed),
            ])
        });
        let found = Gates::read().unwrap().ratios(&order(&passes), &passes).unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].case, "workload a/exact f32 avx512 by workload a/native f32");
        assert!((found[0].ratio - 2.0).abs() < 1e-9 && found[0].verdict == Verdict::Unchanged);
        assert!((found[1].ratio - 0.75).abs() < 1e-9 && found[1].verdict == Verdict::Regression);
        assert!((found[2].ratio - 1.5_f64.sqrt()).abs() < 1e-9 && found[2].case == "mean");
        assert_eq!(found[2].verdict, Verdict::Regression);
    }

    #[test]
    fn what_is_too_low_in_some_passes_only_cannot_be_told() {
        let passes = [3.0, 1.9, 1.8]
            .map(|ratio| pass(&[("verify/proofmark", 1.0), ("form and signature/straight", ratio)]));
        let found = Gates::read().unwrap().ratios(&order(&passes), &passes).unwrap();
        assert_eq!((found.len(), found[0].verdict), (1, Verdict::TooNoisy), "{found:?}");
        assert_eq!(Gates::read().unwrap().ratios(&order(&passes), &[]).unwrap(), []);
    }

    #[test]
    fn a_ratio_that_no_benchmark_has_is_refused() {
        let mut names: Vec<String> = [
            "workload a/exact f32 avx2",
            "workload a/native f32",
            "linear 1,2,3/exact f32 avx2",
            "linear 1,2,3/native f32",
            "verify/proofmark",
            "form and signature/straight",
        ]
        .map(str::to_owned)
        .into();
        Gates::read().unwrap().check_names(&names).unwrap();
        names.pop();
        let error = Gates::read().unwrap().check_names(&names).unwrap_err().to_string();
        assert!(error.contains("no benchmark's name matches") && error.contains("straight"), "{error}");
    }

    #[test]
    fn each_limit_has_its_reason() {
        let gates = Gates::read().unwrap();
        assert!(gates.ratio.iter().all(|gate| gate.reason.len() > 20 && gate.least_mean >= gate.least_each));
        assert!(gates.limits.iter().all(|gate| gate.reason.len() > 20));
        let [compared, for_ratios] = gates.quick().unwrap();
        assert!(compared.is_match("verify/proofmark") && for_ratios.is_match("form and signature/straight"));
    }
}
