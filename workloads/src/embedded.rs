use crate::{Mix, ModelLock, Suite};

const SUITES: [(&str, &str); 4] = [
    ("smoke", include_str!("../suites/smoke.toml")),
    ("standard", include_str!("../suites/standard.toml")),
    ("full", include_str!("../suites/full.toml")),
    ("real", include_str!("../suites/real.toml")),
];
const LOCK: &str = include_str!("../models.lock");
const MIXES: [(&str, &str); 4] = [
    ("azure-2023-code.toml", include_str!("../mixes/azure-2023-code.toml")),
    ("azure-2023-conversation.toml", include_str!("../mixes/azure-2023-conversation.toml")),
    ("mooncake-conversation.toml", include_str!("../mixes/mooncake-conversation.toml")),
    ("assumed-media.toml", include_str!("../mixes/assumed-media.toml")),
];

/// The suites that the binary carries.
///
/// # Panics
/// Never: a test parses each of them.
#[must_use]
pub fn embedded() -> Vec<Suite> {
    SUITES.into_iter().map(parse).collect()
}

/// The embedded suite of this name.
///
/// # Panics
/// As [`embedded`].
#[must_use]
pub fn embedded_suite(name: &str) -> Option<Suite> {
    SUITES.into_iter().find(|(embedded, _)| *embedded == name).map(parse)
}

