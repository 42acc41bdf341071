//! A change as text and Markdown.

use super::markdown::{escaped, rows};
use super::{Column, Kind, Row, Table, text as aligned};
use crate::schema::change::{
    CellChange, CellStanding, Change, Conclusion, DigestChange, FigureChange, Metric, Ratio, RunFacts,
    Verdict,
};
use crate::words::{self, bytes, clipped, duration, portion};

/// Workloads that a sentence names.
const NAMED: usize = 5;
const GIGA: u64 = 1_000_000_000;

/// Who is held against whom, the machine's own speed, a row a workload, and what follows.
#[must_use]
pub fn text(change: &Change) -> String {
    let head = head(change).into_iter().map(|(name, fact)| format!("{name:<8} {fact}\n"));
    let mut text: String = head.collect();
    for (title, mut table) in tables(change) {
        table.condense();
        text += &format!("\n{title}\n{}", aligned(&table));
    }
    text.push('\n');
    for sentence in verdict(change) {
        text += &format!("{sentence}\n");
    }
    text
}

/// The same as Markdown, what follows first.
#[must_use]
pub fn markdown(change: &Change) -> String {
    let mut text = String::new();
    for sentence in verdict(change) {
        text += &format!("{}\n", escaped(&sentence));
    }
    text.push('\n');
    for (name, fact) in head(change) {
        text += &format!("- {name}: {}\n", escaped(&fact));
    }
    for (title, mut table) in tables(change) {
        table.condense();
        text += &format!("\n### {title}\n\n{}", rows(&table));
    }
    text
}

fn head(change: &Change) -> Vec<(&'static str, String)> {
    let machine = &change.machine;
    let mut head = vec![
        ("old", run(&change.old)),
        ("new", run(&change.new)),
        (
            "machine",
            format!(
                "{}, {} processors, {}, {}; operator {}",
                machine.cpu_model,
                machine.logical_cpus,
                bytes(machine.memory_bytes),
                machine.device,
                machine.operator
            ),
        ),
    ];
    let differs = change.differs.iter();
    head.extend(differs.map(|of| ("differs", format!("{}: was {}, is {}", of.fact, of.old, of.new))));
    head.extend(change.notes.iter().map(|note| ("note", note.clone())));
    let digests = &change.digests;
    head.push(("digests", format!("{} exact workloads compute the same bits", digests.same)));
    head.extend(digests.changed.iter().map(|digest| ("digests", changed_digest(digest))));
    if !digests.native_changed.is_empty() {
        let fact =
            format!("native ones compute other bits, as they may: {}", digests.native_changed.join(", "));
        head.push(("digests", fact));
    }
    let apart = [
        ("only in the old profile", &change.only_old),
        ("only in the new profile", &change.only_new),
        ("not compared, for they ask for something else now", &change.other_work),
    ];
    let apart = apart.into_iter().filter(|(_, workloads)| !workloads.is_empty());
    head.extend(apart.map(|(fact, workloads)| ("apart", format!("{fact}: {}", workloads.join(", ")))));
    head
}

fn run(run: &RunFacts) -> String {
    let RunFacts { file, report_id, suite, started_at, finished_at, version, doubts } = run;
    let doubts = if doubts.is_empty() { "none".to_owned() } else { doubts.join(" ") };
    let report = clipped(&report_id.to_string(), 12);
    format!(
        "{file}: {} {} by {version}, {started_at} to {finished_at}, report {report}, doubts: {doubts}",
        suite.name, suite.version
    )
}

fn changed_digest(digest: &DigestChange) -> String {
    let DigestChange { workload, old, new, input, allowed_because } = digest;
    let [old, new] = [old, new].map(|digest| clipped(&digest.to_string(), 12));
    match allowed_because {
        Some(reason) => {
            format!("{workload} computes other bits ({input} was {old}, is {new}), as it may: {reason}")
        }
        None => format!("{workload} CHANGED: {input} was {old}, is {new}"),
    }
}

