//! Tables that may be too long to read: their first rows, and all of them as data for the page's script.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::page::markup::Markup;
use crate::page::{grouped, rows};
use crate::table::{Row, Table};

/// Rows that are shown at once.
const PAGE: usize = 25;
/// Of the fields of a table; more than that is left out.
const MOST_BYTES: usize = 3 << 20;

/// A further column of coloured squares, which the script alone draws: a level a name in each row.
pub(super) struct Squares {
    pub(super) heading: &'static str,
    pub(super) names: Vec<String>,
    /// A hexadecimal digit a name.
    pub(super) rows: Vec<String>,
}

/// A table, by parts if it has many rows. Columns without content are left out.
pub(super) fn table(page: &mut Markup, caption: &str, table: Table) {
    with_squares(page, caption, table, None);
}

/// As [`table`].
pub(super) fn with_squares(page: &mut Markup, caption: &str, mut table: Table, mut squares: Option<Squares>) {
    for (name, value) in table.condense() {
        page.element("p", &[("class", "note")], &format!("All: {name} {value}."));
    }
    let all = table.rows.len();
    if all <= PAGE {
        return rows::scrolling(page, caption, &table);
    }
    let of_squares = squares.as_ref().map_or(0, |squares| squares.names.len());
    let mut bytes = 0;
    let fits = |row: &&Row| {
        bytes += length(row) + of_squares;
        bytes <= MOST_BYTES
    };
    let kept = table.rows.iter().take_while(fits).count();
    if let Some(squares) = &mut squares {
        squares.rows.truncate(kept);
    }
    table.rows.truncate(kept);
    page.within("div", &[("class", "long")], |long| {
        tools(long, caption);
        let mut text = format!(
            "The first {PAGE} of {} rows; the script of this page shows the others.",
            grouped(all as u64)
        );
        if kept < all {
            text +=
                &format!(" It has {}: proofmark compare --output csv or json has all.", grouped(kept as u64));
        }
        long.element("p", &[("class", "status"), ("role", "status")], &text);
        long.data(&data(&table, squares, all));
        table.rows.truncate(PAGE);
        rows::scrolling(long, caption, &table);
    });
}

fn length(row: &Row) -> usize {
    match row {
        Row::Fields(fields) => fields.iter().map(String::len).sum(),
        Row::Remark(name, remark) => name.len() + remark.len(),
    }
}

/// Hidden until the script that serves them has begun.
fn tools(long: &mut Markup, caption: &str) {
    long.within("div", &[("class", "tools"), ("hidden", "")], |tools| {
        let label = format!("Search: {caption}");
        tools.empty("input", &[("type", "search"), ("placeholder", "Search"), ("aria-label", &label)]);
        for (class, text) in [("back", "Back"), ("next", "Next")] {
            tools.element("button", &[("type", "button"), ("class", class)], text);
        }
    });
}

/// By columns: what all fields of a column begin and end with is there once, and so is each text of a column with few.
fn data(table: &Table, squares: Option<Squares>, all: usize) -> Value {
    let columns = (0..table.columns.len()).map(|column| {
        let fields = || {
            table.rows.iter().map(move |row| match row {
                Row::Fields(fields) => fields.get(column).map_or("", String::as_str),
                Row::Remark(name, _) if column == 0 => name,
                Row::Remark(_, remark) if column == 1 => remark,
                Row::Remark(..) => "",
            })
        };
        column_data(&fields().map(plain).collect::<Vec<String>>())
    });
    let squares = squares
        .map(|Squares { heading, names, rows }| json!({ "heading": heading, "names": names, "rows": rows }));
    json!({ "page": PAGE, "all": all, "columns": columns.collect::<Vec<_>>(), "squares": squares })
}

fn column_data(fields: &[String]) -> Value {
    let before = fields.iter().skip(1).fold(fields.first().map_or("", String::as_str), |before, field| {
        let same = before.chars().zip(field.chars()).take_while(|(a, b)| a == b);
        &before[..same.map(|(a, _)| a.len_utf8()).sum()]
    });
    let ends: Vec<&str> = fields.iter().map(|field| &field[before.len()..]).collect();
    let after = ends.iter().skip(1).fold(ends.first().copied().unwrap_or_default(), |after, end| {
        let same = after.chars().rev().zip(end.chars().rev()).take_while(|(a, b)| a == b);
        &after[after.len() - same.map(|(a, _)| a.len_utf8()).sum::<usize>()..]
    });
    let own: Vec<&str> = ends.iter().map(|end| &end[..end.len() - after.len()]).collect();
    let mut names: BTreeMap<&str, usize> = own.iter().map(|text| (*text, 0)).collect();
    if 2 * names.len() > own.len() {
        return json!({ "before": before, "after": after, "rows": own });
    }
    for (place, (_, of_name)) in names.iter_mut().enumerate() {
        *of_name = place;
    }
    let rows: Vec<usize> = own.iter().map(|text| names[text]).collect();
    json!({ "before": before, "after": after, "names": names.keys().collect::<Vec<_>>(), "rows": rows })
}

/// As markup has it: without control characters.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_reference(column: &Value) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = column["rows"].as_array().unwrap().iter().map(|row| match column.get("names") {
            Some(names) => text(&names[row.as_u64().unwrap() as usize]),
            None => text(row),
        });
        rows.map(|row| text(&column["before"]) + &row + &text(&column["after"])).collect()
    }

    #[test]
    fn what_fields_share_is_there_once() {
        let fields = ["did:key:a 1 %", "did:key:b 2 %", "did:key:c 1 %"].map(str::to_owned);
        assert_eq!(
            column_data(&fields),
            json!({ "before": "did:key:", "after": " %", "rows": ["a 1", "b 2", "c 1"] })
        );
        let fields = ["eu", "us", "eu", "us"].map(str::to_owned);
        assert_eq!(
            column_data(&fields),
            json!({ "before": "", "after": "", "names": ["eu", "us"], "rows": [0, 1, 0, 1] })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn fields_are_found_again(fields in prop::collection::vec("[ab\u{e9}\u{1f600}]{0,4}", 0..12)) {
            prop_assert_eq!(read_reference(&column_data(&fields)), fields);
        }
    }
}
