//! Markdown, to be pasted into an issue or a chat.

use super::{Kind, Row, Table, cells, classes};
use crate::Digest;
use crate::schema::v1::Profile;
use crate::words;

/// Machine and suite, the cells, the classes and the verdict; `report_id` is SHA-256 of the profile's file.
#[must_use]
pub fn markdown(profile: &Profile, report_id: Digest) -> String {
    let machine = &profile.machine;
    let mut text = format!(
        "**{}**, {} processors, {}, {}, {}; suite {} {}, proofmark {}, exact kernels on {}\n\n",
        escaped(&machine.cpu_model),
        machine.logical_cpus,
        words::bytes(machine.memory_bytes),
        escaped(&machine.os_release),
        escaped(&machine.architecture),
        escaped(&profile.suite.name),
        escaped(&profile.suite.version),
        escaped(&profile.harness.version),
        escaped(words::exact_on(profile)),
    );
    for gpu in &machine.accelerators {
        text += &format!("On {}: {}\n\n", escaped(&gpu.device), escaped(&words::accelerator(gpu)));
    }
    let mut cells = cells(profile);
    let common = cells.condense();
    if !common.is_empty() {
        let common: Vec<String> = common.iter().map(|(name, value)| format!("{name} {value}")).collect();
        text += &format!("All: {}\n\n", escaped(&common.join(", ")));
    }
    text += &rows(&cells);
    text.push('\n');
    text += &rows(&classes(&profile.coverage));
    format!("{text}\n{}\n\nReport `{report_id}`\n", escaped(&words::verdict(profile)))
}

pub(super) fn rows(table: &Table) -> String {
    let line = |fields: Vec<String>| format!("| {} |\n", fields.join(" | "));
    let mut text = line(table.columns.iter().map(|column| escaped(column.name)).collect());
    let rule = |kind| if kind == Kind::Words { "---" } else { "--:" };
    text += &line(table.columns.iter().map(|column| rule(column.kind).to_owned()).collect());
    for row in &table.rows {
        text += &match row {
            Row::Fields(fields) => line(fields.iter().map(|field| escaped(field)).collect()),
            Row::Remark(name, remark) => {
                let rest = table.columns.len().saturating_sub(2);
                let fields = [escaped(name), escaped(remark)];
                line(fields.into_iter().chain(std::iter::repeat_n(String::new(), rest)).collect())
            }
        };
    }
    text
}

/// A text that Markdown takes literally, on one line: no markup, no HTML, no link, no mention.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                safe.extend(['\\', character]);
            }
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            // GitHub mentions people and links bare addresses, whatever is escaped around them.
            '@' => safe += "&#64;",
            ':' if text.contains("://") => safe += "&#58;",
            _ if character.is_control() => safe.push(' '),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stays_in_its_cell_and_is_no_markup() {
        for (text, expected) in [
            ("a|b", "a\\|b"),
            ("<img>&", "&lt;img&gt;&amp;"),
            ("[x](y)", "\\[x\\](y)"),
            ("two\nlines", "two lines"),
            ("@me", "&#64;me"),
            ("http://a", "http&#58;//a"),
            ("95 % interval", "95 % interval"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
