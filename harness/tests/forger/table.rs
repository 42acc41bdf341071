//! The red team's results as they are published.

use proofmark_reports::words::percent;

use super::attacks::{CaughtBy, Skill};
use super::odds::Odds;

/// What became of an attack.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) attack: &'static str,
    pub(crate) skill: Skill,
    pub(crate) numerics: &'static str,
    pub(crate) caught_by: CaughtBy,
    /// Answers that are not the genuine ones, and those of them that an audit of all answers finds.
    pub(crate) changed: usize,
    pub(crate) found: usize,
    pub(crate) odds: Odds,
    /// Why, as the program says it.
    pub(crate) reason: String,
}

/// An honest run that was audited whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HonestRow {
    /// Where it was certified and audited: instruction set and threads.
    pub(crate) certified: String,
    pub(crate) audited: String,
    pub(crate) answers: u64,
    pub(crate) differ: u64,
}

impl Row {
    fn line(&self) -> String {
        let Self { attack, skill, numerics, caught_by, changed, found, odds, reason } = self;
        let cells = match caught_by {
            CaughtBy::Audit if !numerics.starts_with("native") => [
                format!("{found} of {changed}"),
                percent(1_000_000),
                percent(odds.measured_ppm),
                percent(odds.computed_ppm),
            ],
            CaughtBy::Audit if self.is_all() => ["all", "100 %", "100 %", "100 %"].map(str::to_owned),
            CaughtBy::Audit => ["some or all", "100 %", "by chance", "by chance"].map(str::to_owned),
            CaughtBy::Nothing => {
                [if *changed == 0 { "" } else { "none" }, "0 %", "0 %", "0 %"].map(str::to_owned)
            }
            _ => ["", "100 %", "100 %", "100 %"].map(str::to_owned),
        };
        let reason = match reason.split_once(" of ") {
            Some((_, rest)) if *caught_by == CaughtBy::Audit && !self.is_all() => format!(".. of {rest}"),
            _ => reason.clone(),
        };
        format!("| {attack} | {skill} | {numerics} | {caught_by} | {} | {reason} |", cells.join(" | "))
    }

    /// Native bits, and with them the seeds behind them, are others on another machine: in half precision, whose tolerance is wide, how many
    /// are found is chance.
    fn is_all(&self) -> bool {
        let is_wide = ["native bf16", "native f16"].contains(&self.numerics);
        self.found == self.changed && !is_wide
    }
}

impl HonestRow {
    pub(crate) fn line(&self) -> String {
        let Self { certified, audited, answers, differ } = self;
        format!("| {certified} | {audited} | {answers} | {differ} |")
    }
}

/// The whole file.
pub(crate) fn page(rows: &[Row], honest: &[String]) -> String {
    let mut page = include_str!("redteam.md").to_owned();
    let line = |text: String| text + "\n";
    let attacks: String = rows.iter().map(Row::line).map(line).collect();
    let honest: String = honest.iter().cloned().map(line).collect();
    for (mark, lines) in [("{attacks}\n", attacks), ("{honest}\n", honest)] {
        assert!(page.contains(mark), "{mark}");
        page = page.replace(mark, &lines);
    }
    page
}
