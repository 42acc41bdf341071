//! Who serves what: operators, or kinds of hardware, by the rows of the demand.

use super::classes::{Class, Spread, classes};
use super::{FEW, NAME, note, short, whole};
use crate::page::markup::Markup;
use crate::page::{grouped, part, rows};
use crate::schema::comparison::{Comparison, DemandFigures};
use crate::table::comparison::sections;
use crate::words::{clipped, portion};

/// Columns with figures in their fields; more have colours alone.
const WITH_FIGURES: usize = 16;
const MOST_COLUMNS: usize = 64;
const MOST_CLASSES: usize = 40;
/// Colours from nothing to everything.
pub(super) const LEVELS: [&str; 11] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10"];

const OF_OPERATORS: &str = "The success of each operator's best machine in each kind of request, in percent; the operators with \
                            the greatest share of coverage come first.";
const OF_CLASSES: &str = "The mean success of operators by kind of hardware, each by its best machine, in percent; the kinds with \
                          the greatest share of coverage come first. An operator with several kinds counts with that of its first \
                          machine.";
const SPREAD: &str =
    "Below each mean stands what nine tenths of the operators reach, and what one tenth does.";

pub(super) fn section(page: &mut Markup, comparison: &Comparison) {
    let columns = columns(&comparison.demand);
    if columns.is_empty() || comparison.operators.is_empty() {
        return;
    }
    let mut lines = if comparison.operators.len() <= FEW {
        of_operators(comparison, &columns)
    } else {
        classes(comparison).iter().take(MOST_CLASSES).map(|class| of_class(class, &columns)).collect()
    };
    lines.push(together(comparison, &columns));
    let form = if columns.len() > WITH_FIGURES { Form::Colours } else { Form::Figures };
    let texts = texts(comparison, &columns, form);
    part(page, "heat-map", "Who serves what", |section| {
        note(section, Some(&texts.join(" ")));
        legend(section);
        table(section, comparison, &columns, &lines, form);
    });
}

/// Which colour stands for a share: the first for nothing alone.
pub(super) fn level(share: f64) -> usize {
    if share > 0.0 { ((share * 10.0).ceil() as usize).clamp(1, 10) } else { 0 }
}

fn texts(comparison: &Comparison, columns: &[usize], form: Form) -> Vec<String> {
    let operators = comparison.operators.len();
    let mut texts = vec![if operators <= FEW { OF_OPERATORS } else { OF_CLASSES }.to_owned()];
    texts.extend(match (form, operators <= FEW) {
        (Form::Figures, true) => None,
        (Form::Figures, false) => Some(SPREAD.to_owned()),
        (Form::Colours, _) => Some("Point at a field for its figures.".to_owned()),
    });
    let kinds = if operators <= FEW { 0 } else { classes(comparison).len() };
    if kinds > MOST_CLASSES {
        texts.push(format!("The first {MOST_CLASSES} of {} kinds are shown.", grouped(kinds as u64)));
    }
    if comparison.demand.len() > columns.len() {
        let all = comparison.demand.len();
        texts.push(format!(
            "The {} of {all} kinds of request with the greatest shares are shown.",
            columns.len()
        ));
    }
    texts
}

/// Places of the rows of the demand, in their order; of many those with the greatest shares.
fn columns(demand: &[DemandFigures]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..demand.len()).collect();
    columns.sort_by(|a, b| demand[*b].share.total_cmp(&demand[*a].share));
    columns.truncate(MOST_COLUMNS);
    columns.sort_unstable();
    columns
}

/// A row of the map.
struct Line {
    name: String,
    in_full: String,
    aside: String,
    fields: Vec<Field>,
}

/// What a machine, or several, do in a kind of request.
struct Field {
    share: f64,
    spread: Option<(f64, f64)>,
}

fn of_operators(comparison: &Comparison, columns: &[usize]) -> Vec<Line> {
    let line = |row: &crate::schema::comparison::OperatorFigures| {
        let share = |column: &usize| row.success.get(*column).copied().unwrap_or(0.0);
        Line {
            name: short(&row.operator),
            in_full: row.operator.clone(),
            aside: String::new(),
            fields: columns.iter().map(share).map(|share| Field { share, spread: None }).collect(),
        }
    };
    comparison.operators.iter().map(line).collect()
}