/// Those that have a row.
fn tables(change: &Change) -> Vec<(&'static str, Table)> {
    let all = [("The machine itself", ceilings(change)), ("Its workloads", cells(change))];
    all.into_iter().filter(|(_, table)| !table.rows.is_empty()).collect()
}

fn ceilings(change: &Change) -> Table {
    let columns = [
        ("ceiling", Kind::Words),
        ("old", Kind::Figure),
        ("new", Kind::Figure),
        ("new/old", Kind::Figure),
        ("95 % interval", Kind::Figure),
        ("the machine is", Kind::Words),
    ];
    let unit = |metric| if metric == Metric::ReadBytesPerS { "GB/s" } else { "GFLOP/s" };
    let row = |figure: &FigureChange| {
        let rate = |rate: Option<u64>| {
            rate.map(|rate| format!("{} {}", rate / GIGA, unit(figure.metric))).unwrap_or_default()
        };
        Row::Fields(vec![
            figure.metric.words().to_owned(),
            rate(figure.old),
            rate(figure.new),
            value(figure.ratio),
            interval(figure.ratio),
            moved(figure.verdict).to_owned(),
        ])
    };
    Table { columns: columns_of(&columns), rows: change.ceilings.iter().map(row).collect() }
}

fn moved(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regression => "SLOWER",
        Verdict::Improvement => "faster",
        Verdict::Unchanged => "unchanged",
        Verdict::TooNoisy => "too noisy",
    }
}

fn cells(change: &Change) -> Table {
    let columns = [
        ("workload", Kind::Words),
        ("old p50", Kind::Figure),
        ("new p50", Kind::Figure),
        ("new/old", Kind::Figure),
        ("95 % interval", Kind::Figure),
        ("ttft", Kind::Figure),
        ("tpot", Kind::Figure),
        ("requests/h", Kind::Figure),
        ("memory", Kind::Figure),
        ("in time", Kind::Figure),
        ("now", Kind::Figure),
        ("verdict", Kind::Words),
        ("because", Kind::Words),
    ];
    let mut rows: Vec<Row> = change.cells.iter().map(cell).collect();
    rows.extend(change.all.as_ref().map(|all| {
        let mut fields = vec!["the one in the middle".to_owned(), String::new(), String::new()];
        fields.extend([value(all.ratio), interval(all.ratio)]);
        fields.resize(columns.len() - 2, String::new());
        fields.extend([named(all.verdict).to_owned(), String::new()]);
        Row::Fields(fields)
    }));
    Table { columns: columns_of(&columns), rows }
}

fn cell(cell: &CellChange) -> Row {
    let figure = |metric| cell.figures.iter().find(|figure| figure.metric == metric);
    let Some(latency) = figure(Metric::LatencyNs) else {
        return Row::Remark(cell.workload.clone(), unmeasured(cell));
    };
    let ratio = |metric| value(figure(metric).and_then(|figure| figure.ratio));
    let time = |ns: Option<u64>| ns.map(duration).unwrap_or_default();
    let in_time = |standing: &CellStanding| format!("{}/{}", standing.within_slo, standing.requests);
    Row::Fields(vec![
        cell.workload.clone(),
        time(latency.old),
        time(latency.new),
        value(latency.ratio),
        interval(latency.ratio),
        ratio(Metric::TtftNs),
        ratio(Metric::TpotNs),
        ratio(Metric::RequestsPerHour),
        ratio(Metric::PeakMemoryBytes),
        in_time(&cell.old),
        in_time(&cell.new),
        cell.verdict.map(named).unwrap_or_default().to_owned(),
        cell.because.join(", "),
    ])
}

fn unmeasured(cell: &CellChange) -> String {
    let CellChange { old, new, verdict, .. } = cell;
    let status = |standing: &CellStanding| words::status(standing.status).replace('_', " ");
    let reason = [new, old].into_iter().find_map(|of| of.reason.as_deref()).unwrap_or_default();
    if old.status == new.status {
        return format!("{} in both: {reason}", status(new));
    }
    let verdict = verdict.map(|verdict| format!("{}: ", named(verdict))).unwrap_or_default();
    format!("{verdict}{}, now {}: {reason}", status(old), status(new))
}

