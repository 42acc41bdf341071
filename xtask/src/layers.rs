//! The crates' layers (ARCHITECTURE.md), from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{cargo, output, root};

/// Each package with those of ours that it may depend on, and whether candle may be anywhere below it.
const LAYERS: [(&str, &[&str], Candle); 6] = [
    ("proofmark-models", &[], Candle::Allowed),
    ("proofmark-workloads", &[], Candle::Forbidden),
    ("proofmark-reports", &["proofmark-workloads"], Candle::Forbidden),
    ("proofmark", &["proofmark-models", "proofmark-reports", "proofmark-workloads"], Candle::Allowed),
    ("proofmark-bench", &[], Candle::Forbidden),
    ("xtask", &[], Candle::Forbidden),
];

/// Packages that may call processes, clocks, the environment or the terminal.
const IMPURE: [&str; 3] = ["proofmark", "proofmark-bench", "xtask"];
/// What the others must not name outside tests, `src/bin` and `src/cli`.
const IMPURITIES: [&str; 11] = [
    "std::env",
    "env::var",
    "Instant::now",
    "SystemTime::now",
    "print!(",
    "println!(",
    "std::process",
    "std::net",
    "io::stdin",
    "io::stdout",
    "io::stderr",
];
const FILES: [&str; 3] = ["std::fs", "fs::", "File::"];
/// Only this package reads files.
const READS_FILES: &str = "proofmark-models";

/// The exact operators.
const KERNELS: &str = "models/src/exact/";
/// How unsafe code begins; in two parts, so that this file holds none.
const IS_UNSAFE: [&str; 3] = [concat!("unsafe", " {"), concat!("unsafe", " impl"), concat!("unsafe", " fn")];
/// Intrinsics, the call across target features, disjoint tiles of a matrix, a test that breaks a thread's control register, and memory
/// and launches of a device.
const UNSAFE: [&str; 5] = [
    "models/src/exact/device/",
    "models/src/exact/vector/",
    "models/src/exact/isa.rs",
    "models/src/exact/grid.rs",
    "models/src/exact/environment.rs",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Candle {
    Allowed,
    Forbidden,
}

/// Prints every breach, and fails if there is one.
pub(crate) fn check() -> Result<()> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is no JSON")?;
    let graph = Graph::new(&metadata)?;
    let mut breaches = Vec::new();
    breaches.extend(check_members(&graph));
    for (package, allowed, candle) in LAYERS {
        breaches.extend(check_package(&graph, package, allowed, candle)?);
    }
    breaches.extend(check_gemm(&metadata));
    breaches.extend(check_purity(&graph)?);
    breaches.extend(check_kernels(&graph)?);
    for breach in &breaches {
        eprintln!("layers: {breach}");
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the layers", breaches.len());
    }
    println!("layers: {} packages keep to their layers", LAYERS.len());
    Ok(())
}

/// The resolved graph: normal and build dependencies by package name; tests may use more.
struct Graph {
    members: BTreeSet<String>,
    folders: BTreeMap<String, String>,
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn new(metadata: &Value) -> Result<Self> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let packages = list(&metadata["packages"]);
        let names: BTreeMap<String, String> =
            packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
        let name_of = |id: &Value| names.get(&text(id)).cloned().unwrap_or_default();
        let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(name_of).collect();
        if members.is_empty() {
            bail!("cargo metadata names no workspace members");
        }
        let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let needed = list(&node["deps"])
                .into_iter()
                .filter(|dependency| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
            let needed = needed.map(|dependency| name_of(&dependency["pkg"]));
            dependencies.entry(name_of(&node["id"])).or_default().extend(needed);
        }
        let folder = |package: &Value| text(&package["manifest_path"]).replace("/Cargo.toml", "");
        let folders = packages.iter().map(|package| (text(&package["name"]), folder(package))).collect();
        Ok(Self { members, folders, dependencies })
    }

    /// Everything below a package.
    fn below(&self, package: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![package];
        while let Some(name) = open.pop() {
            for dependency in self.dependencies.get(name).into_iter().flatten() {
                if found.insert(dependency.as_str()) {
                    open.push(dependency);
                }
            }
        }
        found
    }
}

fn check_members(graph: &Graph) -> Vec<String> {
    let expected: BTreeSet<String> = LAYERS.iter().map(|(package, _, _)| (*package).to_owned()).collect();
    graph
        .members
        .symmetric_difference(&expected)
        .map(|package| format!("{package} has no layer, or is gone"))
        .collect()
}

fn check_package(graph: &Graph, package: &str, allowed: &[&str], candle: Candle) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for dependency in graph.dependencies.get(package).into_iter().flatten() {
        if graph.members.contains(dependency) && !allowed.contains(&dependency.as_str()) {
            breaches.push(format!("{package} depends on {dependency}"));
        }
    }
    if candle == Candle::Forbidden {
        let found = graph.below(package).into_iter().filter(|name| name.starts_with("candle"));
        breaches.extend(found.map(|name| format!("{package} has {name} below it")));
    }
    let folder = graph.folders.get(package).with_context(|| format!("{package} has no folder"))?;
    let manifest = std::fs::read_to_string(format!("{folder}/Cargo.toml"))?;
    if !manifest.contains("[lints]\nworkspace = true") {
        breaches.push(format!("{package} does not take the workspace's lints"));
    }
    Ok(breaches)
}

/// Feature unification could switch stock candle to other kernels; METHODOLOGY.md says which are measured.
fn check_gemm(metadata: &Value) -> Vec<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let gemm = nodes.filter(|node| node["id"].as_str().is_some_and(|id| id.contains("#gemm@")));
    let is_on = |node: &Value| node["features"].as_array().is_some_and(|on| on.iter().any(|f| f == "x86-v4"));
    gemm.filter(|node| is_on(node))
        .map(|_| "gemm has the feature x86-v4, so native is no longer stock candle".to_owned())
        .collect()
}

/// Libraries name no clock, environment, process or terminal, and only models reads files.
fn check_purity(graph: &Graph) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for package in graph.members.iter().filter(|package| !IMPURE.contains(&package.as_str())) {
        let folder = graph.folders.get(package).with_context(|| format!("{package} has no folder"))?;
        for file in crate::map::rust_files(Path::new(folder).join("src").as_path())? {
            if file.components().any(|part| ["bin", "cli"].iter().any(|room| part.as_os_str() == *room)) {
                continue;
            }
            let text = std::fs::read_to_string(&file)?;
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let mut names = IMPURITIES.to_vec();
            if package != READS_FILES {
                names.extend(FILES);
            }
            let place = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            breaches.extend(
                names
                    .into_iter()
                    .filter(|name| code.contains(name))
                    .map(|name| format!("{place} uses {name}")),
            );
        }
    }
    Ok(breaches)
}

/// The exact operators name no candle, and nothing is unsafe outside of the files that have a reason.
fn check_kernels(graph: &Graph) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    let mut files = Vec::new();
    for folder in graph.members.iter().filter_map(|member| graph.folders.get(member)) {
        files.extend(crate::map::rust_files(Path::new(folder))?);
    }
    for file in files {
        let place = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let text = std::fs::read_to_string(&file)?;
        if place.starts_with(KERNELS)
            && text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("candle_"))
        {
            breaches.push(format!("{place} uses candle"));
        }
        let is_allowed = UNSAFE.iter().any(|allowed| place.starts_with(allowed));
        if IS_UNSAFE.iter().any(|mark| text.contains(mark)) && !is_allowed {
            breaches.push(format!("{place} has unsafe code, which is for {} alone", UNSAFE.join(", ")));
        }
    }
    Ok(breaches)
}
