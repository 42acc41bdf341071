//! What a run of the gate found, as a table, as Markdown and as JSON; and how the program ends.

use std::fmt::Write as _;

use serde::Serialize;

use super::change::{Estimate, Four, Verdict};
use super::digests::DigestChange;
use super::gates::{LimitsFound, RatioFound};
use super::instructions::Count;

/// Changes with what the members mean.
pub(crate) const SCHEMA: &str = "proofmark/bench/1";

/// Columns that are read from the left, beside the first.
const TEXTS: [&str; 4] = ["case", "workload", "its last line", "verdict"];

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    pub(crate) new: String,
    /// What it was compared with, if with anything.
    pub(crate) old: Option<String>,
    pub(crate) machine: String,
    /// A change below this share does not count.
    pub(crate) floor_percent: f64,
    pub(crate) digests: Vec<DigestChange>,
    pub(crate) benchmarks: Vec<Row>,
    pub(crate) ratios: Vec<RatioFound>,
    pub(crate) limits: Vec<LimitsFound>,
    /// None where valgrind is not there.
    pub(crate) instructions: Vec<InstructionRow>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

/// A benchmark; times in nanoseconds a repetition.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Of the new build's runs.
    pub(crate) time_ns: Estimate,
    /// New by old.
    pub(crate) change: Option<Estimate>,
    /// Of a second attempt, where the first saw a change.
    pub(crate) second: Option<Estimate>,
    pub(crate) verdict: Option<Verdict>,
    /// What the change is taken from, in the order of time.
    pub(crate) fours: Vec<Four>,
}

/// A count with what it says.
#[derive(Debug, Serialize)]
pub(crate) struct InstructionRow {
    #[serde(flatten)]
    pub(crate) count: Count,
    pub(crate) verdict: Option<Verdict>,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Fine = 0,
    Regression = 3,
    DigestChanged = 4,
    TooNoisy = 5,
}

impl Report {
    pub(crate) fn ending(&self) -> Ending {
        let verdicts = || {
            let rows = self.benchmarks.iter().filter_map(|row| row.verdict);
            let ratios = self.ratios.iter().map(|ratio| ratio.verdict);
            let limits = self.limits.iter().map(|limits| limits.verdict);
            rows.chain(ratios).chain(limits).chain(self.instructions.iter().filter_map(|row| row.verdict))
        };
        if !self.digests.is_empty() {
            Ending::DigestChanged
        } else if verdicts().any(|verdict| verdict == Verdict::Regression) {
            Ending::Regression
        } else if verdicts().any(|verdict| verdict == Verdict::TooNoisy) {
            Ending::TooNoisy
        } else {
            Ending::Fine
        }
    }

    /// For people, in columns.
    pub(crate) fn table(&self) -> String {
        self.sections(|text, title, rows| {
            let _ = writeln!(text, "\n{title}");
            let columns = rows.iter().map(|row| row.len()).max().unwrap_or_default();
            let widths: Vec<usize> = (0..columns)
                .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
                .collect();
            for row in rows {
                let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                    let is_text = is_text(column, &rows[0][column]);
                    if is_text { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                });
                let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
            }
        })
    }

    /// For pull requests.
    pub(crate) fn markdown(&self) -> String {
        self.sections(|text, title, rows| {
            let _ = writeln!(text, "\n### {title}");
            for (index, row) in rows.iter().enumerate() {
                let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                let _ = writeln!(text, "| {} |", cells.join(" | "));
                if index == 0 {
                    let columns = row.iter().enumerate();
                    let rule = columns.map(|(at, title)| if is_text(at, title) { "---|" } else { "--:|" });
                    let _ = writeln!(text, "|{}", rule.collect::<String>());
                }
            }
        })
    }

    fn sections(&self, section: impl Fn(&mut String, &str, &[Vec<String>])) -> String {
        let mut text = match &self.old {
            Some(old) => format!("{} against {old}, on {}\n", self.new, self.machine),
            None => format!("{}, on {}\n", self.new, self.machine),
        };
        for (title, rows) in [
            ("Exact digests that changed", self.digest_rows()),
            ("Times", self.time_rows()),
            ("Ratios within this run", self.ratio_rows()),
            ("Limits of their own", self.limit_rows()),
            ("Instructions", self.instruction_rows()),
        ] {
            if rows.len() > 1 {
                section(&mut text, title, &rows);
            }
        }
        let _ = writeln!(text);
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        let _ = writeln!(text, "{}", self.conclusion());
        text
    }

    fn conclusion(&self) -> String {
        let count = |verdict| self.benchmarks.iter().filter(|row| row.verdict == Some(verdict)).count();
        let ending = match self.ending() {
            Ending::Fine => "fine",
            Ending::Regression => "regression",
            Ending::DigestChanged => {
                "an exact digest changed: raise the version of the suite or of the arithmetic, or mend it"
            }
            Ending::TooNoisy => "the machine was too noisy to judge",
        };
        match self.old {
            Some(_) => format!(
                "{} benchmarks: {} slower, {} faster, {} not to be told; {ending}",
                self.benchmarks.len(),
                count(Verdict::Regression),
                count(Verdict::Improvement),
                count(Verdict::TooNoisy),
            ),
            None => format!("{} benchmarks; {ending}", self.benchmarks.len()),
        }
    }

    fn digest_rows(&self) -> Vec<Vec<String>> {
        let head = vec![row(["suite", "workload", "was", "is"])];
        let rows = self.digests.iter().map(|change| {
            row([&change.suite, &change.workload, short(&change.expected), short(&change.actual)])
        });
        head.into_iter().chain(rows).collect()
    }

    fn time_rows(&self) -> Vec<Vec<String>> {
        let is_compared = self.old.is_some();
        let mut head = row(["benchmark", "time", "99 % interval"]);
        if is_compared {
            head.extend(row(["change", "99 % interval", "verdict"]));
        }
        let rows = self.benchmarks.iter().map(|one| {
            let Estimate { value, low, high } = one.time_ns;
            let interval = format!("{} to {}", time(low), time(high));
            let mut cells = vec![one.name.clone(), time(value), interval];
            if is_compared {
                let change = one.second.or(one.change);
                cells.push(change.map(|change| percent(change.value)).unwrap_or_default());
                let ends =
                    change.map(|change| format!("{} to {}", percent(change.low), percent(change.high)));
                cells.push(ends.unwrap_or_default());
                cells.push(one.verdict.map_or("new", Verdict::word).to_owned());
            }
            cells
        });
        [head].into_iter().chain(rows).collect()
    }

    fn ratio_rows(&self) -> Vec<Vec<String>> {
        let head = vec![row(["ratio", "case", "value", "nine passes of ten", "at least", "verdict"])];
        let rows = self.ratios.iter().map(|found| {
            let between = format!("{:.2} to {:.2}", found.low, found.high);
            let (ratio, least) = (format!("{:.2}", found.ratio), format!("{:.2}", found.least));
            row([&found.name, &found.case, &ratio, &between, &least, found.verdict.word()])
        });
        head.into_iter().chain(rows).collect()
    }

    fn limit_rows(&self) -> Vec<Vec<String>> {
        let head = vec![row(["benchmark", "its last line", "verdict"])];
        let rows = self.limits.iter().map(|found| row([&found.bench, &found.told, found.verdict.word()]));
        head.into_iter().chain(rows).collect()
    }

    fn instruction_rows(&self) -> Vec<Vec<String>> {
        let head = vec![row(["command", "instructions", "change", "verdict"])];
        let rows = self.instructions.iter().map(|InstructionRow { count, verdict }| {
            let change = count.old.map(|old| percent(count.new as f64 / old as f64)).unwrap_or_default();
            row([count.name, &count.new.to_string(), &change, verdict.map_or("", Verdict::word)])
        });
        head.into_iter().chain(rows).collect()
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "ok",
            Self::Regression => "REGRESSION",
            Self::Improvement => "better",
            Self::TooNoisy => "too noisy",
        }
    }
}

