//! How much of a profile is drawn: enough for every suite in use, and bounded for any other.

use crate::schema::v1::{Cell, Challenge, Doubt, Profile};
use crate::words::clipped;

const CELLS: usize = 160;
const CLASSES: usize = 64;
const TRIALS: usize = 32;
const DOUBTS: usize = 64;
const CELL_DOUBTS: usize = 8;
const SITTINGS: usize = 32;
const NAMES: usize = 64;
/// Characters of a name, and of a text.
const NAME: usize = 80;
const TEXT: usize = 400;

/// A profile with short texts and lists, and what was left out, in words. Samples are all there.
pub(super) fn bounded(profile: &Profile) -> (Profile, Vec<String>) {
    let mut shown = profile.clone();
    let mut left_out = Vec::new();
    shown.extensions = serde_json::Map::new();
    let mut shorten = |what: &str, all: usize, most: usize| {
        if all > most {
            left_out.push(format!("{most} of {all} {what} are shown here; the profile's file has them all."));
        }
    };

    shorten("cells", shown.cells.len(), CELLS);
    shown.cells.truncate(CELLS);
    shown.cells.iter_mut().for_each(bound_cell);
    let kept: std::collections::BTreeSet<&str> =
        profile.cells.iter().take(CELLS).map(|cell| cell.workload.as_str()).collect();
    shown.coverage.workloads.retain(|row| kept.contains(row.workload.as_str()));
    shown.coverage.workloads.truncate(CELLS);
    for row in &mut shown.coverage.workloads {
        clip(&mut row.workload, NAME);
        clip(&mut row.class, NAME);
    }
    shorten("classes", shown.coverage.classes.len(), CLASSES);
    shown.coverage.classes.truncate(CLASSES);
    for class in &mut shown.coverage.classes {
        clip(&mut class.class, NAME);
        class.missing.truncate(CELLS / 4);
        for missing in &mut class.missing {
            clip(&mut missing.workload, NAME);
            clip(&mut missing.reason, TEXT);
        }
    }
    shorten("doubts", shown.doubts.len(), DOUBTS);
    bound_doubts(&mut shown.doubts, DOUBTS);
    shorten("sittings", shown.sittings.len(), SITTINGS);
    shown.sittings.truncate(SITTINGS);
    shown.sittings.iter_mut().for_each(|sitting| clip(&mut sitting.started_at, NAME));
    bound_facts(&mut shown);
    (shown, left_out)
}

fn bound_cell(cell: &mut Cell) {
    for name in [&mut cell.workload, &mut cell.task, &mut cell.model, &mut cell.numerics, &mut cell.precision]
    {
        clip(name, NAME);
    }
    if let Some(reason) = &mut cell.reason {
        clip(reason, TEXT);
    }
    if let Some(capacity) = &mut cell.capacity {
        // As many from either end: capacity lies somewhere between.
        if let Some(surplus) = capacity.trials.len().checked_sub(TRIALS) {
            capacity.trials.drain(TRIALS / 2..TRIALS / 2 + surplus);
        }
    }
    bound_doubts(&mut cell.doubts, CELL_DOUBTS);
}

fn bound_doubts(doubts: &mut Vec<Doubt>, most: usize) {
    doubts.truncate(most);
    for doubt in doubts {
        clip(&mut doubt.detail, TEXT);
        clip(&mut doubt.advice, TEXT);
    }
}

fn bound_facts(profile: &mut Profile) {
    let (machine, harness) = (&mut profile.machine, &mut profile.harness);
    machine.cpu_features.truncate(NAMES);
    let names = [
        &mut profile.suite.name,
        &mut profile.suite.version,
        &mut profile.operator,
        &mut profile.started_at,
        &mut profile.finished_at,
        &mut machine.cpu_model,
        &mut machine.os,
        &mut machine.os_release,
        &mut machine.kernel,
        &mut machine.architecture,
        &mut machine.virtualisation,
        &mut machine.clock.source,
        &mut harness.version,
        &mut harness.git_commit,
        &mut harness.rustc,
        &mut harness.isa,
    ];
    for name in names.into_iter().chain(&mut machine.cpu_features) {
        clip(name, NAME);
    }
    let crates = std::mem::take(&mut harness.crates);
    harness.crates = crates
        .into_iter()
        .take(NAMES)
        .map(|(name, version)| (clipped(&name, NAME), clipped(&version, NAME)))
        .collect();
    if let Challenge::Network { document } = &mut profile.challenge {
        clip(&mut document.network, NAME);
        clip(&mut document.not_before, NAME);
    }
    if let Some(proof) = &mut profile.proof {
        clip(&mut proof.created, NAME);
        clip(&mut proof.cryptosuite, NAME);
    }
}

fn clip(text: &mut String, most: usize) {
    // ASCII in every profile that was read, so bytes bound characters.
    if text.len() > most {
        *text = clipped(text, most);
    }
}
