//! What a comparison says, a table a question, for every face of it.

use super::fields;
use crate::schema::comparison::{Comparison, DemandFigures, Figure, OperatorFigures, Outage, Stage};
use crate::table::{Column, Kind, Row, Table};
use crate::words::portion;

/// A table with what it answers.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its rows, all of them.
    pub table: Table,
    /// What to know when reading it.
    pub note: Option<String>,
}

/// Those that have a row, in the order in which one reads them.
#[must_use]
pub fn sections(comparison: &Comparison) -> Vec<Section> {
    let all = [
        classes(comparison),
        demand(comparison),
        gaps(comparison),
        additions(comparison),
        operators(comparison),
        candidates(comparison),
        outages(comparison),
        worst_outages(comparison),
        concentration(comparison),
        routers(comparison),
        agreement(comparison),
        determinism(comparison),
        resemblances(comparison),
        refused(comparison),
    ];
    all.into_iter().filter(|section| !section.table.rows.is_empty()).collect()
}

/// Plain sentences: what is served, where the rest is lost, and how fragile it is.
#[must_use]
pub fn verdict(comparison: &Comparison) -> Vec<String> {
    let Comparison { coverage, coverage_common_cause: together, profiles, machines, .. } = comparison;
    let mut sentences = vec![format!(
        "This network of {machines} machines ({profiles} profiles) serves {} of the demand, were machines independent of each other.",
        with_interval(*coverage)
    )];
    if comparison.synthetic_profiles > 0 {
        sentences.push(format!(
            "{} of its profiles say that they are synthetic: no machine stands behind them.",
            comparison.synthetic_profiles
        ));
    }
    let before = std::iter::once(1.0).chain(comparison.waterfall.iter().map(|stage| stage.left));
    let losses = before.zip(&comparison.waterfall).filter(|(before, stage)| before - stage.left > 5e-5);
    let losses: Vec<String> = losses
        .map(|(before, stage)| format!("{} for {}", portion(before - stage.left), lacking(&stage.factor)))
        .collect();
    if !losses.is_empty() {
        sentences.push(format!("It loses {}.", losses.join(", ")));
    }
    let attribute = &together.attribute;
    if let Some(expected) = together.coverage {
        sentences.push(format!(
            "If each {attribute} fails as a whole in {} of the time, it serves {}.",
            portion(together.outage_probability),
            portion(expected)
        ));
    }
    let of_some = |outage: &&Outage| outage.machines < comparison.machines;
    if let Some(worst) = comparison.outages.iter().find(of_some) {
        sentences.push(format!(
            "Its worst single outage is {} {} ({} of {machines} machines): without it, it serves {}.",
            worst.attribute,
            worst.group,
            worst.machines,
            portion(worst.coverage)
        ));
    }
    if let Some(capacity) = &comparison.capacity {
        sentences.push(format!(
            "At {} requests a second it serves {} of them at the first attempt, if they are sent where they are best.",
            rate(capacity.rate_per_s),
            portion(capacity.success.value)
        ));
    }
    if let Some(reason) = &comparison.capacity_reason {
        sentences.push(format!("What is served at this rate was not computed: {reason}."));
    }
    let unknown = comparison.machines_of_unknown_availability;
    if unknown > 0 {
        sentences.push(format!(
            "Nobody said how often {unknown} of the machines are there: they are taken to be there always (--operators says it)."
        ));
    }
    sentences.push(format!("Demand: {}.", comparison.demand_source));
    sentences
}

pub(crate) fn lacking(factor: &str) -> &'static str {
    match factor {
        "model" => "lack of a machine that runs the model",
        "hardware" => "lack of hardware that can hold it",
        "capacity" => "lack of a machine that sustains the asked rate",
        "route" => "machines that do not answer",
        "latency" => "requests that come late",
        _ => "lack of execution that can be verified",
    }
}

pub(crate) fn classes(comparison: &Comparison) -> Section {
    let columns =
        [&[("class", Kind::Words), ("share", Kind::Figure)], &SERVED[..], &[("loses most for", Kind::Words)]];
    let rows = comparison.classes.iter().map(|row| {
        let class = if row.class.is_empty() { named("") } else { row.class.clone() };
        let binding_factor = row.binding_factor.clone().unwrap_or_default();
        let served = served(&row.waterfall, row.success);
        Row::Fields([&[class, portion(row.share)], &served[..], &[binding_factor]].concat())
    });
    section("What is served by class", &columns.concat(), rows.collect(), None)
}

