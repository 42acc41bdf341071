//! The page of a network: what it serves, where the rest is lost, what each operator adds, how fragile it is.
//!
//! It says everything that matters without a script. Tables too long to read come a part at a time, and the page's one script turns
//! them, searches and sorts them: `long.rs` and `script.js`. The browser runs that text and no other, by its digest.

mod agreement;
mod bars;
mod bounds;
mod capacity;
mod classes;
mod concentration;
mod extent;
mod growth;
mod heat_map;
mod long;
mod operators;
mod outages;
mod ranks;
mod verdict;
mod waterfall;

use base64ct::{Base64, Encoding};
use sha2::{Digest as _, Sha256};

use super::markup::Markup;
use super::{STYLE, frame, grouped, part};
use crate::schema::comparison::Comparison;
use crate::table::comparison::Section;
use crate::table::comparison::sections;

const NETWORK_STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// So many operators have a row each in drawings; of more, kinds of hardware have.
const FEW: usize = 60;
/// Characters of a name in a drawing.
const NAME: usize = 80;

/// The page of a comparison.
#[must_use]
pub fn network_page(comparison: &Comparison) -> String {
    let shown = &bounds::bounded(comparison);
    let title = format!("Coverage of a network of {} machines", grouped(shown.machines));
    frame::framed(&title, &policy(), &[STYLE, NETWORK_STYLE], |body| {
        body.within("header", &[], |header| opening(header, shown, &title));
        body.within("main", &[], |main| {
            verdict::section(main, shown);
            waterfall::section(main, shown);
            told(main, "classes", sections::classes(shown));
            heat_map::section(main, shown);
            operators::section(main, shown);
            outages::section(main, shown);
            concentration::section(main, shown);
            growth::section(main, shown);
            capacity::section(main, shown);
            growth::candidates(main, shown);
            agreement::section(main, shown);
            told(main, "resemblances", sections::resemblances(shown));
            told(main, "refused", sections::refused(shown));
        });
        body.within("footer", &[], |footer| footer.element("p", &[], &origin(shown)));
        body.within("script", &[], |script| script.literal(SCRIPT));
    })
}

/// Nothing is loaded, nothing is run but this page's own script, and that makes no markup of texts.
fn policy() -> String {
    let digest = Base64::encode_string(&Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

fn opening(header: &mut Markup, comparison: &Comparison, title: &str) {
    let suite = &comparison.suite;
    header.element("p", &[("class", "kicker")], "Proofmark");
    header.element("h1", &[], title);
    let facts = [
        format!("{} operators", grouped(comparison.operators.len() as u64)),
        format!("{} profiles", grouped(comparison.profiles)),
        format!("suite {} {}", suite.name, suite.version),
        format!("demand: {}", comparison.demand_source),
    ];
    header.within("ul", &[("class", "inline")], |list| {
        for fact in facts {
            list.element("li", &[], &fact);
        }
    });
}

fn origin(comparison: &Comparison) -> String {
    format!(
        "This page is a view: whoever has the profiles computes its figures again with proofmark compare, from the random number {}. \
         Suite digest {}.",
        comparison.seed, comparison.suite.digest
    )
}

/// A part that is a table and its note; nothing without rows.
fn told(page: &mut Markup, id: &'static str, section: Section) {
    if !section.table.rows.is_empty() {
        part(page, id, section.title, |page| in_full(page, section));
    }
}

/// The table of a section, with its note above.
fn in_full(page: &mut Markup, section: Section) {
    note(page, section.note.as_deref());
    long::table(page, section.title, section.table);
}

/// The table of a section below its drawing, for those who ask.
fn on_demand(page: &mut Markup, section: Section) {
    page.within("details", &[], |details| {
        details.element("summary", &[], "As a table");
        long::table(details, section.title, section.table);
    });
}

fn note(page: &mut Markup, text: Option<&str>) {
    if let Some(text) = text {
        page.element("p", &[("class", "note")], &whole(text));
    }
}

/// With numbers in one piece, and their percent signs with them.
fn whole(text: &str) -> String {
    let is_digit = |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
    let mut whole = String::new();
    for (place, piece) in text.split("e-").enumerate() {
        if place > 0 {
            let is_exponent = is_digit(whole.chars().last()) && is_digit(piece.chars().next());
            whole += if is_exponent { "e-\u{2060}" } else { "e-" };
        }
        whole += piece;
    }
    whole.replace(" %", "\u{a0}%")
}

/// An operator's key as it fits into a drawing: what all keys have in common is left out, and the middle.
fn short(operator: &str) -> String {
    let own = operator.strip_prefix("did:key:z6Mk").unwrap_or(operator);
    let (first, last) = (own.get(..6), own.len().checked_sub(4).and_then(|start| own.get(start..)));
    match (first, last) {
        (Some(first), Some(last)) if own.len() > 12 => format!("{first}..{last}"),
        _ => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_keeps_both_of_its_ends() {
        let key = "did:key:z6MkiVutpcu57Gx49XP8Tehmi5vB8was4vudCbDdGm7tAUHT";
        assert_eq!(short(key), "iVutpc..AUHT");
        assert_eq!(short("did:key:z6Mkabc"), "abc");
        assert_eq!(
            short("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{1f600}"),
            "\u{e9}\u{e9}\u{e9}..\u{1f600}"
        );
    }

    #[test]
    fn numbers_do_not_break_and_names_stay_as_they_are() {
        assert_eq!(
            whole("code-135m-exact: 1.4e-3 %, 5 %"),
            "code-135m-exact: 1.4e-\u{2060}3\u{a0}%, 5\u{a0}%"
        );
        assert_eq!(whole("e-"), "e-");
    }

    #[test]
    fn the_script_can_stand_in_a_page_and_the_policy_lets_it_run() {
        assert!(SCRIPT.is_ascii() && !SCRIPT.contains(['<', '\r']));
        let digest = Base64::encode_string(&Sha256::digest(SCRIPT));
        assert!(policy().contains(&digest));
    }
}