fn parse((name, text): (&str, &str)) -> Suite {
    Suite::parse(&format!("{name}.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

/// The file of an embedded suite that others may include: none includes one itself.
pub(crate) fn includable_text(name: &str) -> Option<&'static str> {
    embedded_text(name).filter(|_| name != "full")
}

/// The file of the embedded suite of this name.
#[must_use]
pub fn embedded_text(name: &str) -> Option<&'static str> {
    SUITES.iter().find(|(embedded, _)| *embedded == name).map(|(_, text)| *text)
}

/// The demand mixes that the binary carries.
///
/// # Panics
/// Never: a test parses each of them.
#[must_use]
pub fn embedded_mixes() -> Vec<Mix> {
    MIXES
        .into_iter()
        .map(|(file, text)| Mix::parse(file, text).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// The models of the hub that the binary knows.
///
/// # Panics
/// As [`embedded`].
#[must_use]
pub fn embedded_lock() -> ModelLock {
    ModelLock::parse("models.lock", LOCK).unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Basis, ModelWeights, RequestKind, Task};

    #[test]
    fn the_embedded_lock_is_in_the_form_that_is_written() {
        assert_eq!(embedded_lock().to_string(), LOCK);
    }

    #[test]
    fn every_model_of_a_suite_is_locked_at_the_suites_revision() {
        let lock = embedded_lock();
        for workload in embedded().iter().flat_map(|suite| &suite.workloads) {
            if let ModelWeights::Hub { repo, revision } = &workload.model.weights {
                assert_eq!(lock.model(repo).map(|model| &model.revision), Some(revision), "{}", workload.id);
            }
        }
    }

    #[test]
    fn every_embedded_mix_parses_under_its_name_and_says_where_it_comes_from() {
        for (mix, (file, _)) in embedded_mixes().iter().zip(MIXES) {
            assert_eq!(format!("{}.toml", mix.name), file);
            assert_eq!(mix.requests.iter().map(|request| request.share_ppm).sum::<u64>(), 1_000_000);
            match &mix.basis {
                Basis::Trace(trace) => assert!(trace.rows > 5000 && trace.repository.starts_with("https://")),
                Basis::Assumption { reasoning } => assert!(reasoning.contains("No public trace")),
            }
        }
    }

    /// The bins' shares lie on the same side of a quantile as the lengths that they were made of.
    #[test]
    fn the_bins_of_a_trace_agree_with_its_quantiles() {
        for mix in embedded_mixes() {
            let Basis::Trace(trace) = &mix.basis else { continue };
            for (percent, length) in
                [(25, trace.prompt_tokens.p25), (50, trace.prompt_tokens.p50), (99, trace.prompt_tokens.p99)]
            {
                let share = |fits: &dyn Fn(u64) -> bool| {
                    let prompt = |kind| match kind {
                        RequestKind::Generation { prompt_tokens, .. } => u64::from(prompt_tokens),
                        other => panic!("{other:?} in a trace of generation"),
                    };
                    let fitting = mix.requests.iter().filter(|request| fits(prompt(request.kind)));
                    fitting.map(|request| request.share_ppm).sum::<u64>()
                };
                // Lengths of at most the quantile lie in bins up to one and a half times, or twice for the shortest.
                assert!(share(&|edge| edge < length) < percent * 10_000 + 200, "{} p{percent}", mix.name);
                assert!(
                    share(&|edge| edge <= 2 * length) >= percent * 10_000 - 200,
                    "{} p{percent}",
                    mix.name
                );
            }
        }
    }

    /// Which ones lack a digest, and why, is a line each: nobody has had the memory to compute them.
    #[test]
    fn every_exact_workload_below_eight_billion_weights_carries_its_digest() {
        for suite in embedded() {
            for workload in suite.workloads.iter().filter(|workload| workload.numerics.is_exact()) {
                let bytes_a_weight = if workload.precision == "f32" { 4 } else { 2 };
                let is_beyond = workload.model.architecture.parameters() * bytes_a_weight > 20 << 30;
                let is_known = is_measured(workload) && !is_beyond;
                assert_eq!(workload.self_check.is_some(), is_known, "{} {}", suite.name, workload.id);
                // What cannot be verified would be demand that no machine serves.
                assert!(!is_beyond || workload.share_ppm == 0, "{} {}", suite.name, workload.id);
            }
        }
    }

    /// Digests and quality of a model of the hub are unknown together, until somebody had its weights.
    fn is_measured(workload: &crate::Workload) -> bool {
        match (&workload.model.weights, &workload.model.quality) {
            (ModelWeights::Synthetic { .. }, _) => true,
            (ModelWeights::Hub { .. }, quality) => quality.as_ref().is_some_and(crate::Quality::is_known),
        }
    }

    #[test]
    fn every_model_of_the_hub_in_a_suite_has_quality() {
        let suites = embedded();
        let workloads = suites.iter().flat_map(|suite| &suite.workloads);
        let of_the_hub = workloads.filter(|workload| workload.model.weights.source() == "hub");
        let mut models: Vec<&str> = of_the_hub
            .map(|workload| {
                assert!(workload.model.quality.is_some(), "{}", workload.id);
                workload.model.name.as_str()
            })
            .collect();
        models.sort_unstable();
        models.dedup();
        assert_eq!(models.len(), 8);
    }

    #[test]
    fn full_is_standard_with_larger_models() {
        let suites = embedded();
        let [_, standard, full, _] = &suites[..] else { panic!("four suites") };
        let ids =
            |suite: &Suite| suite.workloads.iter().map(|workload| workload.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(full)[..standard.workloads.len()], ids(standard)[..]);
        for (included, own) in full.workloads.iter().zip(&standard.workloads) {
            assert_eq!(
                (included.share_ppm, included.self_check),
                (own.share_ppm, own.self_check),
                "{}",
                own.id
            );
        }
        let added = &full.workloads[standard.workloads.len()..];
        let weights = |workload: &crate::Workload| workload.model.architecture.parameters();
        assert!(added.iter().all(|workload| (13_000_000_000..72_000_000_000).contains(&weights(workload))));
    }

    #[test]
    fn smoke_has_two_sizes_of_each_task_in_both_numerics() {
        let suite = embedded().remove(0);
        assert_eq!(suite.name, "smoke");
        for task in [Task::Generation, Task::Embedding, Task::Reranking] {
            for numerics in ["exact", "native"] {
                let mut models: Vec<&str> = suite
                    .workloads
                    .iter()
                    .filter(|workload| {
                        workload.shape.task() == task && workload.numerics.family() == numerics
                    })
                    .map(|workload| workload.model.name.as_str())
                    .collect();
                models.sort_unstable();
                models.dedup();
                assert!(models.len() >= 2, "{task} {numerics}: {models:?}");
            }
        }
    }
}
