//! Texts from a seed: sentences that services are really asked, made of templates of this project's own (`templates/english.toml`).
//!
//! A text is drawn in order: an entry of a list takes one word `u` of the stream, as `floor(u * entries / 2^32)`. First come a label and
//! a number, which is a word of the stream itself: there are few short sentences, and no two requests of a run may be the same. Then
//! come sentences, of each the template first, then its slots from left to right.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const ENGLISH: &str = include_str!("../templates/english.toml");

static TEMPLATES: LazyLock<Templates> =
    LazyLock::new(|| toml::from_str(ENGLISH).unwrap_or_else(|error| panic!("templates: {error}")));

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Genre {
    /// To an assistant.
    Request,
    /// Typed into a search box.
    Query,
    /// Found by a search.
    Passage,
    /// Beside an image.
    Caption,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    label: Vec<String>,
    request: Vec<String>,
    query: Vec<String>,
    passage: Vec<String>,
    caption: Vec<String>,
    words: BTreeMap<String, Vec<String>>,
}

/// A text of at least so many words, a label and whole sentences; `word` gives the stream's next word.
///
/// # Panics
/// Never: a test fills every slot of every template.
pub(crate) fn text(genre: Genre, words: usize, word: &mut dyn FnMut() -> u32) -> String {
    let mut text = format!("{} {}:", drawn(&TEMPLATES.label, word), word());
    let mut count = 2;
    while count < words {
        let sentence = TEMPLATES.sentence(genre, word);
        count += sentence.split(' ').count();
        text.push(' ');
        text += &sentence;
    }
    text
}

impl Templates {
    fn sentence(&self, genre: Genre, word: &mut dyn FnMut() -> u32) -> String {
        let mut rest = drawn(self.of(genre), word);
        let mut sentence = String::new();
        while let Some((before, slot, after)) = first_slot(rest) {
            sentence += before;
            sentence += drawn(&self.words[slot], word);
            rest = after;
        }
        sentence + rest
    }

    fn of(&self, genre: Genre) -> &[String] {
        match genre {
            Genre::Request => &self.request,
            Genre::Query => &self.query,
            Genre::Passage => &self.passage,
            Genre::Caption => &self.caption,
        }
    }
}

/// What stands before the first slot, its name, and what stands behind.
fn first_slot(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (slot, after) = rest.split_once('}')?;
    Some((before, slot, after))
}

fn drawn<'a>(entries: &'a [String], word: &mut dyn FnMut() -> u32) -> &'a str {
    // Below their number, since the word is below 2^32.
    &entries[((u64::from(word()) * entries.len() as u64) >> 32) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const GENRES: [Genre; 4] = [Genre::Request, Genre::Query, Genre::Passage, Genre::Caption];

    #[test]
    fn every_slot_of_every_template_can_be_filled_and_no_word_is_unused() {
        let mut used = BTreeSet::new();
        for template in GENRES.into_iter().flat_map(|genre| TEMPLATES.of(genre)) {
            let mut rest = template.as_str();
            while let Some((_, slot, after)) = first_slot(rest) {
                assert!(TEMPLATES.words.contains_key(slot), "{template}");
                used.insert(slot);
                rest = after;
            }
            assert!(!rest.contains(['{', '}']), "{template}");
        }
        assert_eq!(used, TEMPLATES.words.keys().map(String::as_str).collect());
        assert!(TEMPLATES.words.values().all(|words| words.len() > 1));
    }

    #[test]
    fn the_words_of_the_stream_decide_what_is_said() {
        let mut words = [1 << 31, 77, 0, u32::MAX, 0, 5].into_iter();
        let text = text(Genre::Query, 3, &mut || words.next().unwrap());
        assert_eq!((text.as_str(), words.next()), ("Item 77: how to repair a fragile bicycle", Some(5)));
    }

    proptest! {
        #[test]
        fn a_text_is_as_long_as_asked_and_plain(words in 1_usize..400, start in any::<u32>(), genre in 0_usize..4) {
            let mut state = start;
            let text = text(GENRES[genre], words, &mut || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state
            });
            let count = text.split(' ').count();
            prop_assert!(count >= words && count < words + 40, "{count} words, {words} asked for");
            let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains(['{', '}']);
            prop_assert!(is_plain, "{text}");
        }
    }
}
