//! How often the gate is wrong, from runs of one build against itself: `cargo xtask bench-rates FILE`.
//!
//! Stored fours keep their order, as a ring: an attempt is a stretch of them from a place drawn at random, and goes on as a live one does;
//! a second attempt is another stretch that shares none. The two builds' names are exchanged or not, because they are one. A slow-down is planted by
//! making the new runs of one benchmark slower.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use super::change::{Draws, Estimate, Four, Rules, Verdict};
use super::gates::Gates;

/// What is replayed.
#[derive(Args, Debug)]
pub(crate) struct Rates {
    /// What `cargo xtask bench --against HEAD --rounds 60 --output json` printed
    file: PathBuf,
    /// Gates to replay
    #[arg(long, default_value_t = 500)]
    replays: u64,
    /// Planted in one benchmark of each gate
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    slower: f64,
    /// Fours at least
    #[arg(long, default_value_t = 6)]
    least: usize,
    /// Fours at most
    #[arg(long, default_value_t = 24)]
    most: usize,
}

#[derive(Deserialize)]
struct Stored {
    benchmarks: Vec<StoredRow>,
}

#[derive(Deserialize)]
struct StoredRow {
    name: String,
    fours: Vec<Four>,
}

/// Counts over the replayed gates.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    alarms: u64,
    noisy: u64,
    caught: u64,
    not_told: u64,
}

impl Rates {
    pub(crate) fn run(&self) -> Result<()> {
        let text = fs::read(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let stored: Stored =
            serde_json::from_slice(&text).with_context(|| format!("{} has no fours", self.file.display()))?;
        let rows: Vec<StoredRow> =
            stored.benchmarks.into_iter().filter(|row| !row.fours.is_empty()).collect();
        ensure!(!rows.is_empty(), "{} has no fours", self.file.display());
        ensure!(self.least <= self.most, "--least is more than --most");
        let short = rows.iter().find(|row| row.fours.len() < 2 * self.most);
        if let Some(row) = short {
            bail!("{} has {} fours, two attempts take {}", row.name, row.fours.len(), 2 * self.most);
        }
        let rules = Gates::read()?.rules(None);
        for row in &rows {
            let change = Estimate::of_fours(&row.fours).context("a single four")?;
            let spread = row.fours.iter().map(|four| four.log_ratio().abs()).fold(0.0, f64::max);
            println!(
                "{}: {} fours, {:+.2} % in all, one by up to {:.0} %",
                row.name,
                row.fours.len(),
                (change.value - 1.0) * 100.0,
                spread * 100.0
            );
        }
        let counts = self.replayed(&rows, rules);
        let told = |what: &str, count: u64| {
            let (low, high) = wilson(count, self.replays);
            println!(
                "{what}: {count} of {}, {:.1} % ({:.1} to {:.1} %)",
                self.replays,
                100.0 * count as f64 / self.replays as f64,
                100.0 * low,
                100.0 * high
            );
        };
        println!(
            "gates of {} benchmarks, {} to {} fours, two attempts; 95 % intervals (Wilson) of the replays, not of other hours:",
            rows.len(),
            self.least,
            self.most
        );
        told("false alarms", counts.alarms);
        told("nothing changed, and the machine called too noisy", counts.noisy);
        told(&format!("{} % slower in one benchmark, caught", self.slower), counts.caught);
        told("slower, and the machine called too noisy instead", counts.not_told);
        Ok(())
    }

    fn replayed(&self, rows: &[StoredRow], rules: Rules) -> Counts {
        let mut draws = Draws(0);
        let mut counts = Counts::default();
        let mut outcomes: Vec<Outcomes<'_>> = rows
            .iter()
            .map(|row| Outcomes { rates: self, fours: &row.fours, known: BTreeMap::new() })
            .collect();
        for _ in 0..self.replays {
            let slow = draws.below(rows.len());
            let mut quiet = Vec::with_capacity(rows.len());
            let mut planted = Verdict::Unchanged;
            for (index, outcomes) in outcomes.iter_mut().enumerate() {
                let (count, is_exchanged) = (outcomes.fours.len(), draws.below(2) == 1);
                let start = draws.below(count);
                // The second attempt has none of the first's fours.
                let second = (start + self.most + draws.below(count - 2 * self.most + 1)) % count;
                let attempts = [start, second].map(|start| Attempt { start, is_exchanged, is_slow: false });
                quiet.push(outcomes.verdict(attempts, rules));
                if index == slow {
                    planted =
                        outcomes.verdict(attempts.map(|attempt| Attempt { is_slow: true, ..attempt }), rules);
                }
            }
            let has = |verdict| u64::from(quiet.contains(&verdict));
            counts.alarms += has(Verdict::Regression);
            counts.noisy += if has(Verdict::Regression) == 0 { has(Verdict::TooNoisy) } else { 0 };
            counts.caught += u64::from(planted == Verdict::Regression);
            counts.not_told += u64::from(planted == Verdict::TooNoisy);
        }
        counts
    }
}

/// A stretch of stored fours, taken for one attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    start: usize,
    is_exchanged: bool,
    is_slow: bool,
}