pub(crate) fn demand(comparison: &Comparison) -> Section {
    let of_row = [
        ("workload", Kind::Words),
        ("class", Kind::Words),
        ("share", Kind::Figure),
        ("machines", Kind::Figure),
    ];
    let fields = |of_row: [String; 4], served: [String; 8]| Row::Fields([&of_row[..], &served].concat());
    let row = |row: &DemandFigures| {
        let of_row = [named(&row.workload), row.class.clone(), portion(row.share), row.machines.to_string()];
        fields(of_row, served(&row.waterfall, row.success))
    };
    let mut rows: Vec<Row> = comparison.demand.iter().map(row).collect();
    let share = comparison.demand.iter().map(|row| row.share).sum();
    let of_all = ["all".to_owned(), String::new(), portion(share), comparison.machines.to_string()];
    rows.push(fields(of_all, served(&comparison.waterfall, comparison.coverage)));
    let columns = [&of_row[..], &SERVED].concat();
    section("What is served: the share of requests left after each factor", &columns, rows, None)
}

/// What is left after each factor, and of all.
const SERVED: [(&str, Kind); 8] = [
    ("model", Kind::Figure),
    ("hardware", Kind::Figure),
    ("capacity", Kind::Figure),
    ("route", Kind::Figure),
    ("latency", Kind::Figure),
    ("verified", Kind::Figure),
    ("succeeds", Kind::Figure),
    ("95 % interval", Kind::Figure),
];

/// The fields below [`SERVED`].
fn served(stages: &[Stage], success: Figure) -> [String; 8] {
    let left = |place: usize| stages.get(place).map(|stage| portion(stage.left)).unwrap_or_default();
    [left(0), left(1), left(2), left(3), left(4), left(5), portion(success.value), interval(success)]
}

pub(crate) fn operators(comparison: &Comparison) -> Section {
    let columns = [
        ("operator", Kind::Words),
        ("machines", Kind::Figure),
        ("hardware", Kind::Words),
        ("region", Kind::Words),
        ("provider", Kind::Words),
        ("available", Kind::Figure),
        ("share of coverage", Kind::Figure),
        ("95 % interval", Kind::Figure),
        ("lost without it", Kind::Figure),
        ("with outages", Kind::Figure),
        ("coverage part", Kind::Figure),
        ("volume part", Kind::Figure),
    ];
    let optional = |share: Option<f64>| share.map(portion).unwrap_or_default();
    let row = |row: &OperatorFigures| {
        let shared = if row.shared_machines > 0 {
            format!(" ({} shared)", row.shared_machines)
        } else {
            String::new()
        };
        fields([
            row.operator.clone(),
            format!("{}{shared}", row.machines),
            row.hardware.clone(),
            row.region.clone().unwrap_or_default(),
            row.provider.clone().unwrap_or_default(),
            optional(row.availability),
            portion(row.shapley.value),
            interval(row.shapley),
            portion(row.marginal.value),
            optional(row.shapley_common_cause),
            optional(row.coverage_part),
            optional(row.volume_part),
        ])
    };
    let rows = comparison.operators.iter().map(row).collect();
    let note = "A share of coverage is a Shapley value: shares add up to coverage. What is lost without an operator is 0 where others stand in.";
    section("What each operator adds", &columns, rows, Some(note.to_owned()))
}

pub(crate) fn candidates(comparison: &Comparison) -> Section {
    let columns = [
        ("candidate", Kind::Words),
        ("hardware", Kind::Words),
        ("adds", Kind::Figure),
        ("95 % interval", Kind::Figure),
    ];
    let rows = comparison.candidates.iter().map(|row| {
        fields([row.file.clone(), row.hardware.clone(), portion(row.marginal.value), interval(row.marginal)])
    });
    section("What candidates would add", &columns, rows.collect(), None)
}

pub(crate) fn outages(comparison: &Comparison) -> Section {
    let columns = [
        ("without", Kind::Words),
        ("group", Kind::Words),
        ("machines", Kind::Figure),
        ("serves", Kind::Figure),
        ("loses", Kind::Figure),
    ];
    let rows = comparison.outages.iter().map(|row| {
        fields([
            row.attribute.clone(),
            row.group.clone(),
            row.machines.to_string(),
            portion(row.coverage),
            portion((comparison.coverage.value - row.coverage).max(0.0)),
        ])
    });
    section("What is left without one group", &columns, rows.collect(), together(comparison))
}

