//! How much of a comparison is drawn: enough for every network in use, and bounded for any other.

use crate::schema::comparison::{Comparison, Stage};
use crate::words::clipped;

/// Characters of a name, and of a text.
const NAME: usize = 120;
const TEXT: usize = 400;
const KINDS: usize = 24;
const GROUPS: usize = 8;

/// A comparison with short texts. Rows are all there: drawings show the first, and `long.rs` bounds tables.
pub(super) fn bounded(comparison: &Comparison) -> Comparison {
    let mut shown = comparison.clone();
    for text in [&mut shown.suite.name, &mut shown.suite.version, &mut shown.coverage_common_cause.attribute]
    {
        clip(text, NAME);
    }
    clip(&mut shown.demand_source, TEXT);
    let reasons = shown.coverage_common_cause.reason.iter_mut().chain(&mut shown.capacity_reason);
    reasons.for_each(|reason| clip(reason, TEXT));
    if let Some(all) = &mut shown.coverage_common_cause.all_attributes {
        bound_names(&mut all.attributes);
    }
    bound_stages(&mut shown.waterfall);
    for row in &mut shown.classes {
        clip(&mut row.class, NAME);
        row.binding_factor.iter_mut().for_each(|factor| clip(factor, NAME));
        bound_stages(&mut row.waterfall);
    }
    for row in &mut shown.demand {
        clip(&mut row.workload, NAME);
        clip(&mut row.class, NAME);
        bound_stages(&mut row.waterfall);
    }
    for row in &mut shown.operators {
        clip(&mut row.operator, NAME);
        clip(&mut row.hardware, NAME);
        row.region.iter_mut().chain(&mut row.provider).for_each(|name| clip(name, NAME));
    }
    for row in &mut shown.candidates {
        clip(&mut row.file, NAME);
        clip(&mut row.hardware, NAME);
    }
    bound_groups(&mut shown);
    bound_growth(&mut shown);
    bound_honesty(&mut shown);
    shown
}

fn bound_groups(shown: &mut Comparison) {
    for row in &mut shown.outages {
        clip(&mut row.attribute, NAME);
        clip(&mut row.group, NAME);
    }
    for row in &mut shown.worst_outages {
        clip(&mut row.attribute, NAME);
        clip(&mut row.search, NAME);
        bound_names(&mut row.groups);
    }
    for row in &mut shown.concentration {
        clip(&mut row.attribute, NAME);
        clip(&mut row.weight, NAME);
        clip(&mut row.largest, NAME);
    }
}

fn bound_growth(shown: &mut Comparison) {
    for row in &mut shown.gaps {
        clip(&mut row.workload, NAME);
        clip(&mut row.class, NAME);
        clip(&mut row.binding_factor, NAME);
        row.closed_by.iter_mut().for_each(|closer| clip(&mut closer.machine, NAME));
    }
    shown.additions.iter_mut().for_each(|row| clip(&mut row.machine, NAME));
    if let Some(capacity) = &mut shown.capacity {
        clip(&mut capacity.worth, NAME);
        capacity.routers.truncate(GROUPS);
        capacity.routers.iter_mut().for_each(|row| clip(&mut row.router, NAME));
    }
}

fn bound_honesty(shown: &mut Comparison) {
    for row in &mut shown.agreement {
        clip(&mut row.workload, NAME);
        row.differing.iter_mut().take(GROUPS).for_each(|name| clip(name, NAME));
    }
    let matrix = &mut shown.determinism;
    matrix.hardware.truncate(KINDS);
    matrix.hardware.iter_mut().for_each(|name| clip(name, NAME));
    matrix.same.truncate(KINDS);
    matrix.same.iter_mut().for_each(|row| row.truncate(KINDS));
    for row in &mut shown.resemblances {
        row.operators.iter_mut().for_each(|name| clip(name, NAME));
        clip(&mut row.detail, TEXT);
    }
    for row in &mut shown.refused {
        clip(&mut row.file, TEXT);
        row.reasons.iter_mut().take(1).for_each(|reason| clip(reason, TEXT));
    }
}

fn bound_stages(stages: &mut [Stage]) {
    stages.iter_mut().for_each(|stage| clip(&mut stage.factor, NAME));
}

fn bound_names(names: &mut Vec<String>) {
    names.truncate(GROUPS);
    names.iter_mut().for_each(|name| clip(name, NAME));
}

fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        *text = clipped(text, most);
    }
}
