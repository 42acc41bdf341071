//! Whether two profiles of one suite agree: a cell agrees if both have it with the same status, and the intervals of its median
//! latency meet. How far they would, widened by how much the machine's own speed varied over both runs (the ceilings before each round),
//! is told besides.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Prints the cells that differ, and fails where fewer than 95 % agree.
pub(crate) fn run(first: &str, second: &str) -> Result<()> {
    let (first, second) = (read(first)?, read(second)?);
    ensure!(first["suite"] == second["suite"], "the profiles are of different suites");
    let (first, second) = (cells(&first), cells(&second));
    let count = first.len();
    let share = |differences: &[String]| (count - differences.len()) as f64 * 100.0 / count.max(1) as f64;
    let strict = differences(first, second, Drift::NONE)?;
    for difference in &strict {
        println!("{difference}");
    }
    let percent = share(&strict);
    println!("{} of {count} cells agree within their intervals: {percent:.1} %", count - strict.len());
    let drift = Drift::of(first.iter().chain(second));
    let widened = count - differences(first, second, drift)?.len();
    println!(
        "the machine varied: reading by {:.2}, arithmetic by {:.2}; {widened} of {count} agree within intervals widened by that",
        drift.memory, drift.compute
    );
    if percent < 95.0 {
        bail!("fewer than 95 % of the cells agree");
    }
    Ok(())
}

/// The greatest by the least of the machine's own speed, by side of the roofline.
#[derive(Clone, Copy)]
struct Drift {
    memory: f64,
    compute: f64,
}

impl Drift {
    const NONE: Self = Self { memory: 1.0, compute: 1.0 };

    fn of<'a>(cells: impl Iterator<Item = &'a Value>) -> Self {
        let rounds = cells.filter_map(|cell| cell["rounds"].as_array()).flatten();
        let ceilings: Vec<&Value> =
            rounds.map(|round| &round["ceilings"]).filter(|value| !value.is_null()).collect();
        let ratio = |name: &str| {
            let rates = || ceilings.iter().filter_map(|ceilings| ceilings[name].as_f64());
            let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            if most > 0.0 { most / least } else { 1.0 }
        };
        Self { memory: ratio("read_bytes_per_s"), compute: ratio("f32_flops_per_s") }
    }

    fn of_cell(self, cell: &Value) -> f64 {
        if cell["roofline"]["bound"] == "memory" { self.memory } else { self.compute }
    }
}

fn read(file: &str) -> Result<Value> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {file}"))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{file} is no profile"))
}

fn cells(profile: &Value) -> &[Value] {
    profile["cells"].as_array().map_or(&[], Vec::as_slice)
}

fn differences(first: &[Value], second: &[Value], drift: Drift) -> Result<Vec<String>> {
    ensure!(first.len() == second.len(), "the profiles have {} and {} cells", first.len(), second.len());
    let mut differences = Vec::new();
    for (a, b) in first.iter().zip(second) {
        let workload = a["workload"].as_str().unwrap_or_default();
        ensure!(a["workload"] == b["workload"], "{workload} stands against {}", b["workload"]);
        if a["status"] != b["status"] {
            differences.push(format!("{workload}: {} and {}", a["status"], b["status"]));
        } else if a["status"] == "measured" {
            let widening = drift.of_cell(a);
            let (a, b) =
                (Median::of(a).context(workload.to_owned())?, Median::of(b).context(workload.to_owned())?);
            if a.low_ns > b.high_ns * widening || b.low_ns > a.high_ns * widening {
                differences.push(format!("{workload}: {a} and {b}, ratio {:.3}", a.ns / b.ns));
            }
        }
    }
    Ok(differences)
}

struct Median {
    ns: f64,
    low_ns: f64,
    high_ns: f64,
}

impl Median {
    fn of(cell: &Value) -> Result<Self> {
        let latency = &cell["statistics"]["latency"];
        let number = |name: &str| latency[name].as_f64().with_context(|| format!("no {name}"));
        Ok(Self {
            ns: number("median_ns")?,
            low_ns: number("median_low_ns")?,
            high_ns: number("median_high_ns")?,
        })
    }
}

impl std::fmt::Display for Median {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [ms, low, high] = [self.ns, self.low_ns, self.high_ns].map(|ns| ns / 1e6);
        write!(f, "{ms:.3} ms ({low:.3} to {high:.3})")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(median: u64, low: u64, high: u64) -> Value {
        let latency = json!({ "median_ns": median, "median_low_ns": low, "median_high_ns": high });
        json!({ "workload": "w", "status": "measured", "statistics": { "latency": latency } })
    }

    #[test]
    fn intervals_that_meet_agree_and_others_are_named_with_their_ratio() {
        let agree = differences(&[cell(10, 8, 12)], &[cell(14, 12, 16)], Drift::NONE).unwrap();
        assert!(agree.is_empty(), "{agree:?}");
        let differ = differences(&[cell(10, 8, 12)], &[cell(20, 13, 22)], Drift::NONE).unwrap();
        assert!(differ[0].starts_with("w: ") && differ[0].ends_with("ratio 0.500"), "{differ:?}");
        let drift = Drift { memory: 1.0, compute: 1.1 };
        assert!(differences(&[cell(10, 8, 12)], &[cell(20, 13, 22)], drift).unwrap().is_empty());
        let lost = json!({ "workload": "w", "status": "not_covered" });
        let lost = [lost];
        assert_eq!(differences(&[cell(10, 8, 12)], &lost, Drift::NONE).unwrap().len(), 1);
        assert!(differences(&lost, &lost, Drift::NONE).unwrap().is_empty());
    }
}
