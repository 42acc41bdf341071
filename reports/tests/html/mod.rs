//! What a browser would find in a page: its tags. Strict: a page that is not of this program's making does not pass.

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

const ELEMENTS: [&str; 44] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "footer",
    "section",
    "article",
    "div",
    "span",
    "strong",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "figure",
    "figcaption",
    "pre",
    "code",
    "details",
    "summary",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "svg",
    "path",
    "text",
    "desc",
    "script",
    "input",
    "button",
];
const VOID: [&str; 2] = ["meta", "input"];
const ATTRIBUTES: [&str; 26] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "id",
    "class",
    "style",
    "role",
    "aria-hidden",
    "aria-label",
    "tabindex",
    "scope",
    "colspan",
    "viewBox",
    "width",
    "height",
    "preserveAspectRatio",
    "d",
    "x",
    "y",
    "title",
    "desc",
    "type",
    "placeholder",
    "hidden",
];

/// The start tags of a page, in order.
///
/// # Panics
/// When the page has anything but the elements and attributes above, quoted and well nested, or if one of them could load or
/// run anything.
pub(crate) fn tags(page: &str) -> Vec<Tag> {
    let mut rest = page.strip_prefix("<!doctype html>\n").expect("a doctype");
    let mut open: Vec<String> = Vec::new();
    let mut tags = Vec::new();
    while let Some(start) = rest.find('<') {
        assert!(
            !rest[..start].contains('>')
                || open.last().is_some_and(|tag| ["style", "script"].contains(&tag.as_str())),
            "{:?}",
            &rest[..start]
        );
        rest = &rest[start + 1..];
        if let Some(end_tag) = rest.strip_prefix('/') {
            let (name, after) = end_tag.split_once('>').expect("an end tag ends");
            assert_eq!(open.pop().as_deref(), Some(name));
            rest = after;
            continue;
        }
        let name_end = rest.find([' ', '>']).expect("a tag ends");
        let name = rest[..name_end].to_owned();
        assert!(ELEMENTS.contains(&name.as_str()), "element {name}");
        rest = &rest[name_end..];
        let mut attributes = Vec::new();
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (key, after) = attribute.split_once("=\"").expect("a quoted value");
            let (value, after) = after.split_once('"').expect("a value ends");
            assert!(ATTRIBUTES.contains(&key), "attribute {key}");
            assert!(!value.contains(['<', '>']), "{value}");
            check_value(key, value);
            attributes.push((key.to_owned(), value.to_owned()));
            rest = after;
        }
        rest = rest.strip_prefix('>').expect("a tag ends");
        if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        tags.push(Tag { name, attributes });
    }
    assert!(open.is_empty(), "{open:?} stay open");
    tags
}

/// The texts of scripts that a browser runs, and of those that are data.
pub(crate) fn scripts(page: &str) -> (Vec<&str>, Vec<&str>) {
    let mut scripts = (Vec::new(), Vec::new());
    for script in page.split("<script").skip(1) {
        let (attributes, text) = script.split_once('>').expect("a tag ends");
        let (text, _) = text.split_once("</script>").expect("a script ends");
        match attributes {
            "" => scripts.0.push(text),
            " type=\"application/json\"" => scripts.1.push(text),
            _ => panic!("a script with{attributes}"),
        }
    }
    scripts
}

fn check_value(key: &str, value: &str) {
    // Shown, never followed.
    if ["title", "aria-label"].contains(&key) {
        return;
    }
    for forbidden in ["http:", "https:", "//", "url(", "javascript", "data:"] {
        assert!(!value.contains(forbidden), "{key}={value}");
    }
    let is_place = |declaration: &str| {
        let number = declaration.strip_prefix("left:").or_else(|| declaration.strip_prefix("width:"));
        number.and_then(|number| number.strip_suffix('%')).is_some_and(|number| number.parse::<f64>().is_ok())
    };
    assert!(key != "style" || value.split(';').all(is_place), "{value}");
    let is_drawing = |value: &str| value.chars().all(|c| c.is_ascii_digit() || "MLHVZh. -".contains(c));
    assert!(!["d", "x", "y", "viewBox"].contains(&key) || is_drawing(value), "{key}={value}");
}