fn together(comparison: &Comparison) -> Option<String> {
    let common = &comparison.coverage_common_cause;
    let mut told = Vec::new();
    if let Some(expected) = common.coverage {
        told.push(format!(
            "If each {} fails as a whole in {} of the time (an assumption), {} is served on average.",
            common.attribute,
            portion(common.outage_probability),
            portion(expected)
        ));
        if common.limited_groups > 0 {
            told.push(format!(
                "Groups with a machine that fails less often fail as seldom as it does: {}.",
                common.limited_groups
            ));
        }
    }
    if let Some(all) = &common.all_attributes {
        told.push(format!(
            "If each {} does, {} (standard error {}, {} random outages).",
            all.attributes.join(" and each "),
            portion(all.coverage),
            portion(all.standard_error),
            all.draws
        ));
    }
    told.extend(common.reason.as_ref().map(|reason| format!("Not all was computed: {reason}.")));
    (!told.is_empty()).then(|| told.join(" "))
}

pub(crate) fn worst_outages(comparison: &Comparison) -> Section {
    let columns = [
        ("without", Kind::Words),
        ("groups", Kind::Words),
        ("serves", Kind::Figure),
        ("search", Kind::Words),
    ];
    let rows = comparison.worst_outages.iter().map(|row| {
        fields([row.attribute.clone(), row.groups.join(" and "), portion(row.coverage), row.search.clone()])
    });
    section("The worst groups together", &columns, rows.collect(), None)
}

pub(crate) fn concentration(comparison: &Comparison) -> Section {
    let columns = [
        ("by", Kind::Words),
        ("of", Kind::Words),
        ("known", Kind::Setting),
        ("largest", Kind::Words),
        ("its share", Kind::Figure),
        ("there are", Kind::Figure),
        ("as if equal", Kind::Figure),
        ("95 % interval", Kind::Figure),
        ("HHI", Kind::Figure),
        ("Nakamoto", Kind::Figure),
    ];
    let rows = comparison.concentration.iter().map(|row| {
        fields([
            row.attribute.clone(),
            row.weight.clone(),
            portion(row.known),
            row.largest.clone(),
            portion(row.largest_share),
            format!("{:.0}", row.hill_0.value),
            format!("{:.1}", row.hill_1.value),
            format!("{:.1} to {:.1}", row.hill_1.low, row.hill_1.high),
            format!("{:.3}", row.hhi.value),
            format!("{:.0}", row.nakamoto.value),
        ])
    });
    let note = "As if equal: Hill number of order 1, by entropy. Nakamoto: the least number that have more than half. Intervals are of resampled machines.";
    section("In how few hands it is", &columns, rows.collect(), Some(note.to_owned()))
}

pub(crate) fn routers(comparison: &Comparison) -> Section {
    let columns = [
        ("routing", Kind::Words),
        ("serves", Kind::Figure),
        ("error", Kind::Figure),
        ("nobody eligible", Kind::Figure),
        ("waited too long", Kind::Figure),
        ("failed", Kind::Figure),
    ];
    let mut rows = Vec::new();
    if let Some(capacity) = &comparison.capacity {
        let blank = String::new;
        rows.push(fields([
            "best possible".to_owned(),
            portion(capacity.success.value),
            blank(),
            blank(),
            blank(),
            blank(),
        ]));
        rows.extend(capacity.routers.iter().map(|row| {
            fields([
                row.router.replace('_', " "),
                portion(row.success),
                portion(row.standard_error),
                portion(row.nobody_eligible),
                portion(row.waited_too_long),
                portion(row.failed),
            ])
        }));
    }
    section("What is served at this rate, each request tried once", &columns, rows, None)
}

pub(crate) fn gaps(comparison: &Comparison) -> Section {
    let columns = [
        ("lost in", Kind::Words),
        ("class", Kind::Words),
        ("loses", Kind::Figure),
        ("mostly for", Kind::Words),
        ("best closed by", Kind::Words),
        ("which wins back", Kind::Figure),
    ];
    let rows = comparison.gaps.iter().map(|row| {
        let closer = row.closed_by.as_ref();
        fields([
            named(&row.workload),
            row.class.clone(),
            portion(row.loss),
            row.binding_factor.clone(),
            closer.map_or("nothing at hand".to_owned(), |closer| closer.machine.clone()),
            closer.map(|closer| portion(closer.gain)).unwrap_or_default(),
        ])
    });
    section("Where demand is lost", &columns, rows.collect(), None)
}

