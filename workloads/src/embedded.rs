use crate::{Mix, Suite};

const SMOKE: &str = include_str!("../suites/smoke.toml");
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
    [("smoke.toml", SMOKE)]
        .into_iter()
        .map(|(file, text)| Suite::parse(file, text).unwrap_or_else(|error| panic!("{error}")))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Basis, Numerics, RequestKind, Task};

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

    #[test]
    fn every_embedded_suite_parses_and_every_exact_workload_carries_its_digest() {
        for suite in embedded() {
            for workload in suite.workloads.iter().filter(|workload| workload.numerics == Numerics::Exact1) {
                assert!(workload.self_check.is_some(), "{} {}", suite.name, workload.id);
            }
        }
    }

    #[test]
    fn smoke_has_two_sizes_of_each_task_in_both_numerics() {
        let suite = embedded().remove(0);
        assert_eq!(suite.name, "smoke");
        for task in [Task::Generation, Task::Embedding, Task::Reranking] {
            for numerics in [Numerics::Exact1, Numerics::Native] {
                let mut models: Vec<&str> = suite
                    .workloads
                    .iter()
                    .filter(|workload| workload.shape.task() == task && workload.numerics == numerics)
                    .map(|workload| workload.model.name.as_str())
                    .collect();
                models.sort_unstable();
                models.dedup();
                assert!(models.len() >= 2, "{task} {numerics}: {models:?}");
            }
        }
    }
}
