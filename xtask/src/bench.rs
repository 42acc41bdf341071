//! Exact against native, benchmark by benchmark, from one run of criterion.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{cargo, execute, map, root};

/// Which stock candle the exact kernels are compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Native {
    /// As everybody builds it: AVX2 at most.
    Stock,
    /// With the AVX-512 kernels of gemm; compiled apart, because that takes all of candle.
    X86V4,
}

/// One benchmark of a group: median and its 95 % interval, in nanoseconds.
struct Estimate {
    name: String,
    median_ns: f64,
    low_ns: f64,
    high_ns: f64,
}

/// Runs the benchmarks whose names contain `filter`, and prints the ratios.
pub(crate) fn run(native: Native, filter: Option<&str>) -> Result<()> {
    let folder = root().join(if native == Native::Stock { "target" } else { "target/native-x86-v4" });
    let results = folder.join("criterion");
    // What an earlier run left does not belong to this one.
    if results.exists() {
        fs::remove_dir_all(&results).with_context(|| format!("cannot remove {}", results.display()))?;
    }
    let mut bench = cargo();
    bench.args(["bench", "--package", "proofmark-models", "--bench", "kernels", "--bench", "models"]);
    bench.env("CARGO_TARGET_DIR", &folder);
    if native == Native::X86V4 {
        bench.args(["--features", "native-x86-v4"]);
    }
    execute(bench.arg("--").args(filter))?;
    let groups = read(&results)?;
    if groups.is_empty() {
        bail!("no benchmark's name contains `{}`", filter.unwrap_or_default());
    }
    print!("{}", table(&groups));
    Ok(())
}

/// Estimates by group, from `<group>/<function>/new`.
fn read(results: &Path) -> Result<BTreeMap<String, Vec<Estimate>>> {
    let mut groups: BTreeMap<String, Vec<Estimate>> = BTreeMap::new();
    if !results.exists() {
        return Ok(groups);
    }
    for file in map::files(results)?.into_iter().filter(|file| file.ends_with("new/benchmark.json")) {
        let json = |path: &Path| -> Result<Value> {
            let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
        };
        let benchmark = json(&file)?;
        let median = &json(&file.with_file_name("estimates.json"))?["median"];
        let text = |name: &str| benchmark[name].as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_f64().context("an estimate is no number");
        groups.entry(text("group_id")).or_default().push(Estimate {
            name: text("function_id"),
            median_ns: number(&median["point_estimate"])?,
            low_ns: number(&median["confidence_interval"]["lower_bound"])?,
            high_ns: number(&median["confidence_interval"]["upper_bound"])?,
        });
    }
    Ok(groups)
}

/// A row a benchmark, and the geometric means of each kind over the linear layers and over the workloads.
fn table(groups: &BTreeMap<String, Vec<Estimate>>) -> String {
    let mut text = String::from(
        "\n| benchmark | variant | median, ms | 95 % interval | native / exact |\n|---|---|---|---|---|\n",
    );
    let mut ratios: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for (group, estimates) in groups {
        let native = estimates.iter().find(|estimate| estimate.name == "native f32");
        for Estimate { name, median_ns, low_ns, high_ns } in estimates {
            let ratio =
                native.filter(|_| name.starts_with("exact")).map(|native| native.median_ns / median_ns);
            let shown = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let [median, low, high] = [median_ns, low_ns, high_ns].map(|ns| ns / 1e6);
            text += &format!("| {group} | {name} | {median:.3} | {low:.3} to {high:.3} | {shown} |\n");
            let kind = group.split(' ').next().unwrap_or_default().to_owned();
            ratios.entry((kind, name.clone())).or_default().extend(ratio);
        }
    }
    for ((kind, name), ratios) in ratios.into_iter().filter(|(_, ratios)| ratios.len() > 1) {
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        text += &format!("| {kind}, geometric mean of {} | {name} | | | {mean:.2} |\n", ratios.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_native_over_exact_with_geometric_means() {
        let estimate = |name: &str, median_ns: f64| Estimate {
            name: name.to_owned(),
            median_ns,
            low_ns: median_ns,
            high_ns: median_ns,
        };
        let group = |exact, native| vec![estimate("exact f32 avx2", exact), estimate("native f32", native)];
        let groups = BTreeMap::from([
            ("workload a".to_owned(), group(1e6, 2e6)),
            ("workload b".to_owned(), group(1e6, 8e6)),
            ("alone".to_owned(), vec![estimate("generate", 5e5)]),
        ]);
        let text = table(&groups);
        assert!(text.contains("| workload a | exact f32 avx2 | 1.000 | 1.000 to 1.000 | 2.00 |"), "{text}");
        assert!(text.contains("| workload, geometric mean of 2 | exact f32 avx2 | | | 4.00 |"), "{text}");
        assert!(text.contains("| alone | generate | 0.500 | 0.500 to 0.500 |  |"), "{text}");
        assert_eq!(text.matches("geometric").count(), 1, "{text}");
    }
}
