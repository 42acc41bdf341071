//! Profiles and suites as text for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use proofmark_reports::demand;
use proofmark_reports::schema::v1::{Cell, Doubt, DoubtKind, Profile};
use proofmark_reports::table::{self, Column, Kind, Row, Table};
use proofmark_reports::words::{self, bytes, duration, percent};
use proofmark_workloads::{Limits, Model, ModelLock, ModelWeights, Quality, Suite, embedded_mixes};

/// The machine, a row a cell, the coverage, a verdict, and the demand mixes that the machine serves of a known suite.
pub(crate) fn profile(profile: &Profile, suite: Option<&Suite>) -> String {
    let machine = &profile.machine;
    let mut text = String::new();
    let _ = writeln!(text, "operator {}", profile.operator);
    let _ = writeln!(
        text,
        "machine  {}, {} processors, {}, {} {}, virtualisation {}",
        machine.cpu_model,
        machine.logical_cpus,
        bytes(machine.memory_bytes),
        machine.os_release,
        machine.architecture,
        machine.virtualisation,
    );
    for gpu in &machine.accelerators {
        let _ = writeln!(text, "on       {}, {}", gpu.device, words::accelerator(gpu));
    }
    let _ = writeln!(
        text,
        "suite    {} {}, {} to {}, exact kernels on {}",
        profile.suite.name,
        profile.suite.version,
        profile.started_at,
        profile.finished_at,
        words::exact_on(profile),
    );
    let mut cells = table::cells(profile);
    for (name, value) in cells.condense() {
        let _ = writeln!(text, "all      {name} {value}");
    }
    let _ = writeln!(
        text,
        "\n{}\n{}",
        table::text(&cells),
        table::text(&table::classes(&profile.coverage)).trim_end()
    );
    for missing in profile.coverage.classes.iter().flat_map(|class| &class.missing) {
        let factor = words::factor(missing.factor);
        let _ = writeln!(text, "missing  {} ({factor}): {}", missing.workload, missing.reason);
    }
    for doubt in &profile.doubts {
        let kind = words::doubt(doubt.kind);
        let _ = writeln!(text, "doubt    {kind}: {} ({})", doubt.detail, doubt.advice);
    }
    text += &doubts_of_cells(profile);
    let _ = writeln!(text, "\n{}", words::verdict(profile));
    if let Some(suite) = suite {
        let mixes = embedded_mixes();
        for sentence in demand::sentences(&demand::served(suite, &profile.coverage, &mixes)) {
            let _ = writeln!(text, "{sentence}");
        }
    }
    text
}

/// A line a kind: how many cells it touches, and the first of them.
fn doubts_of_cells(profile: &Profile) -> String {
    let mut kinds: BTreeMap<DoubtKind, Vec<(&Cell, &Doubt)>> = BTreeMap::new();
    for cell in &profile.cells {
        for doubt in &cell.doubts {
            kinds.entry(doubt.kind).or_default().push((cell, doubt));
        }
    }
    let mut text = String::new();
    for (kind, doubts) in kinds {
        let (cell, doubt) = doubts[0];
        let others = match doubts.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let (kind, workload) = (words::doubt(kind), &cell.workload);
        let _ = writeln!(text, "doubt    {kind}: {workload}{others}: {} ({})", doubt.detail, doubt.advice);
    }
    text
}

/// The workloads of a suite with their limits.
pub(crate) fn suite(suite: &Suite) -> String {
    let columns = ["workload", "model", "class", "demand", "request", "limits", "self-check"];
    let mut rows = Vec::with_capacity(suite.workloads.len());
    for workload in &suite.workloads {
        rows.push(Row::Fields(vec![
            workload.id.clone(),
            workload.model.name.clone(),
            workload.class.clone(),
            percent(workload.share_ppm),
            workload.shape.to_string(),
            match workload.slo.limits {
                Limits::Tokens { ttft_ns, tpot_ns } => {
                    format!("ttft {}, tpot {}", duration(ttft_ns), duration(tpot_ns))
                }
                Limits::Latency { latency_ns } => duration(latency_ns),
            },
            workload.self_check.map(|digest| digest.to_string()[..12].to_owned()).unwrap_or_default(),
        ]));
    }
    let columns = columns.map(|name| Column { name, kind: Kind::Words }).to_vec();
    let workloads = table::text(&Table { columns, rows });
    format!("{} {}: {}\n{}\n\n{workloads}", suite.name, suite.version, suite.description, suite.digest)
}

/// The suite's models of the hub, a line each, with what is known of their files.
pub(crate) fn models(suite: &Suite, lock: &ModelLock) -> String {
    let models = suite.workloads.iter().map(|workload| (&workload.model.name, &*workload.model));
    let models: BTreeMap<&String, &Model> = models.collect();
    let mut text = String::new();
    for (name, model) in models {
        let ModelWeights::Hub { repo, revision } = &model.weights else { continue };
        let is_judged = model.quality.as_ref().is_none_or(Quality::is_known);
        let known = match lock.model(repo).filter(|locked| locked.revision == *revision) {
            None => "not in the lock file".to_owned(),
            Some(locked) if locked.is_pinned() && is_judged => format!("pinned, {}", bytes(locked.bytes())),
            Some(locked) if locked.is_pinned() => {
                "quality unknown, not certified before `proofmark models lock --suite FILE`".to_owned()
            }
            Some(_) => format!("unpinned, not certified before `proofmark models lock {repo}`"),
        };
        let _ = writeln!(text, "hub      {name}: {repo} at {revision}, {known}");
    }
    text
}
