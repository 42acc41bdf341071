//! Where demand is lost, and which machines would win it back.

use super::bars::{self, Bar, Row};
use super::extent::Extent;
use super::waterfall::lost;
use super::{note, on_demand};
use crate::page::markup::Markup;
use crate::page::part;
use crate::schema::comparison::{AdditionFigures, CandidateFigures, Comparison, Gap};
use crate::table::comparison::{Section, sections};
use crate::words::portion;

/// Rows that are drawn of each.
const DRAWN: usize = 20;

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let gaps = comparison.gaps.iter().take(DRAWN);
    let extent = Extent::over(gaps.clone().map(|gap| gap.loss));
    drawn(page, "gaps", sections::gaps(comparison), extent, gaps.map(gap));
    let additions = comparison.additions.iter().take(DRAWN);
    let extent = Extent::over(additions.clone().map(|addition| addition.gain));
    drawn(page, "additions", sections::additions(comparison), extent, additions.map(addition));
}

pub(super) fn candidates(page: &mut Markup, comparison: &Comparison) {
    let candidates = comparison.candidates.iter().take(DRAWN);
    let extent = Extent::over(candidates.clone().flat_map(|row| [row.marginal.value, row.marginal.high]));
    drawn(page, "candidates", sections::candidates(comparison), extent, candidates.map(candidate));
}

fn drawn(page: &mut Markup, id: &'static str, of: Section, extent: Extent, rows: impl Iterator<Item = Row>) {
    let Section { title, table, note: told } = of;
    if table.rows.is_empty() {
        return;
    }
    part(page, id, title, |section| {
        note(section, told.as_deref());
        bars::draw(section, extent, rows);
        on_demand(section, Section { title, table, note: None });
    });
}

fn gap(of: &Gap) -> Row {
    let closer = of.closed_by.as_ref();
    let closed = closer.map(|closer| format!("{} won back by {}", portion(closer.gain), closer.machine));
    Row {
        name: sections::named(&of.workload),
        aside: format!("mostly for {}", of.binding_factor),
        bars: vec![Bar::of(lost(&of.binding_factor), of.loss)],
        figure: portion(of.loss),
        further: format!("lost, {}", closed.unwrap_or("closed by nothing at hand".to_owned())),
    }
}

fn addition(of: &AdditionFigures) -> Row {
    Row {
        name: of.machine.clone(),
        aside: String::new(),
        bars: vec![Bar::of("served", of.gain)],
        figure: format!("+ {}", portion(of.gain)),
        further: format!("then {}", portion(of.coverage)),
    }
}

fn candidate(of: &CandidateFigures) -> Row {
    Row {
        name: of.file.clone(),
        aside: of.hardware.clone(),
        bars: vec![Bar::of_figure("served", of.marginal)],
        figure: format!("+ {}", portion(of.marginal.value)),
        further: format!("({})", sections::interval(of.marginal)),
    }
}
