//! Drawings. Strips stretch to the width of their box, while their lines and dots keep their size; panels keep their form.

use std::fmt::Write;

use super::markup::Markup;

/// Strips are this wide in their own units.
pub(super) const WIDTH: f64 = 1000.0;

/// A drawing of [`WIDTH`] that stretches to its box, `height` pixels high. `title` and `description` say what it shows to
/// those who do not see it.
pub(super) fn strip(
    page: &mut Markup,
    height: u32,
    title: &str,
    description: &str,
    content: impl FnOnce(&mut Markup),
) {
    let (view, height) = (format!("0 0 {WIDTH} {height}"), height.to_string());
    let attributes = [
        ("class", "strip"),
        ("role", "img"),
        ("viewBox", view.as_str()),
        ("height", &height),
        ("preserveAspectRatio", "none"),
    ];
    drawing(page, &attributes, title, description, content);
}

/// A drawing of `width` by `height` that keeps its form.
pub(super) fn panel(
    page: &mut Markup,
    (width, height): (u32, u32),
    title: &str,
    description: &str,
    content: impl FnOnce(&mut Markup),
) {
    let view = format!("0 0 {width} {height}");
    drawing(page, &[("class", "panel"), ("role", "img"), ("viewBox", &view)], title, description, content);
}

/// A small drawing in a line of text, 28 by 16 pixels, that says nothing by itself.
pub(super) fn glyph(page: &mut Markup, content: impl FnOnce(&mut Markup)) {
    let size = [("class", "glyph"), ("viewBox", "0 0 28 16"), ("width", "28"), ("height", "16")];
    page.within("svg", &[&size[..], &[("aria-hidden", "true")]].concat(), content);
}

fn drawing(
    page: &mut Markup,
    attributes: &[(&'static str, &str)],
    title: &str,
    description: &str,
    content: impl FnOnce(&mut Markup),
) {
    page.within("svg", attributes, |svg| {
        svg.element("title", &[], title);
        svg.element("desc", &[], description);
        content(svg);
    });
}

/// A text in a panel; `class` says how it is set and where it is anchored.
pub(super) fn label(panel: &mut Markup, class: &'static str, x: f64, y: f64, text: &str) {
    panel.element("text", &[("class", class), ("x", &number(x)), ("y", &number(y))], text);
}

/// Lines, boxes and dots of one class.
#[derive(Debug, Default)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn line(mut self, from: (f64, f64), to: (f64, f64)) -> Self {
        self.step('M', from);
        self.step('L', to);
        self
    }

    pub(super) fn vertical(self, x: f64, top: f64, bottom: f64) -> Self {
        self.line((x, top), (x, bottom))
    }

    pub(super) fn horizontal(self, y: f64, left: f64, right: f64) -> Self {
        self.line((left, y), (right, y))
    }

    /// A line through all points.
    pub(super) fn through(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        for (index, point) in points.into_iter().enumerate() {
            self.step(if index == 0 { 'M' } else { 'L' }, point);
        }
        self
    }

    pub(super) fn rectangle(mut self, (left, top): (f64, f64), (right, bottom): (f64, f64)) -> Self {
        self.step('M', (left, top));
        let _ = write!(self.0, "H{}V{}H{}Z", number(right), number(bottom), number(left));
        self
    }

    /// A dot as large as its class's line is wide, round or square as its class's line ends.
    pub(super) fn dot(mut self, at: (f64, f64)) -> Self {
        // Not quite nothing: on paper, square ends of a line without length are left out.
        self.step('M', at);
        self.0 += "h.1";
        self
    }

    fn step(&mut self, command: char, (x, y): (f64, f64)) {
        let _ = write!(self.0, "{command}{} {}", number(x), number(y));
    }

    /// Puts it into a drawing, unless there is nothing to see.
    pub(super) fn draw(self, drawing: &mut Markup, class: &'static str) {
        if !self.0.is_empty() {
            drawing.within("path", &[("class", class), ("d", &self.0)], |_| {});
        }
    }
}

/// A coordinate to a tenth; 0 for what is no number.
pub(super) fn number(value: f64) -> String {
    let tenths = (value * 10.0).round();
    if !tenths.is_finite() || tenths == 0.0 {
        return "0".to_owned();
    }
    format!("{}", tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_never_anything_but_numbers() {
        for (value, text) in
            [(0.04, "0"), (-0.04, "0"), (12.36, "12.4"), (5.0, "5"), (f64::NAN, "0"), (f64::INFINITY, "0")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_path_is_what_was_drawn() {
        let mut drawing = Markup::default();
        let path = Path::default().vertical(5.0, 0.0, 10.0).dot((1.0, 2.0)).rectangle((0.0, 0.0), (3.0, 4.0));
        path.draw(&mut drawing, "mark");
        Path::default().draw(&mut drawing, "nothing");
        assert_eq!(drawing.into_string(), "<path class=\"mark\" d=\"M5 0L5 10M1 2h.1M0 0H3V4H0Z\"></path>");
    }
}
