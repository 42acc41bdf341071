use crate::Suite;

const SMOKE: &str = include_str!("../suites/smoke.toml");

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Numerics, Task};

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
