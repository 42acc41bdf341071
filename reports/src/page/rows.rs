//! A table as HTML.

use super::markup::Markup;
use super::typeset;
use crate::table::{Kind, Row, Table};

/// A table in a box that scrolls.
pub(super) fn scrolling(page: &mut Markup, caption: &str, table: &Table) {
    in_box(page, caption, |region| {
        region.within("table", &[], |html| {
            html.element("caption", &[], caption);
            html.within("thead", &[], |head| {
                head.within("tr", &[], |row| {
                    for column in &table.columns {
                        row.element("th", &[("scope", "col"), ("class", align(column.kind))], column.name);
                    }
                });
            });
            html.within("tbody", &[], |body| {
                table.rows.iter().for_each(|row| body.within("tr", &[], |html| fields(html, table, row)));
            });
        });
    });
}

/// A box that scrolls, and can be reached by keyboard.
pub(super) fn in_box(page: &mut Markup, caption: &str, content: impl FnOnce(&mut Markup)) {
    let scrolls = [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)];
    page.within("div", &scrolls, content);
}

fn fields(html: &mut Markup, table: &Table, row: &Row) {
    let heading = [("scope", "row")];
    match row {
        Row::Fields(fields) => {
            for (index, (field, column)) in fields.iter().zip(&table.columns).enumerate() {
                if index == 0 {
                    html.element("th", &heading, field);
                } else if column.kind == Kind::Words {
                    html.element("td", &[("class", "words")], field);
                } else {
                    html.element("td", &[("class", "figure")], &typeset(field));
                }
            }
        }
        Row::Remark(name, remark) => {
            let rest = table.columns.len().saturating_sub(1).max(1).to_string();
            html.element("th", &heading, name);
            html.element("td", &[("colspan", &rest), ("class", "remark")], remark);
        }
    }
}

fn align(kind: Kind) -> &'static str {
    match kind {
        Kind::Words => "words",
        Kind::Setting | Kind::Figure => "figure",
    }
}
