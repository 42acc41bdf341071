//! What the network serves, in one figure and plain words.

use super::whole;
use crate::page::coverage::{Shares, bar};
use crate::page::markup::Markup;
use crate::schema::comparison::Comparison;
use crate::table::comparison::{sections, verdict};
use crate::words::portion;

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let coverage = comparison.coverage;
    page.within("section", &[("id", "verdict"), ("class", "card")], |card| {
        card.element("h2", &[("class", "unseen")], "Verdict");
        card.within("p", &[("class", "share")], |share| {
            share.element("strong", &[], &whole(&portion(coverage.value)));
            share.text(" of the demand");
        });
        let ppm = |share: f64| (share.clamp(0.0, 1.0) * 1e6).round() as u64;
        let shares = Shares {
            served_ppm: ppm(coverage.value),
            losses: &[],
            low_ppm: ppm(coverage.low),
            high_ppm: ppm(coverage.high),
        };
        let text = format!("{}, 95 % interval {}", portion(coverage.value), sections::interval(coverage));
        bar(card, &shares, "All demand", &text);
        card.within("ul", &[("class", "sentences")], |list| {
            verdict(comparison).iter().for_each(|sentence| list.element("li", &[], &whole(sentence)));
        });
    });
}
