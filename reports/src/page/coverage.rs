//! Each class's demand: what is served, and which factor takes the rest.

use super::markup::Markup;
use super::svg::{self, Path, WIDTH};
use super::{part, share_axis, typeset};
use crate::schema::v1::{ClassCoverage, Factor, Profile};
use crate::words::{self, percent};

const MILLION: u64 = 1_000_000;
/// Of a strip, in pixels.
const HEIGHT: u32 = 30;
/// A part of a bar from here on has room for a word, in millionths.
const ROOM_PPM: u64 = 170_000;

pub(super) fn section(page: &mut Markup, profile: &Profile) {
    part(page, "coverage", "Coverage by demand class", |section| {
        section.element("p", &[("class", "note")], NOTE);
        section.within("div", &[("class", "rows")], |rows| {
            for class in &profile.coverage.classes {
                row(rows, class);
            }
            rows.within("div", &[("class", "row"), ("aria-hidden", "true")], |row| {
                row.within("div", &[("class", "plot")], share_axis);
            });
        });
    });
}

const NOTE: &str = "A request succeeds if every factor holds: model, hardware, capacity, latency, verified. The bar is the \
                    demand of a class; its first part succeeds, each further part is lost to the factor it names. The \
                    line below is the 95 % interval of success.";

fn row(rows: &mut Markup, class: &ClassCoverage) {
    let losses = words::losses(class);
    rows.within("article", &[("class", "row")], |row| {
        row.within("div", &[("class", "name")], |name| {
            name.element("h3", &[], &class.class);
            name.element("p", &[], &typeset_share("of demand", class.share_ppm));
        });
        row.within("div", &[("class", "plot")], |plot| {
            let shares = Shares {
                served_ppm: class.success_ppm,
                losses: &losses,
                low_ppm: class.low_ppm,
                high_ppm: class.high_ppm,
            };
            bar(plot, &shares, &class.class, &in_words(class, &losses));
        });
        row.within("p", &[("class", "figures")], |figures| {
            figures.element("strong", &[], &typeset(&percent(class.success_ppm)));
            figures.text(&format!(" {} to {}", percent(class.low_ppm), percent(class.high_ppm)));
        });
        if !losses.is_empty() || !class.missing.is_empty() {
            row.within("ul", &[("class", "missing")], |list| missing(list, class, &losses));
        }
    });
}

fn missing(list: &mut Markup, class: &ClassCoverage, losses: &[(Factor, u64)]) {
    for (factor, lost_ppm) in losses {
        list.within("li", &[], |item| {
            item.element("strong", &[], words::factor(*factor));
            item.text(&format!(" takes {}", typeset(&percent(*lost_ppm))));
            let reasons = class.missing.iter().filter(|missing| missing.factor == *factor);
            let reasons: Vec<String> =
                reasons.map(|missing| format!("{}: {}", missing.workload, missing.reason)).collect();
            if reasons.is_empty() {
                item.text(": late requests");
            } else {
                item.within("ul", &[], |list| {
                    reasons.iter().for_each(|reason| list.element("li", &[], reason))
                });
            }
        });
    }
}

fn typeset_share(of: &str, ppm: u64) -> String {
    if ppm == 0 { format!("no share {of}") } else { format!("{} {of}", typeset(&percent(ppm))) }
}

fn in_words(class: &ClassCoverage, losses: &[(Factor, u64)]) -> String {
    let mut text = format!(
        "{} succeeds, 95 % interval {} to {}",
        percent(class.success_ppm),
        percent(class.low_ppm),
        percent(class.high_ppm)
    );
    for (factor, lost_ppm) in losses {
        text += &format!("; {} lost to {}", percent(*lost_ppm), words::factor(*factor));
    }
    text
}

/// What a bar shows.
pub(super) struct Shares<'a> {
    pub(super) served_ppm: u64,
    /// In the order of testing.
    pub(super) losses: &'a [(Factor, u64)],
    pub(super) low_ppm: u64,
    pub(super) high_ppm: u64,
}

/// A bar of demand: what is served, then the losses, the last factor's first, and the interval below.
pub(super) fn bar(page: &mut Markup, shares: &Shares<'_>, title: &str, description: &str) {
    let x = |ppm: u64| ppm.min(MILLION) as f64 / MILLION as f64 * WIDTH;
    let box_of = |from: u64, to: u64| Path::default().rectangle((x(from), 0.0), (x(to), 18.0));
    let served_ppm = shares.served_ppm.min(MILLION);
    let mut parts = Vec::new();
    let mut from = served_ppm;
    for (factor, lost_ppm) in shares.losses.iter().rev() {
        let to = from.saturating_add(*lost_ppm).min(MILLION);
        parts.push((*factor, from, to));
        from = to;
    }
    page.within("div", &[("class", "bar")], |bar| {
        svg::strip(bar, HEIGHT, title, description, |strip| {
            box_of(0, MILLION).draw(strip, "demand");
            box_of(0, served_ppm).draw(strip, "served");
            for (factor, from, to) in &parts {
                box_of(*from, *to).draw(strip, factor_class(*factor));
                Path::default().vertical(x(*from), 0.0, 18.0).draw(strip, "edge");
            }
            let (low, high) = (x(shares.low_ppm), x(shares.high_ppm));
            let whisker = Path::default().horizontal(25.0, low, high);
            whisker.vertical(low, 21.0, 29.0).vertical(high, 21.0, 29.0).draw(strip, "whisker");
        });
        for (factor, from, to) in parts.iter().filter(|(_, from, to)| to - from >= ROOM_PPM) {
            let share = |ppm: u64| svg::number(ppm as f64 / 10_000.0);
            let style = format!("left:{}%;width:{}%", share(*from), share(to - from));
            bar.element("span", &[("style", &style), ("aria-hidden", "true")], words::factor(*factor));
        }
    });
}

fn factor_class(factor: Factor) -> &'static str {
    match factor {
        Factor::Model => "lost model",
        Factor::Hardware => "lost hardware",
        Factor::Capacity => "lost capacity",
        Factor::Latency => "lost latency",
        Factor::Verified => "lost verified",
    }
}
