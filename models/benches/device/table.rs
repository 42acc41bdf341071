//! What is printed: a table of a task in Markdown.

use crate::engine::{Engine, Extent, in_turns};
use crate::peaks::Peaks;

/// Times the engines and prints them.
pub(crate) fn print(task: &str, engines: &[Engine], peaks: Peaks, extent: Extent) {
    let times = in_turns(engines, extent);
    println!(
        "\n| {task} | us, median (least to most) | share of reading | share of f32 | time by native f32's | by native of the format |"
    );
    println!("|---|---|---|---|---|---|");
    for (engine, seconds) in engines.iter().zip(&times) {
        let by = |name: &str| {
            let other = engines.iter().position(|other| other.name == name).map(|other| &times[other]);
            other.map_or_else(String::new, |other| {
                spread(seconds.iter().zip(other).map(|(one, other)| one / other), 2)
            })
        };
        let reading = engine.weight_bytes as f64 / peaks.read_bytes_per_s;
        let computing = engine.flops as f64 / peaks.f32_flops_per_s;
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            engine.name,
            spread(seconds.iter().map(|seconds| seconds * 1e6), 1),
            spread(seconds.iter().map(|seconds| reading / seconds), 2),
            spread(seconds.iter().map(|seconds| computing / seconds), 2),
            by("native f32"),
            by(&engine.name.replace("exact", "native")),
        );
    }
}

fn spread(numbers: impl Iterator<Item = f64>, decimals: usize) -> String {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let (median, least, most) = (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]);
    format!("{median:.decimals$} ({least:.decimals$} to {most:.decimals$})")
}
