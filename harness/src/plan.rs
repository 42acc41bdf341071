//! Which workloads of a suite are run, and with which weights.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use glob::Pattern;
use proofmark_models::weights::Weights;
use proofmark_models::{Precision, Tokenizer};
use proofmark_reports::Digest;
use proofmark_workloads::{Numerics, Suite, Workload};
use serde::{Deserialize, Serialize};

use crate::{Failure, Outcome, hub};

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Workload ids, `*` and `?` as in a shell; none means all.
    pub globs: Vec<String>,
    /// All exact ones if these are exact, or native ones; `None` means all.
    pub numerics: Option<Numerics>,
}

/// Weights for a model of the suite from a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsFolder {
    /// The model's name in the suite.
    pub model: String,
    /// Holds `config.json` and safetensors, or a GGUF file.
    pub folder: PathBuf,
    /// Size and SHA-256 of its files, if it was fetched from the hub.
    pub pins: Option<BTreeMap<String, (u64, Digest)>>,
}

impl WeightsFolder {
    /// The weights, of which every file that has a pin is checked.
    ///
    /// # Errors
    /// When they cannot be read, or are not what they should be.
    pub fn open(&self, precision: Precision) -> proofmark_models::Result<Weights> {
        match &self.pins {
            Some(pins) => Weights::hub(&self.folder, &hub::as_pins(pins), precision),
            None => Weights::local(&self.folder, precision),
        }
    }

    /// The tokenizer of a workload's model, if there is one; what has pins must have one for it too.
    ///
    /// # Errors
    /// When it is damaged, another than it should be, or of another model.
    pub fn tokenizer(&self, workload: &Workload) -> proofmark_models::Result<Option<Tokenizer>> {
        let pins = self.pins.as_ref().map(hub::as_pins);
        let vocab = workload.model.architecture.vocab().unwrap_or(0);
        Tokenizer::open(&self.folder, pins.as_ref(), usize::try_from(vocab).unwrap_or(usize::MAX))
    }
}

impl FromStr for WeightsFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((model, folder)) if !model.is_empty() && !folder.is_empty() => {
                Ok(Self { model: model.to_owned(), folder: folder.into(), pins: None })
            }
            _ => Err("expected MODEL=FOLDER".to_owned()),
        }
    }
}

/// The folder with the weights of a workload's model, if they are from one.
#[must_use]
pub fn given(weights: &[WeightsFolder], workload: &Workload) -> Option<WeightsFolder> {
    weights.iter().find(|weights| weights.model == workload.model.name).cloned()
}

/// The selected workloads, in the suite's order.
///
/// # Errors
/// When a pattern is malformed or nothing is selected.
pub fn plan<'a>(suite: &'a Suite, selection: &Selection) -> Result<Vec<&'a Workload>, Failure> {
    let patterns = selection.globs.iter().map(|glob| Pattern::new(glob)).collect::<Result<Vec<_>, _>>();
    let patterns = patterns.map_err(|error| {
        Failure::new(Outcome::Usage, anyhow!("--workload is no pattern: {error}"))
            .hint("use * and ? for wildcards")
    })?;
    let is_selected = |workload: &&Workload| {
        (patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&workload.id)))
            && selection.numerics.is_none_or(|numerics| workload.numerics.is_exact() == numerics.is_exact())
    };
    let workloads: Vec<&Workload> = suite.workloads.iter().filter(is_selected).collect();
    if workloads.is_empty() {
        let error = anyhow!("no workload of suite {} matches", suite.name);
        return Err(Failure::new(Outcome::BadInput, error).hint("`proofmark list` names them"));
    }
    Ok(workloads)
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::embedded;

    use super::*;

    fn ids(globs: &[&str], numerics: Option<Numerics>) -> Vec<String> {
        let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let suite = &embedded()[0];
        plan(suite, &Selection { globs, numerics })
            .map_or(Vec::new(), |workloads| workloads.iter().map(|workload| workload.id.clone()).collect())
    }

    #[test]
    fn patterns_and_numerics_select_together_in_the_suites_order() {
        assert_eq!(
            ids(&["rerank-*", "chat-15m-exact-f32"], Some(Numerics::Exact1)),
            ["chat-15m-exact-f32", "rerank-tinybert-exact-f32", "rerank-minilm-exact-f32"]
        );
        assert_eq!(ids(&[], None).len(), embedded()[0].workloads.len());
    }

    #[test]
    fn nothing_selected_and_malformed_patterns_are_refused() {
        assert!(ids(&["nothing"], None).is_empty());
        assert!(ids(&["[a"], None).is_empty());
    }

    #[test]
    fn a_weights_folder_names_its_model() {
        let folder: WeightsFolder = "minilm=/models/a=b".parse().unwrap();
        assert_eq!((folder.model.as_str(), folder.folder.to_str()), ("minilm", Some("/models/a=b")));
        assert!("minilm".parse::<WeightsFolder>().is_err());
        assert!("=x".parse::<WeightsFolder>().is_err());
    }
}