/// What attempts on a benchmark's fours say; there are few of them, and each is asked for many times.
struct Outcomes<'a> {
    rates: &'a Rates,
    fours: &'a [Four],
    known: BTreeMap<Attempt, Verdict>,
}

impl Outcomes<'_> {
    /// As `against` comes to it.
    fn verdict(&mut self, attempts: [Attempt; 2], rules: Rules) -> Verdict {
        let [first, second] = attempts.map(|attempt| {
            let (rates, fours) = (self.rates, self.fours);
            *self.known.entry(attempt).or_insert_with(|| {
                let change = attempt.change(fours, rates, rules);
                change.map_or(Verdict::TooNoisy, |change| change.verdict(rules))
            })
        });
        if first == Verdict::Unchanged { first } else { first.confirmed(second) }
    }
}

impl Attempt {
    fn change(self, fours: &[Four], rates: &Rates, rules: Rules) -> Option<Estimate> {
        let factor = if self.is_slow { 1.0 + rates.slower / 100.0 } else { 1.0 };
        let mut seen = Vec::with_capacity(rates.most);
        for four in fours.iter().cycle().skip(self.start).take(rates.most) {
            let Four { old_ns, new_ns } = *four;
            let (old_ns, new_ns) = if self.is_exchanged { (new_ns, old_ns) } else { (old_ns, new_ns) };
            seen.push(Four { old_ns, new_ns: new_ns.map(|ns| ns * factor) });
            if seen.len() < rates.least {
                continue;
            }
            let change = Estimate::of_fours(&seen)?;
            if change.is_decided(rules) || seen.len() == rates.most {
                return Some(change);
            }
        }
        None
    }
}

/// The score interval of a share at 95 % (Wilson 1927).
fn wilson(count: u64, of: u64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (n, p) = (of as f64, count as f64 / of as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Brown, Cai and DasGupta 2001 give the same for 0 of 10, by the formula.
        let (low, high) = wilson(0, 10);
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(5, 10);
        assert!((low - 0.2366).abs() < 1e-4 && (high - 0.7634).abs() < 1e-4, "{low} {high}");
    }

    #[test]
    fn a_quiet_machine_gives_no_alarm_and_catches_each_slow_down() {
        let rates = Rates { file: PathBuf::new(), replays: 50, slower: 10.0, least: 6, most: 10 };
        let four = |index: usize| {
            let ns = 100.0 + (index * 7 % 5) as f64 * 0.1;
            Four { old_ns: [ns, ns + 0.2], new_ns: [ns + 0.1, ns] }
        };
        let rows: Vec<StoredRow> = ["a", "b"]
            .map(|name| StoredRow { name: name.to_owned(), fours: (0..20).map(four).collect() })
            .into();
        let counts = rates.replayed(&rows, Rules { floor: 0.03, caught: 0.1 });
        assert_eq!(counts, Counts { alarms: 0, noisy: 0, caught: 50, not_told: 0 });
    }
}