pub(crate) fn additions(comparison: &Comparison) -> Section {
    let columns = [("add", Kind::Words), ("gains", Kind::Figure), ("then serves", Kind::Figure)];
    let rows = comparison
        .additions
        .iter()
        .map(|row| fields([row.machine.clone(), portion(row.gain), portion(row.coverage)]));
    let note = "Each is the best next one. Together they reach at least 1 - 1/e (63 %) of what the best choice of as many could add.";
    section("What to add next", &columns, rows.collect(), Some(note.to_owned()))
}

pub(crate) fn agreement(comparison: &Comparison) -> Section {
    let columns = [
        ("exact workload", Kind::Words),
        ("profiles", Kind::Figure),
        ("digests", Kind::Figure),
        ("share the first", Kind::Figure),
        ("differ", Kind::Words),
    ];
    let rows = comparison.agreement.iter().map(|row| {
        let all: u64 = row.digests.iter().map(|digest| digest.profiles).sum();
        let first = row.digests.first().map_or(0, |digest| digest.profiles);
        fields([
            row.workload.clone(),
            all.to_string(),
            row.digests.len().to_string(),
            first.to_string(),
            some_of(&row.differing),
        ])
    });
    let note = "A difference in exact numerics is a fault or a lie: anybody can compute which.";
    section("Who computes the same bits", &columns, rows.collect(), Some(note.to_owned()))
}

pub(crate) fn determinism(comparison: &Comparison) -> Section {
    let columns = [
        ("hardware", Kind::Words),
        ("with itself", Kind::Figure),
        ("shares bits with", Kind::Figure),
        ("of others", Kind::Figure),
    ];
    let found = &comparison.determinism;
    let is_compared = found.same.iter().flatten().any(Option::is_some);
    let kinds = found.hardware.iter().zip(&found.same).filter(|_| is_compared);
    let rows = kinds.enumerate().map(|(place, (hardware, same))| {
        let others = same.iter().enumerate().filter(|(other, _)| *other != place);
        let compared: Vec<f64> = others.filter_map(|(_, same)| *same).collect();
        fields([
            hardware.clone(),
            same[place].map(portion).unwrap_or_default(),
            compared.iter().filter(|same| **same >= 1.0).count().to_string(),
            compared.len().to_string(),
        ])
    });
    let note =
        "How often two profiles have the same digest of a native workload; --output json has every pair.";
    section("Which hardware has the same native outputs", &columns, rows.collect(), Some(note.to_owned()))
}

fn some_of(names: &[String]) -> String {
    const TOLD: usize = 3;
    let more = names.len().saturating_sub(TOLD);
    let told = names.iter().take(TOLD).cloned().collect::<Vec<_>>().join(" ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}

pub(crate) fn resemblances(comparison: &Comparison) -> Section {
    let columns = [("operator", Kind::Words), ("resembles", Kind::Words), ("in", Kind::Words)];
    let rows = comparison
        .resemblances
        .iter()
        .map(|row| fields([row.operators[0].clone(), row.operators[1].clone(), row.detail.clone()]));
    let note = "Each may be one machine under two names, or a copy. What is not found here earns as if it were independent.";
    section("Profiles that look alike", &columns, rows.collect(), Some(note.to_owned()))
}

pub(crate) fn refused(comparison: &Comparison) -> Section {
    let columns = [("left out", Kind::Words), ("reason", Kind::Words)];
    let rows = comparison.refused.iter().map(|row| {
        let more = row.reasons.len().saturating_sub(1);
        let first = row.reasons.first().cloned().unwrap_or_default();
        fields([row.file.clone(), if more > 0 { format!("{first} (and {more} more)") } else { first }])
    });
    section("What was left out", &columns, rows.collect(), None)
}

fn section(
    title: &'static str,
    columns: &[(&'static str, Kind)],
    rows: Vec<Row>,
    note: Option<String>,
) -> Section {
    let columns = columns.iter().map(|(name, kind)| Column { name, kind: *kind }).collect();
    Section { title, table: Table { columns, rows }, note }
}

/// A rate to three digits, or as it is where it has more before the point.
fn rate(per_s: f64) -> String {
    let decimals = if per_s >= 100.0 {
        0
    } else if per_s >= 10.0 {
        1
    } else if per_s >= 1.0 {
        2
    } else {
        4
    };
    format!("{per_s:.decimals$}")
}

pub(crate) fn named(workload: &str) -> String {
    if workload.is_empty() { "(no workload stands for them)".to_owned() } else { workload.to_owned() }
}

pub(crate) fn interval(Figure { low, high, .. }: Figure) -> String {
    format!("{} to {}", portion(low), portion(high))
}

fn with_interval(figure: Figure) -> String {
    format!("{} (95 % interval {})", portion(figure.value), interval(figure))
}
