//! How a figure is distributed over very many operators: the greatest first.

use super::extent::Extent;
use crate::page::grouped;
use crate::page::markup::Markup;
use crate::page::svg::{self, Path, label};
use crate::schema::comparison::{Figure, OperatorFigures};
use crate::words::portion;

/// A panel and, within it, the box of the curve: left, top, right, bottom.
const SIZE: (u32, u32) = (360, 190);
const BOX: (f64, f64, f64, f64) = (56.0, 10.0, 350.0, 150.0);
/// Points of a curve, about.
const POINTS: usize = 120;
/// What is less is rounding.
const LEAST: f64 = 1e-14;

/// A panel for the share of coverage and one for what is lost without an operator.
pub(super) fn draw(page: &mut Markup, operators: &[OperatorFigures]) {
    page.within("div", &[("class", "curves")], |curves| {
        panel(curves, "Share of coverage, by rank", operators.iter().map(|row| row.shapley).collect());
        panel(curves, "Lost without it, by rank", operators.iter().map(|row| row.marginal).collect());
    });
}

fn panel(curves: &mut Markup, name: &'static str, mut figures: Vec<Figure>) {
    figures.sort_by(|a, b| b.value.total_cmp(&a.value));
    let text = in_words(&figures);
    let is_nothing = figures.first().is_none_or(|greatest| greatest.value < LEAST);
    let extent = Extent::over(figures.iter().flat_map(|figure| [figure.value, figure.high]));
    curves.within("figure", &[], |figure| {
        figure.within("figcaption", &[], |caption| {
            caption.element("h3", &[], name);
            caption.element("p", &[], &super::whole(&text));
        });
        if !is_nothing {
            svg::panel(figure, SIZE, name, &text, |panel| curve(panel, extent, &figures));
        }
    });
}

fn curve(panel: &mut Markup, extent: Extent, figures: &[Figure]) {
    let (left, top, right, bottom) = BOX;
    let last = figures.len().saturating_sub(1).max(1);
    let x = |rank: usize| left + (right - left) * rank as f64 / last as f64;
    let y = |share: f64| bottom - (bottom - top) * extent.place(share);
    for (place, text) in extent.ticks() {
        let height = bottom - (bottom - top) * place;
        Path::default().horizontal(height, left, right).draw(panel, "grid");
        label(panel, "end", left - 6.0, height + 4.0, &text);
    }
    let mut ranks: Vec<usize> = (0..=POINTS).map(|point| point * last / POINTS).collect();
    ranks.dedup();
    ranks.retain(|rank| *rank < figures.len());
    let upper = ranks.iter().map(|rank| (x(*rank), y(figures[*rank].high)));
    let lower = ranks.iter().rev().map(|rank| (x(*rank), y(figures[*rank].low)));
    Path::default().through(upper.chain(lower)).draw(panel, "interval");
    Path::default()
        .through(ranks.iter().map(|rank| (x(*rank), y(figures[*rank].value))))
        .draw(panel, "curve");
    Path::default().horizontal(bottom, left, right).draw(panel, "axis-line");
    for rank in [0, last / 2, last] {
        let class = if rank == last { "end" } else { "middle" };
        Path::default().vertical(x(rank), bottom, bottom + 4.0).draw(panel, "axis-line");
        label(panel, class, x(rank), bottom + 17.0, &grouped(rank as u64 + 1));
    }
    label(panel, "middle", f64::midpoint(left, right), bottom + 34.0, "operators, the greatest first");
}

fn in_words(figures: &[Figure]) -> String {
    if figures.first().is_none_or(|greatest| greatest.value < LEAST) {
        return "Nothing for any one of them, as far as numbers can tell.".to_owned();
    }
    let of = |place: usize| figures.get(place).map_or(0.0, |figure| figure.value);
    let all: f64 = figures.iter().map(|figure| figure.value).sum();
    let tenth = figures.len().div_ceil(10);
    let first: f64 = figures.iter().take(tenth).map(|figure| figure.value).sum();
    format!(
        "The greatest is {}, the median {}, the least {}. The first tenth of the operators has {} of the sum.",
        portion(of(0)),
        portion(of(figures.len() / 2)),
        portion(of(figures.len().saturating_sub(1))),
        portion(first / all)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tenth_is_counted_upward() {
        let figures: Vec<Figure> = (0..11)
            .rev()
            .map(|value| Figure { value: f64::from(value) / 100.0, low: 0.0, high: 1.0 })
            .collect();
        assert_eq!(
            in_words(&figures),
            "The greatest is 10 %, the median 5 %, the least 0 %. The first tenth of the operators has 34.5 % of the sum."
        );
        assert!(in_words(&[]).starts_with("Nothing"));
    }
}
