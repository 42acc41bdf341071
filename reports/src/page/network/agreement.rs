//! Who computes the same bits: of exact workloads everybody should; of native ones, kinds of hardware may.

use super::heat_map::{LEVELS, level};
use super::{NAME, note, on_demand, told, whole};
use crate::page::markup::Markup;
use crate::page::{part, rows};
use crate::schema::comparison::{Comparison, DeterminismFigures};
use crate::table::comparison::sections;
use crate::words::{clipped, portion};

const NOTE: &str = "The squares say it in percent for two profiles, one of each kind of hardware. \
                    Kinds have numbers in the columns; a dot stands where no two have measured one.";

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    told(page, "agreement", sections::agreement(comparison));
    let matrix = &comparison.determinism;
    if matrix.same.iter().flatten().all(Option::is_none) {
        return;
    }
    let table = sections::determinism(comparison);
    part(page, "determinism", table.title, |section| {
        note(section, table.note.as_deref());
        note(section, Some(NOTE));
        let caption = "Same native outputs, hardware by hardware";
        rows::in_box(section, caption, |region| {
            region.within("table", &[("class", "heat")], |table| {
                table.element("caption", &[("class", "unseen")], caption);
                table.within("thead", &[], |head| heading(head, matrix));
                table.within("tbody", &[], |body| body_of(body, matrix));
            });
        });
        on_demand(section, table);
    });
}

fn heading(head: &mut Markup, matrix: &DeterminismFigures) {
    head.within("tr", &[], |row| {
        row.element("th", &[("scope", "col")], "hardware");
        for (place, name) in matrix.hardware.iter().enumerate() {
            let number = (place + 1).to_string();
            row.element("th", &[("scope", "col"), ("title", name), ("aria-label", name)], &number);
        }
    });
}

fn body_of(body: &mut Markup, matrix: &DeterminismFigures) {
    for (place, (name, same)) in matrix.hardware.iter().zip(&matrix.same).enumerate() {
        body.within("tr", &[], |row| {
            let heading = format!("{} {}", place + 1, clipped(name, NAME));
            row.element("th", &[("scope", "row"), ("title", name)], &heading);
            for share in same {
                match share {
                    None => row.element("td", &[("class", "none")], "\u{b7}"),
                    Some(share) => {
                        let text = portion(*share).replace(" %", "");
                        row.element("td", &[("class", LEVELS[level(*share)])], &whole(&text));
                    }
                }
            }
        });
    }
}
