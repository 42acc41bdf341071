//! What the machine serves, in one figure and plain words.

use super::markup::Markup;
use super::{coverage, typeset};
use crate::schema::v1::{Profile, SelfCheck};
use crate::words;

/// Characters of a verdict that names classes without end.
const TEXT: usize = 2000;

/// A machine that computes wrongly is told so before anything else. `whole` is the profile before it was bounded, so that no
/// wrong cell can hide behind others.
pub(super) fn section(page: &mut Markup, profile: &Profile, whole: &Profile) {
    let text = words::clipped(&words::verdict(whole), TEXT);
    if words::computes_wrongly(whole) {
        page.within("section", &[("id", "verdict"), ("class", "card wrong")], |card| {
            card.element("h2", &[], "This machine computes wrongly");
            card.element("p", &[("class", "lead")], &typeset(&text));
            let wrong = profile.cells.iter().filter(|cell| cell.self_check == SelfCheck::Mismatch);
            card.within("ul", &[], |list| {
                wrong.for_each(|cell| list.element("li", &[], &cell.workload));
            });
        });
        return;
    }
    let coverage = &whole.coverage;
    page.within("section", &[("id", "verdict"), ("class", "card")], |card| {
        card.element("h2", &[("class", "unseen")], "Verdict");
        card.within("p", &[("class", "share")], |share| {
            share.element("strong", &[], &typeset(&words::percent(coverage.success_ppm)));
            share.text(" of the suite's demand");
        });
        let shares = coverage::Shares {
            served_ppm: coverage.success_ppm,
            losses: &[],
            low_ppm: coverage.low_ppm,
            high_ppm: coverage.high_ppm,
        };
        coverage::bar(card, &shares, "All demand", &words::share(coverage));
        card.element("p", &[("class", "lead")], &typeset(&text));
    });
}