fn row<const COUNT: usize>(cells: [&str; COUNT]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// With four digits and a unit.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "us"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = if value < 10.0 {
        3
    } else if value < 100.0 {
        2
    } else {
        1
    };
    format!("{value:.digits$} {unit}")
}

/// A ratio as what it adds: 1.1 is +10.0 %.
fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

fn is_text(column: usize, title: &str) -> bool {
    column == 0 || TEXTS.contains(&title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict) -> Report {
        let change = Estimate { value: 1.1, low: 1.05, high: 1.15 };
        let benchmark = Row {
            name: "verify/proofmark".to_owned(),
            time_ns: Estimate { value: 1.1e6, low: 1e6, high: 1.2e6 },
            change: Some(change),
            second: None,
            verdict: Some(verdict),
            fours: Vec::new(),
        };
        Report {
            schema: SCHEMA,
            new: "new".to_owned(),
            old: Some("old".to_owned()),
            machine: "a machine".to_owned(),
            floor_percent: 3.0,
            digests: Vec::new(),
            benchmarks: vec![benchmark],
            ratios: Vec::new(),
            limits: Vec::new(),
            instructions: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_changed_digest_goes_before_a_regression_and_that_before_noise() {
        assert_eq!(report(Verdict::Unchanged).ending(), Ending::Fine);
        assert_eq!(report(Verdict::Improvement).ending(), Ending::Fine);
        assert_eq!(report(Verdict::TooNoisy).ending(), Ending::TooNoisy);
        let mut changed = report(Verdict::Regression);
        assert_eq!(changed.ending(), Ending::Regression);
        changed.digests.push(DigestChange {
            suite: "smoke".to_owned(),
            workload: "chat".to_owned(),
            expected: "a".repeat(64),
            actual: "b".repeat(64),
        });
        assert_eq!(changed.ending(), Ending::DigestChanged);
        assert!(changed.table().contains("chat") && changed.table().contains("aaaaaaaaaaaa"));
    }

    #[test]
    fn times_changes_and_verdicts_stand_in_a_row() {
        let text = report(Verdict::Regression).markdown();
        let expected = "| verify/proofmark | 1.100 ms | 1.000 ms to 1.200 ms | +10.0 % | +5.0 % to +15.0 % | REGRESSION |";
        assert!(text.contains(expected), "{text}");
        assert!(text.ends_with("1 benchmarks: 1 slower, 0 faster, 0 not to be told; regression\n"), "{text}");
        let table = report(Verdict::Regression).table();
        assert!(table.contains("verify/proofmark  1.100 ms  1.000 ms to 1.200 ms  +10.0 %"), "{table}");
    }

    #[test]
    fn times_have_four_digits_and_a_unit() {
        let shown = [1.5, 12.34, 1234.0, 99_990.0, 5e8, 2e9].map(time);
        assert_eq!(shown, ["1.500 ns", "12.34 ns", "1.234 us", "99.99 us", "500.0 ms", "2.000 s"]);
    }
}