fn of_class(class: &Class<'_>, columns: &[usize]) -> Line {
    let field = |spread: Spread| Field { share: spread.mean, spread: Some((spread.tenth, spread.ninetieth)) };
    let spread = |column: &usize| class.success.get(*column).copied().unwrap_or_default();
    let (operators, machines) = (grouped(class.operators as u64), grouped(class.machines));
    Line {
        name: clipped(class.hardware, NAME),
        in_full: class.hardware.to_owned(),
        aside: format!("{operators} operators, {machines} machines, share {}", portion(class.shapley)),
        fields: columns.iter().map(spread).map(field).collect(),
    }
}

fn together(comparison: &Comparison, columns: &[usize]) -> Line {
    let share = |column: &usize| comparison.demand[*column].success.value;
    Line {
        name: "all together".to_owned(),
        in_full: "some machine of the network".to_owned(),
        aside: String::new(),
        fields: columns.iter().map(share).map(|share| Field { share, spread: None }).collect(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Figures,
    Colours,
}

fn table(page: &mut Markup, comparison: &Comparison, columns: &[usize], lines: &[Line], form: Form) {
    let caption = "Success by operator and workload";
    let class = if form == Form::Figures { "heat" } else { "heat dense" };
    rows::in_box(page, caption, |region| {
        region.within("table", &[("class", class)], |table| {
            table.element("caption", &[("class", "unseen")], caption);
            table.within("thead", &[], |head| heading(head, comparison, columns));
            table.within("tbody", &[], |body| {
                for (place, line) in lines.iter().enumerate() {
                    let class = if place + 1 == lines.len() { "together" } else { "" };
                    body.within("tr", &[("class", class)], |row| line.draw(row, comparison, columns, form));
                }
            });
        });
    });
}

fn heading(head: &mut Markup, comparison: &Comparison, columns: &[usize]) {
    let demand = &comparison.demand;
    head.within("tr", &[], |row| {
        row.element(
            "th",
            &[("scope", "col")],
            if comparison.operators.len() <= FEW { "operator" } else { "hardware" },
        );
        for column in columns {
            row.within("th", &[("scope", "col")], |cell| {
                cell.element("span", &[("class", "upright")], &sections::named(&demand[*column].workload));
            });
        }
    });
    head.within("tr", &[("class", "shares")], |row| {
        row.element("th", &[("scope", "row")], "share of the demand");
        for column in columns {
            row.element("td", &[], &bare(demand[*column].share));
        }
    });
}

impl Line {
    fn draw(&self, row: &mut Markup, comparison: &Comparison, columns: &[usize], form: Form) {
        row.within("th", &[("scope", "row"), ("title", &self.in_full)], |name| {
            name.text(&self.name);
            if !self.aside.is_empty() {
                name.element("span", &[("class", "aside")], &whole(&self.aside));
            }
        });
        for (field, column) in self.fields.iter().zip(columns) {
            let class = LEVELS[level(field.share)];
            let spread = field.spread.map(|(low, high)| format!("{} to {}", bare(low), bare(high)));
            if form == Form::Figures {
                row.within("td", &[("class", class)], |cell| {
                    cell.text(&bare(field.share));
                    if let Some(spread) = spread {
                        cell.element("span", &[("class", "aside")], &spread);
                    }
                });
            } else {
                let spread = spread.map(|spread| format!(" ({spread})")).unwrap_or_default();
                let workload = sections::named(&comparison.demand[*column].workload);
                let title = format!("{workload}: {}{spread}", portion(field.share));
                row.within("td", &[("class", class), ("title", &title)], |cell| {
                    cell.element("span", &[("class", "unseen")], &bare(field.share));
                });
            }
        }
    }
}

fn legend(section: &mut Markup) {
    section.within("p", &[("class", "legend levels"), ("aria-hidden", "true")], |list| {
        list.element("span", &[], "nothing");
        for class in LEVELS {
            list.element("span", &[("class", class)], "");
        }
        list.element("span", &[], "everything");
    });
}

/// A percentage without its sign.
fn bare(share: f64) -> String {
    portion(share).replace(" %", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_has_the_colour_of_nothing() {
        assert_eq!([0.0, 1e-12, 0.1, 0.11, 0.95, 1.0, 2.0, f64::NAN].map(level), [0, 1, 1, 2, 10, 10, 10, 0]);
    }
}
