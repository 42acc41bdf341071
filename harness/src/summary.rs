//! Profiles and suites as text for people.

use std::fmt::Write;

use proofmark_reports::schema::v1::{Cell, Coverage, Factor, Profile, SelfCheck, Status};
use proofmark_reports::statistics::Quantile;
use proofmark_workloads::{Limits, Numerics, Shape, Suite};

use crate::figures::{duration, median, percent, quantile};
use crate::table::{Columns, table};

/// The machine, a row a cell, the coverage and a verdict.
pub(crate) fn profile(profile: &Profile, suite: Option<&Suite>) -> String {
    let machine = &profile.machine;
    let mut text = String::new();
    let _ = writeln!(text, "operator {}", profile.operator);
    let _ = writeln!(
        text,
        "machine  {}, {} processors, {:.1} GiB, {} {}, virtualisation {}",
        machine.cpu_model,
        machine.logical_cpus,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.os_release,
        machine.architecture,
        machine.virtualisation,
    );
    let _ = writeln!(
        text,
        "suite    {} {}, {} to {}, exact kernels on {}\n",
        profile.suite.name,
        profile.suite.version,
        profile.started_at,
        profile.finished_at,
        profile.harness.isa
    );
    text += &cells(profile);
    text.push('\n');
    text += &classes(&profile.coverage);
    for doubt in &profile.doubts {
        let _ = writeln!(
            text,
            "doubt    {}: {} ({})",
            serde_json::to_value(doubt.kind).unwrap_or_default().as_str().unwrap_or_default(),
            doubt.detail,
            doubt.advice
        );
    }
    text.push('\n');
    text += &verdict(profile, suite);
    text
}

fn cells(profile: &Profile) -> String {
    let header = [
        "workload",
        "p50",
        "p90",
        "ttft",
        "tpot",
        "in time",
        "requests/h",
        "memory",
        "self-check",
        "vs native",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for cell in &profile.cells {
        let mut row = vec![cell.workload.clone()];
        if cell.status == Status::Measured {
            let covered = profile.coverage.workloads.iter().find(|row| row.workload == cell.workload);
            row.extend([
                duration(median(&cell.latency_ns)),
                duration(quantile(&cell.latency_ns, Quantile::P90)),
                duration(median(&cell.ttft_ns)),
                duration(median(&cell.tpot_ns)),
                covered.map(|row| format!("{}/{}", row.within_slo, row.requests)).unwrap_or_default(),
                cell.capacity
                    .as_ref()
                    .map(|capacity| capacity.requests_per_hour.to_string())
                    .unwrap_or_default(),
                cell.peak_memory_bytes.map(|bytes| format!("{} MiB", bytes >> 20)).unwrap_or_default(),
                self_check(cell).to_owned(),
                speed_against_native(cell, &profile.cells)
                    .map(|ratio| format!("{ratio:.2}x"))
                    .unwrap_or_default(),
            ]);
        } else {
            row.push(format!("FAILED: {}", cell.reason.as_deref().unwrap_or_default()));
        }
        rows.push(row);
    }
    table(&rows, Columns::Figures)
}

fn self_check(cell: &Cell) -> &'static str {
    match cell.self_check {
        SelfCheck::Match => "match",
        SelfCheck::Mismatch => "MISMATCH",
        SelfCheck::None => "none",
    }
}

/// How many times as fast as its native twin an exact cell is, by medians of one run.
fn speed_against_native(cell: &Cell, cells: &[Cell]) -> Option<f64> {
    if cell.numerics == "native" {
        return None;
    }
    let twin = cell.workload.replace("-exact-", "-native-");
    let native = cells.iter().find(|other| other.workload == twin && other.numerics == "native")?;
    Some(median(&native.latency_ns)? as f64 / median(&cell.latency_ns)? as f64)
}

