//! What speaks against the figures, and what to do about it.

use std::collections::BTreeMap;

use super::markup::Markup;
use super::part;
use crate::schema::v1::{Doubt, DoubtKind, Profile};
use crate::words;

pub(super) fn section(page: &mut Markup, profile: &Profile) {
    part(page, "doubts", "Doubts", |section| {
        let mut kinds: BTreeMap<DoubtKind, Vec<(&str, &Doubt)>> = BTreeMap::new();
        let of_run = profile.doubts.iter().map(|doubt| ("the run", doubt));
        let of_cells = profile
            .cells
            .iter()
            .flat_map(|cell| cell.doubts.iter().map(|doubt| (cell.workload.as_str(), doubt)));
        for (scope, doubt) in of_run.chain(of_cells) {
            kinds.entry(doubt.kind).or_default().push((scope, doubt));
        }
        if kinds.is_empty() {
            section.element("p", &[], "Nothing that the program looks at spoke against the figures.");
        }
        for (kind, doubts) in kinds {
            section.within("article", &[("class", "doubt")], |article| group(article, kind, &doubts));
        }
        sittings(section, profile);
    });
}

fn group(article: &mut Markup, kind: DoubtKind, doubts: &[(&str, &Doubt)]) {
    article.element("h3", &[], words::doubt_heading(kind));
    article.within("ul", &[], |list| {
        for (scope, doubt) in doubts {
            list.within("li", &[], |item| {
                item.element("strong", &[], scope);
                item.text(&format!(": {}", doubt.detail));
            });
        }
    });
    let mut advice: Vec<&str> = doubts.iter().map(|(_, doubt)| doubt.advice.as_str()).collect();
    advice.sort_unstable();
    advice.dedup();
    article.element("p", &[("class", "advice")], &format!("Advice: {}.", advice.join("; ")));
}

/// Of a run that was resumed.
fn sittings(section: &mut Markup, profile: &Profile) {
    if profile.sittings.len() < 2 {
        return;
    }
    section.element("h3", &[], "Sittings");
    section.element("p", &[], "The run was interrupted and resumed; what lies between counts as elapsed.");
    section.within("ul", &[], |list| {
        for sitting in &profile.sittings {
            let first = usize::try_from(sitting.first_cell).ok().and_then(|first| profile.cells.get(first));
            let first = first.map_or("the end", |cell| cell.workload.as_str());
            let round = sitting.first_round + 1;
            list.element("li", &[], &format!("{}, from round {round}, {first}", sitting.started_at));
        }
    });
}
