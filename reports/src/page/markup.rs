//! HTML under construction. Tags, attribute names and literals are texts of this program, which the types say; all else is
//! escaped on its way in. So no text of a profile can become markup.

use std::fmt::Write;

use serde_json::Value;

/// Names and values of attributes.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// An element with content.
    pub(super) fn within(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self),
    ) {
        self.empty(tag, attributes);
        content(self);
        self.0 += "</";
        self.0 += tag;
        self.0.push('>');
    }

    /// An element with a text.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.within(tag, attributes, |element| element.text(text));
    }

    /// An element of which nothing but its start tag is written.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0 += tag;
        for (name, value) in attributes {
            self.0.push(' ');
            self.0 += name;
            self.0 += "=\"";
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// A text, escaped.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0 += "&amp;",
                '<' => self.0 += "&lt;",
                '>' => self.0 += "&gt;",
                '"' => self.0 += "&quot;",
                '\'' => self.0 += "&#39;",
                '\n' => self.0.push('\n'),
                _ if character.is_control() => self.0.push('?'),
                _ => self.0.push(character),
            }
        }
    }

    /// Data for this page's script, which no text in it can end.
    pub(super) fn data(&mut self, data: &Value) {
        self.within("script", &[("type", "application/json")], |script| {
            for character in data.to_string().chars() {
                match character {
                    '<' | '>' | '&' | '\x7f'.. => {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            let _ = write!(script.0, "\\u{unit:04x}");
                        }
                    }
                    _ => script.0.push(character),
                }
            }
        });
    }

    /// Markup of this program's own.
    pub(super) fn literal(&mut self, markup: &'static str) {
        self.0 += markup;
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut markup = Markup::default();
        markup.element("p", &[("class", "\"><b>")], "<script>'&");
        assert_eq!(markup.into_string(), "<p class=\"&quot;&gt;&lt;b&gt;\">&lt;script&gt;&#39;&amp;</p>");
    }

    #[test]
    fn data_is_ascii_that_no_text_in_it_can_end() {
        let data = serde_json::json!({ "</script>": ["<!--&", "\u{2028}\u{7f}\u{e9}\u{1f600}", 1] });
        let mut markup = Markup::default();
        markup.data(&data);
        let text = markup.into_string();
        let inside = text.strip_prefix("<script type=\"application/json\">").unwrap();
        let inside = inside.strip_suffix("</script>").unwrap();
        assert!(inside.is_ascii() && !inside.contains(['<', '>', '&', '\x7f']), "{inside}");
        assert_eq!(serde_json::from_str::<Value>(inside).unwrap(), data);
    }
}
