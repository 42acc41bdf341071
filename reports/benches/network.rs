//! What comparing a large network takes: coverage, all leave-one-out values and all Shapley values, each with its interval, of 64
//! workloads; and the best routing. `cargo bench -p proofmark-reports --bench network` fails beyond the limits below.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fs;
use std::time::Instant;

use proofmark_reports::network::capacity::program::solve;
use proofmark_reports::network::capacity::{Capacity, Kinds};
use proofmark_reports::network::chances::{Chances, Estimated};
use proofmark_reports::network::coverage::{Units, bounded, bounded_marginals};
use proofmark_reports::network::shapley;

const ROWS: usize = 64;
/// For the largest network.
const MOST_SECONDS: f64 = 10.0;
const MOST_BYTES: u64 = 2 << 30;
const TURNS: usize = 5;
/// For the linear program.
const KINDS: usize = 1_000;
const MOST_SECONDS_OF_PROGRAM: f64 = 30.0;

fn main() {
    if proofmark_bench::is_not_to_measure() {
        return;
    }
    let sizes = [10_000, 100_000];
    let fleets = sizes.map(fleet);
    let shares = vec![1.0 / ROWS as f64; ROWS];
    let mut seconds = [(); 2].map(|()| Vec::new());
    // In turns, so that what else the machine does meets both.
    for _ in 0..TURNS {
        for (size, (fleet, seconds)) in sizes.into_iter().zip(fleets.iter().zip(&mut seconds)) {
            let start = Instant::now();
            let coverage = bounded(fleet, &shares);
            let marginals = bounded_marginals(fleet, &shares, &Units::single(size));
            let values = shapley::bounded(fleet, &shares);
            seconds.push(start.elapsed().as_secs_f64());
            let sum: f64 = values.iter().map(|value| value.value).sum();
            assert!((sum - coverage.value).abs() < 1e-9, "{sum} {coverage:?}");
            assert_eq!(marginals.len(), size);
        }
    }
    let medians = seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        println!("{:.2} to {:.2} s", seconds[0], seconds[TURNS - 1]);
        seconds[TURNS / 2]
    });
    let growth = medians[1] / medians[0];
    let peak = peak_bytes();
    for (size, median) in sizes.into_iter().zip(medians) {
        println!("{size} operators, {ROWS} workloads: {median:.2} s (median of {TURNS})");
    }
    println!("growth {growth:.2} for 10 times as many, peak {} MiB", peak >> 20);
    assert!(medians[1] < MOST_SECONDS, "slower than {MOST_SECONDS} s");
    assert!(peak < MOST_BYTES, "more than {MOST_BYTES} bytes");
    drop(fleets);
    route();
}

/// The best routing over so many machines, no two alike, at half of what they sustain.
fn route() {
    let chances = fleet(KINDS).value;
    let sustained: Vec<Vec<f64>> =
        chances.rows().iter().map(|row| row.iter().map(|chance| 50.0 * chance * chance).collect()).collect();
    let shares = vec![1.0 / ROWS as f64; ROWS];
    let rate_per_s = 0.9 * 45.0 * KINDS as f64;
    let capacity = Capacity { chances: &chances, sustained_per_s: &sustained, shares: &shares, rate_per_s };
    let kinds = Kinds::of(&capacity);
    assert_eq!(kinds.counts.len(), KINDS);
    let start = Instant::now();
    let solution = solve(&capacity, &kinds, &kinds.counts);
    let seconds = start.elapsed().as_secs_f64();
    let gap = solution.served.high - solution.served.low;
    println!(
        "{KINDS} kinds of machines, {ROWS} workloads: {seconds:.2} s, served {:.6}, bounds {gap:.1e} apart",
        solution.served.value
    );
    assert!(gap < 1e-8 && seconds < MOST_SECONDS_OF_PROGRAM, "{solution:?}");
}

/// Each machine serves about half of the rows, in proportions like those of runs.
fn fleet(machines: usize) -> Estimated {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let rows: Vec<Vec<f64>> = (0..ROWS)
        .map(|_| (0..machines).map(|_| if next() < 0.5 { 0.0 } else { 0.9 + 0.1 * next() }).collect())
        .collect();
    let of = |change: fn(f64) -> f64| {
        let row = |row: &Vec<f64>| row.iter().map(|chance| change(*chance)).collect();
        Chances::new(machines, rows.iter().map(row).collect()).unwrap()
    };
    Estimated { value: of(|q| q), low: of(|q| q * 0.8), high: of(|q| if q > 0.0 { 1.0 } else { 0.0 }) }
}

/// The largest resident set so far.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) << 10
}
