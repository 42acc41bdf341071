//! What every page has around its content.

use super::markup::Markup;

/// A page of this title. `policy` says what the browser may load and run, `styles` are written into the page one after another.
pub(super) fn framed(
    title: &str,
    policy: &str,
    styles: &[&'static str],
    content: impl FnOnce(&mut Markup),
) -> String {
    let mut page = Markup::default();
    page.literal("<!doctype html>\n");
    page.within("html", &[("lang", "en")], |html| {
        html.within("head", &[], |head| {
            head.empty("meta", &[("charset", "utf-8")]);
            head.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", policy)]);
            head.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            head.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            head.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
            head.element("title", &[], title);
            head.within("style", &[], |style| styles.iter().for_each(|text| style.literal(text)));
        });
        html.within("body", &[], content);
    });
    page.literal("\n");
    page.into_string()
}