fn columns_of(columns: &[(&'static str, Kind)]) -> Vec<Column> {
    columns.iter().map(|(name, kind)| Column { name, kind: *kind }).collect()
}

/// What nobody may overlook in capitals.
fn named(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regression => "REGRESSION",
        Verdict::Improvement => "improvement",
        Verdict::Unchanged => "unchanged",
        Verdict::TooNoisy => "too noisy",
    }
}

fn value(ratio: Option<Ratio>) -> String {
    ratio.map(|ratio| format!("{:.3}", ratio.value)).unwrap_or_default()
}

fn interval(ratio: Option<Ratio>) -> String {
    match ratio.map(|ratio| (ratio.low, ratio.high)) {
        Some((Some(low), Some(high))) => format!("{low:.3} to {high:.3}"),
        Some((Some(low), None)) => format!("from {low:.3}"),
        Some((None, Some(high))) => format!("to {high:.3}"),
        _ => String::new(),
    }
}

/// Plain sentences: what the exit code says, what else was seen, and what cannot be known.
#[must_use]
pub fn verdict(change: &Change) -> Vec<String> {
    let excluded = portion(change.excluded);
    let Change { judged, too_noisy, .. } = change;
    let regressed = with_reasons(change, Verdict::Regression);
    let mut sentences = vec![match change.conclusion {
        Conclusion::Fine => format!("NOTHING REGRESSED among {judged} workloads that both runs measured."),
        Conclusion::Regression if regressed.is_empty() => {
            "REGRESSION: the workload in the middle is slower, though none is by itself for sure.".to_owned()
        }
        Conclusion::Regression => format!("REGRESSION: {}.", some_of(&regressed)),
        Conclusion::DigestChanged => {
            let changed = change.digests.changed.iter().filter(|digest| digest.allowed_because.is_none());
            let changed: Vec<String> = changed.map(|digest| digest.workload.clone()).collect();
            format!("DIGEST CHANGED: {} no longer computes the same bits.", some_of(&changed))
        }
        Conclusion::TooNoisy if *judged == 0 => {
            "NOTHING TO JUDGE: no workload was measured by both runs.".to_owned()
        }
        Conclusion::TooNoisy => {
            "TOO NOISY TO JUDGE: nothing regressed for sure, but too much may have. Let the machine come to rest and certify again.".to_owned()
        }
    }];
    if change.conclusion == Conclusion::DigestChanged && !regressed.is_empty() {
        sentences.push(format!("It also regressed: {}.", some_of(&regressed)));
    }
    if *too_noisy > 0 {
        sentences.push(format!(
            "Of {too_noisy} of {judged} workloads it cannot be excluded that they became {excluded} slower."
        ));
    }
    let improved = with_reasons(change, Verdict::Improvement);
    if !improved.is_empty() {
        sentences.push(format!("Improved: {}.", some_of(&improved)));
    }
    for ceiling in change.ceilings.iter().filter(|ceiling| has_moved(ceiling)) {
        sentences.push(format!(
            "The machine itself changed: its {} is {} of what it was ({}). A workload is judged only where it does not matter whether it follows.",
            ceiling.metric.words(),
            value(ceiling.ratio),
            interval(ceiling.ratio)
        ));
    }
    sentences.push(format!(
        "A change counts from {} on, beyond its interval, and if chance makes none as great among all figures in 95 of 100 pairs of runs.",
        portion(change.floor)
    ));
    sentences.push(
        "Both ran at different times: what changed between them, and showed neither from round to round nor in the ceilings, cannot be told from the program."
            .to_owned(),
    );
    sentences
}

fn has_moved(ceiling: &FigureChange) -> bool {
    matches!(ceiling.verdict, Verdict::Regression | Verdict::Improvement)
}

fn with_reasons(change: &Change, verdict: Verdict) -> Vec<String> {
    let cells = change.cells.iter().filter(|cell| cell.verdict == Some(verdict));
    cells.map(|cell| format!("{} ({})", cell.workload, cell.because.join(", "))).collect()
}

fn some_of(names: &[String]) -> String {
    let told = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
