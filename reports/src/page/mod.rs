//! A profile, or a network of them, as one HTML file for people: nothing loaded from elsewhere, light and dark, for screens, phones
//! and paper. The page of a profile has no script.
//!
//! A profile may come from anybody, so its texts are escaped by the types of `markup.rs`, and `bounds.rs` limits how much of it
//! is drawn.

mod bounds;
mod capacity;
mod coverage;
mod demand;
mod doubts;
mod facts;
mod frame;
mod lane;
mod latency;
mod markup;
mod network;
mod proves;
mod roofline;
mod rows;
mod scale;
mod svg;
mod thin;
mod verdict;

use proofmark_workloads::Suite;

use crate::Digest;
use crate::schema::v1::Profile;
use crate::words;
use markup::Markup;
pub use network::network_page;

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded or run, whatever a text of the profile may have become.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page of a profile. `report_id` is SHA-256 of its file; limits and asked rates are there if `suite` is the profile's.
#[must_use]
pub fn page(profile: &Profile, suite: Option<&Suite>, report_id: Digest) -> String {
    let suite = suite.filter(|suite| suite.digest == profile.suite.digest);
    let (shown, left_out) = bounds::bounded(profile);
    let title = format!("Coverage profile of {}", shown.machine.cpu_model);
    frame::framed(&title, POLICY, &[STYLE], |body| {
        body.within("header", &[], |header| opening(header, &shown, &title));
        body.within("main", &[], |main| {
            verdict::section(main, &shown, profile);
            coverage::section(main, &shown);
            demand::section(main, profile, suite);
            latency::section(main, &shown, suite);
            capacity::section(main, &shown, suite);
            roofline::section(main, &shown);
            doubts::section(main, &shown);
            facts::section(main, &shown, report_id);
            proves::section(main, &profile.challenge, report_id);
        });
        body.within("footer", &[], |footer| {
            for fact in &left_out {
                footer.element("p", &[], fact);
            }
            footer.element("p", &[], &format!("Report {report_id}"));
        });
    })
}

fn opening(header: &mut Markup, profile: &Profile, title: &str) {
    let (machine, suite) = (&profile.machine, &profile.suite);
    header.element("p", &[("class", "kicker")], "Proofmark");
    header.element("h1", &[], title);
    let facts = [
        format!("{} processors", machine.logical_cpus),
        words::bytes(machine.memory_bytes),
        machine.os_release.clone(),
        machine.architecture.clone(),
        format!("suite {} {}", suite.name, suite.version),
        profile.finished_at.replace('T', " ").replace('Z', " UTC"),
    ];
    header.within("ul", &[("class", "inline")], |list| {
        for fact in facts {
            list.element("li", &[], &fact);
        }
    });
}

/// A part of the page with its heading.
fn part(page: &mut Markup, id: &'static str, heading: &'static str, content: impl FnOnce(&mut Markup)) {
    page.literal("\n");
    page.within("section", &[("id", id)], |section| {
        section.element("h2", &[], heading);
        content(section);
    });
}

/// A time as people write it, its number and unit on one line.
fn time(ns: u64) -> String {
    typeset(&words::duration(ns))
}

/// With micro signs, and numbers that stay with their units.
fn typeset(text: &str) -> String {
    let text = text.replace(" us", " \u{b5}s").replace(" %", "\u{a0}%");
    ["ns", "\u{b5}s", "ms", "s"].into_iter().fold(text, |text, unit| {
        match text.strip_suffix(unit).and_then(|number| number.strip_suffix(' ')) {
            Some(number) => format!("{number}\u{a0}{unit}"),
            None => text,
        }
    })
}

/// A count with its digits in groups of three.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Labels below or above strips, at places from 0 to 1.
fn axis(page: &mut Markup, ticks: impl IntoIterator<Item = (f64, String)>) {
    page.within("div", &[("class", "axis"), ("aria-hidden", "true")], |axis| {
        for (place, text) in ticks {
            let class = match place {
                ..0.06 => "first",
                0.94.. => "last",
                _ => "tick",
            };
            let left = format!("left:{}%", svg::number(place * 100.0));
            axis.element("span", &[("class", class), ("style", &left)], &text);
        }
    });
}

/// An axis of shares.
fn share_axis(page: &mut Markup) {
    axis(page, [0, 25, 50, 75, 100].map(|percent| (f64::from(percent) / 100.0, format!("{percent}\u{a0}%"))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_and_units_stay_with_their_numbers() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(time(12_345), "12.3\u{a0}\u{b5}s");
        assert_eq!(typeset("95 %"), "95\u{a0}%");
    }
}