fn classes(coverage: &Coverage) -> String {
    let header = [
        "class",
        "demand",
        "model",
        "hardware",
        "capacity",
        "latency",
        "verified",
        "succeeds",
        "95 % interval",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for class in &coverage.classes {
        let after = class.after;
        rows.push(vec![
            class.class.clone(),
            percent(class.share_ppm),
            percent(after.model_ppm),
            percent(after.hardware_ppm),
            percent(after.capacity_ppm),
            percent(after.latency_ppm),
            percent(after.verified_ppm),
            percent(class.success_ppm),
            format!("{} to {}", percent(class.low_ppm), percent(class.high_ppm)),
        ]);
    }
    let mut text = table(&rows, Columns::Figures);
    for missing in coverage.classes.iter().flat_map(|class| &class.missing) {
        let _ =
            writeln!(text, "missing  {} ({}): {}", missing.workload, factor(missing.factor), missing.reason);
    }
    text
}

fn factor(factor: Factor) -> &'static str {
    match factor {
        Factor::Model => "model",
        Factor::Hardware => "hardware",
        Factor::Capacity => "capacity",
        Factor::Latency => "latency",
        Factor::Verified => "verified",
    }
}

/// The coverage in one phrase.
pub(crate) fn share(coverage: &Coverage) -> String {
    format!(
        "{} of the suite's demand (95 % interval {} to {})",
        percent(coverage.success_ppm),
        percent(coverage.low_ppm),
        percent(coverage.high_ppm)
    )
}

/// One plain sentence on what the machine serves, and one on what it does not.
fn verdict(profile: &Profile, suite: Option<&Suite>) -> String {
    let coverage = &profile.coverage;
    if profile.cells.iter().any(|cell| cell.self_check == SelfCheck::Mismatch) {
        return "This machine computes wrongly: its outputs are not those of the suite. Check memory and cooling, then \
                the program's build.\n"
            .to_owned();
    }
    let in_demand = coverage.classes.iter().filter(|class| class.share_ppm > 0);
    let (served, lost): (Vec<_>, Vec<_>) = in_demand.partition(|class| class.success_ppm == 1_000_000);
    let mut text = format!("This machine serves {}, verifiably.", share(coverage));
    if !served.is_empty() {
        let names: Vec<&str> = served.iter().map(|class| class.class.as_str()).collect();
        let _ = write!(text, " It serves {} in full.", names.join(", "));
    }
    if !lost.is_empty() {
        let names: Vec<String> = lost
            .iter()
            .map(|class| format!("{} ({} served)", class.class, percent(class.success_ppm)))
            .collect();
        let _ = write!(text, " It loses requests of {}.", names.join(", "));
    }
    if suite.is_some_and(|suite| suite.workloads.iter().any(|workload| workload.numerics == Numerics::Native))
    {
        text += " Native outputs count only once they are audited.";
    }
    text.push('\n');
    text
}

/// The workloads of a suite with their limits.
pub(crate) fn suite(suite: &Suite) -> String {
    let header = ["workload", "model", "class", "demand", "request", "limits", "self-check"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for workload in &suite.workloads {
        rows.push(vec![
            workload.id.clone(),
            workload.model.name.clone(),
            workload.class.clone(),
            percent(workload.share_ppm),
            match workload.shape {
                Shape::Generation { prompt_tokens, output_tokens, batch } => {
                    format!("{prompt_tokens} to {output_tokens} tokens, batch {batch}")
                }
                Shape::Embedding { tokens, batch } => format!("{tokens} tokens, batch {batch}"),
                Shape::Reranking { query_tokens, document_tokens, documents } => {
                    format!("{query_tokens} + {document_tokens} tokens, {documents} documents")
                }
            },
            match workload.slo.limits {
                Limits::Tokens { ttft_ns, tpot_ns } => {
                    format!("ttft {}, tpot {}", duration(Some(ttft_ns)), duration(Some(tpot_ns)))
                }
                Limits::Latency { latency_ns } => duration(Some(latency_ns)),
            },
            workload.self_check.map(|digest| digest.to_string()[..12].to_owned()).unwrap_or_default(),
        ]);
    }
    format!(
        "{} {}: {}\n{}\n\n{}",
        suite.name,
        suite.version,
        suite.description,
        suite.digest,
        table(&rows, Columns::Words)
    )
}
