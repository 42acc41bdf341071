//! What was computed of a suite's trained models, entered into its file.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::Source;
use crate::wire::WireSuite;
use crate::{Digest, Suite, SuiteError};

/// What a suite file lacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// [`crate::Quality::figures`], by model.
    pub figures: BTreeMap<String, Vec<i64>>,
    /// Output digests for [`crate::self_check_seed`], by workload.
    pub self_checks: BTreeMap<String, Digest>,
}

impl Findings {
    /// The suite file's text with these in it; all else stays as it is written, and a self-check that is there already too.
    ///
    /// # Errors
    /// When the file is not that of a suite.
    pub fn entered(&self, file: &str, text: &str) -> Result<String, SuiteError> {
        let wire: WireSuite = Source { file, text }.read()?;
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        for model in &wire.model {
            if let (Some(quality), Some(figures)) = (&model.quality, self.figures.get(model.name.get_ref())) {
                changes.push((quality.figures.span(), format!("{figures:?}")));
            }
        }
        for workload in wire.workload.get_ref() {
            for variant in workload.variant.get_ref().iter().filter(|variant| variant.self_check.is_none()) {
                let family = variant.numerics.get_ref().split('/').next().unwrap_or_default();
                let id = format!("{}-{family}-{}", workload.name.get_ref(), variant.precision.get_ref());
                if let Some(digest) = self.self_checks.get(&id) {
                    // The last of those that every variant has; `max_batch` may stand behind it.
                    let last = [&variant.numerics, &variant.precision].map(|field| field.span().end);
                    let end = last.into_iter().fold(variant.share_ppm.span().end, usize::max);
                    let end = variant.max_batch.as_ref().map_or(end, |number| end.max(number.span().end));
                    changes.push((end..end, format!(", self_check = \"{digest}\"")));
                }
            }
        }
        let mut entered = text.to_owned();
        // From the end, so that places before stay where they are.
        changes.sort_by_key(|(place, _)| place.start);
        for (place, change) in changes.into_iter().rev() {
            entered.replace_range(place, &change);
        }
        Suite::parse(file, &entered)?;
        Ok(entered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded_text;

    #[test]
    fn findings_are_entered_and_nothing_else_changes() {
        let text = embedded_text("real").unwrap();
        let name = "smollm2-135m-instruct";
        let digest = Digest::of(b"any");
        let found = |ids: &[&str]| Findings {
            figures: BTreeMap::from([(name.to_owned(), vec![-7])]),
            self_checks: ids.iter().map(|id| ((*id).to_owned(), digest)).collect(),
        };
        let ids = ["chat-smollm2-exact-f32", "chat-smollm2-exact-bf16"];
        let entered = found(&ids).entered("real.toml", text).unwrap();
        let suite = Suite::parse("real.toml", &entered).unwrap();
        for id in ids {
            let workload = suite.workload(id).unwrap();
            assert_eq!(workload.self_check, Some(digest));
            assert_eq!(workload.model.quality.as_ref().unwrap().figures, [-7]);
        }
        let added = [format!(", self_check = \"{digest}\""), "-7".to_owned()];
        assert_eq!(added.iter().fold(entered.clone(), |text, added| text.replace(added, "")), text);
        // A second time, nothing is left to enter.
        assert_eq!(found(&ids).entered("real.toml", &entered).unwrap(), entered);
        assert_eq!(Findings::default().entered("real.toml", &entered).unwrap(), entered);
    }

    #[test]
    fn figures_of_another_number_are_refused() {
        let figures = BTreeMap::from([("whisper-tiny.en".to_owned(), vec![1])]);
        let found = Findings { figures, ..Findings::default() };
        let refused = found.entered("real.toml", embedded_text("real").unwrap()).unwrap_err().to_string();
        assert!(refused.ends_with("has 1 quality figures, speech_recognition has 2"), "{refused}");
    }
}
