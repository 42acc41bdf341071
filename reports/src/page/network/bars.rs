//! Rows of a name, bars and figures, above an axis.

use super::extent::Extent;
use super::{NAME, whole};
use crate::page::axis;
use crate::page::markup::Markup;
use crate::page::svg::{self, Path, WIDTH};
use crate::schema::comparison::Figure;
use crate::words::clipped;

/// The heights of a bar without and with an interval below it, in pixels.
const PLAIN: f64 = 16.0;
const WITH_INTERVAL: f64 = 20.0;

/// A row. All shares are of the axis's kind.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// In full: what does not fit is said to those who ask.
    pub(super) name: String,
    /// What else is known of it.
    pub(super) aside: String,
    /// One below the other.
    pub(super) bars: Vec<Bar>,
    /// What the bars show, in a figure.
    pub(super) figure: String,
    /// Further figures.
    pub(super) further: String,
}

/// A bar.
#[derive(Debug, Default)]
pub(super) struct Bar {
    /// Its parts: class, from, to.
    pub(super) parts: Vec<(&'static str, f64, f64)>,
    /// Below it.
    pub(super) interval: Option<(f64, f64)>,
}

impl Bar {
    /// From nothing to `share`.
    pub(super) fn of(class: &'static str, share: f64) -> Self {
        Self { parts: vec![(class, 0.0, share)], interval: None }
    }

    /// With an interval.
    pub(super) fn of_figure(class: &'static str, figure: Figure) -> Self {
        Self { interval: Some((figure.low, figure.high)), ..Self::of(class, figure.value) }
    }

    fn height(&self) -> f64 {
        if self.interval.is_some() { WITH_INTERVAL } else { PLAIN }
    }
}

/// Draws rows one below the other, and the axis below all.
pub(super) fn draw(page: &mut Markup, extent: Extent, rows: impl IntoIterator<Item = Row>) {
    page.within("div", &[("class", "rows")], |list| {
        rows.into_iter().for_each(|row| row.draw(list, extent));
        list.within("div", &[("class", "row"), ("aria-hidden", "true")], |row| {
            row.within("div", &[("class", "plot")], |plot| axis(plot, extent.ticks()));
        });
    });
}

/// What the classes of bars mean; `whisker` is the interval.
pub(super) fn legend(page: &mut Markup, meanings: &[(&'static str, &str)]) {
    page.within("ul", &[("class", "legend")], |list| {
        for (class, meaning) in meanings {
            let path = match *class {
                "whisker" => Path::default()
                    .horizontal(8.0, 4.0, 24.0)
                    .vertical(4.0, 5.0, 11.0)
                    .vertical(24.0, 5.0, 11.0),
                _ => Path::default().rectangle((2.0, 3.0), (26.0, 13.0)),
            };
            list.within("li", &[], |item| {
                svg::glyph(item, |svg| path.draw(svg, class));
                item.text(&whole(meaning));
            });
        }
    });
}

impl Row {
    fn draw(&self, rows: &mut Markup, extent: Extent) {
        rows.within("article", &[("class", "row thin")], |row| {
            row.within("div", &[("class", "name")], |name| {
                name.element("h3", &[("title", &self.name)], &clipped(&self.name, NAME));
                if !self.aside.is_empty() {
                    name.element("p", &[], &whole(&self.aside));
                }
            });
            row.within("div", &[("class", "plot")], |plot| self.plot(plot, extent));
            row.within("p", &[("class", "figures")], |figures| {
                figures.element("strong", &[], &whole(&self.figure));
                if !self.further.is_empty() {
                    figures.text(" ");
                    figures.text(&whole(&self.further));
                }
            });
        });
    }

    fn plot(&self, plot: &mut Markup, extent: Extent) {
        let height: f64 = self.bars.iter().map(Bar::height).sum();
        let description = format!("{} {}", self.figure, self.further);
        svg::strip(plot, height as u32, &self.name, description.trim(), |strip| {
            let x = |share: f64| extent.place(share) * WIDTH;
            let grid = extent
                .ticks()
                .fold(Path::default(), |grid, (place, _)| grid.vertical(place * WIDTH, 0.0, height));
            grid.draw(strip, "grid");
            let mut top = 0.0;
            for bar in &self.bars {
                for (class, from, to) in &bar.parts {
                    let (left, right) = (x(*from), x(*to));
                    if right > left {
                        Path::default().rectangle((left, top + 3.0), (right, top + 13.0)).draw(strip, class);
                    }
                }
                if let Some((low, high)) = bar.interval {
                    let (low, high, y) = (x(low), x(high), top + 16.5);
                    let whisker = Path::default().horizontal(y, low, high);
                    whisker
                        .vertical(low, y - 2.5, y + 2.5)
                        .vertical(high, y - 2.5, y + 2.5)
                        .draw(strip, "whisker");
                }
                top += bar.height();
            }
        });
    }
}
