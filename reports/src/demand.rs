//! Which share of which demand mix a machine serves.
//!
//! A request of a mix is served if some workload that is no easier ([`proofmark_workloads::MixRequest::is_no_harder_than`]) succeeds on the machine, with
//! the probability of the best such workload. Traces name sizes but no model, so a mix of generation is answered for each model of the
//! suite; any other mix, by whichever model serves a request best. What no workload of the suite is as hard as was not asked of the
//! machine, and counts as not served.

use proofmark_workloads::{Basis, Mix, RequestKind, Suite, Workload};

use crate::schema::v1::Coverage;
use crate::words::percent;

const MILLION: u64 = 1_000_000;

/// How much of a mix a machine serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served<'a> {
    /// The mix.
    pub mix: &'a Mix,
    /// With this model of the suite alone; `None`: with any of them.
    pub model: Option<&'a str>,
    /// The share of its requests that succeeds, within the limits of the suite.
    pub served_ppm: u64,
    /// 95 % interval, rounded outward.
    pub low_ppm: u64,
    /// As `low_ppm`.
    pub high_ppm: u64,
    /// The share that the suite asked for at all.
    pub asked_ppm: u64,
}

/// A row a mix and model, in their order; none for mixes that the suite asks nothing of.
#[must_use]
pub fn served<'a>(suite: &'a Suite, coverage: &Coverage, mixes: &'a [Mix]) -> Vec<Served<'a>> {
    let mut rows = Vec::new();
    for mix in mixes {
        let is_generation =
            mix.requests.iter().all(|request| matches!(request.kind, RequestKind::Generation { .. }));
        if is_generation {
            let mut models: Vec<&str> = Vec::new();
            for workload in suite.workloads.iter().filter(|workload| asks(mix, workload)) {
                if !models.contains(&&*workload.model.name) {
                    models.push(&workload.model.name);
                }
            }
            rows.extend(models.into_iter().map(|model| row(suite, coverage, mix, Some(model))));
        } else if suite.workloads.iter().any(|workload| asks(mix, workload)) {
            rows.push(row(suite, coverage, mix, None));
        }
    }
    rows
}

/// The rows in plain words, a sentence a mix, with the attribution of each trace.
#[must_use]
pub fn sentences(rows: &[Served<'_>]) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for of_mix in rows.chunk_by(|a, b| a.mix.name == b.mix.name) {
        let mix = of_mix[0].mix;
        let parts: Vec<String> = of_mix
            .iter()
            .map(|row| {
                let with = row.model.map(|model| format!(" with {model}")).unwrap_or_default();
                let not_asked = if row.asked_ppm < MILLION {
                    format!(" ({} were asked)", percent(row.asked_ppm))
                } else {
                    String::new()
                };
                format!("{}{with}{not_asked}", percent(row.served_ppm))
            })
            .collect();
        let basis = match &mix.basis {
            Basis::Trace(trace) => trace.attribution.clone(),
            Basis::Assumption { .. } => "an assumption, not a measurement".to_owned(),
        };
        sentences.push(format!("Of the requests of {} it serves {}. [{basis}]", mix.name, parts.join(", ")));
    }
    sentences
}

fn asks(mix: &Mix, workload: &Workload) -> bool {
    mix.requests.iter().any(|request| request.is_no_harder_than(workload.shape))
}

fn row<'a>(suite: &'a Suite, coverage: &Coverage, mix: &'a Mix, model: Option<&'a str>) -> Served<'a> {
    let workloads: Vec<&Workload> = suite
        .workloads
        .iter()
        .filter(|workload| model.is_none_or(|model| workload.model.name == model))
        .collect();
    let mut row = Served { mix, model, served_ppm: 0, low_ppm: 0, high_ppm: 0, asked_ppm: 0 };
    let (mut served, mut low, mut high) = (0_u128, 0_u128, 0_u128);
    for request in &mix.requests {
        let harder: Vec<&&Workload> =
            workloads.iter().filter(|workload| request.is_no_harder_than(workload.shape)).collect();
        if !harder.is_empty() {
            row.asked_ppm += request.share_ppm;
        }
        let of = |id: &str| coverage.workloads.iter().find(|row| row.workload == id);
        let best = harder
            .iter()
            .filter_map(|workload| of(&workload.id))
            .filter(|row| row.failing_factor.is_none())
            .max_by_key(|row| (row.success_ppm, row.low_ppm));
        if let Some(best) = best {
            let share = u128::from(request.share_ppm);
            served += share * u128::from(best.success_ppm);
            low += share * u128::from(best.low_ppm);
            high += share * u128::from(best.high_ppm);
        }
    }
    let million = u128::from(MILLION);
    let ppm = |sum: u128| u64::try_from(sum).unwrap_or(MILLION).min(MILLION);
    row.served_ppm = ppm(served / million);
    row.low_ppm = ppm(low / million);
    row.high_ppm = ppm(high.div_ceil(million));
    row
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::{Shape, embedded_mixes, embedded_suite};

    use super::*;
    use crate::coverage;

    fn standard() -> Suite {
        embedded_suite("standard").unwrap()
    }

    /// A coverage in which exactly these workloads succeed, nine times of ten.
    fn coverage_of(suite: &Suite, succeeds: impl Fn(&Workload) -> bool) -> Coverage {
        let mut coverage = coverage::of_machine(suite, &[]);
        for row in &mut coverage.workloads {
            if succeeds(suite.workload(&row.workload).unwrap()) {
                row.failing_factor = None;
                (row.success_ppm, row.low_ppm, row.high_ppm) = (900_000, 800_000, 1_000_000);
            }
        }
        coverage
    }

    #[test]
    fn nothing_is_served_where_nothing_succeeds_and_what_was_asked_is_said() {
        let (suite, mixes) = (standard(), embedded_mixes());
        let rows = served(&suite, &coverage_of(&suite, |_| false), &mixes);
        assert!(rows.iter().all(|row| row.served_ppm == 0 && row.high_ppm == 0 && row.asked_ppm > 0));
        for mix in &mixes {
            assert!(rows.iter().any(|row| row.mix.name == mix.name), "{}", mix.name);
        }
        // The suite asks for images and speech of all sizes in the mix.
        let media = rows.iter().find(|row| row.mix.name == "assumed-media").unwrap();
        assert_eq!((media.model, media.asked_ppm), (None, 1_000_000));
    }

    #[test]
    fn a_workload_serves_the_bins_below_it_with_its_model_alone() {
        let (suite, mixes) = (standard(), embedded_mixes());
        let only = |workload: &Workload| workload.id == "chat-135m-p50-exact-bf16";
        let rows = served(&suite, &coverage_of(&suite, only), &mixes);
        let conversation = mixes.iter().find(|mix| mix.name == "azure-2023-conversation").unwrap();
        let shape = Shape::Generation { prompt_tokens: 1020, output_tokens: 129, batch: 1 };
        let below = conversation.requests.iter().filter(|request| request.is_no_harder_than(shape));
        let share: u64 = below.map(|request| request.share_ppm).sum();
        assert!((300_000..500_000).contains(&share), "{share}");
        for row in rows.iter().filter(|row| row.mix.name == conversation.name) {
            let expected = if row.model == Some("smollm2-135m-shape") { share } else { 0 };
            assert_eq!(row.served_ppm, expected * 9 / 10, "{:?}", row.model);
            assert_eq!(row.low_ppm, expected * 8 / 10);
            assert_eq!(row.high_ppm, expected);
        }
    }

    #[test]
    fn more_success_never_serves_less() {
        let (suite, mixes) = (standard(), embedded_mixes());
        let rows = |count: usize| {
            let ids: Vec<&str> =
                suite.workloads[..count].iter().map(|workload| workload.id.as_str()).collect();
            let coverage = coverage_of(&suite, |workload| ids.contains(&&*workload.id));
            served(&suite, &coverage, &mixes).iter().map(|row| row.served_ppm).collect::<Vec<_>>()
        };
        for count in 1..=suite.workloads.len() {
            let (before, after) = (rows(count - 1), rows(count));
            assert!(before.iter().zip(&after).all(|(before, after)| before <= after), "{count}");
        }
    }

    #[test]
    fn every_sentence_names_its_source_and_an_assumption_is_called_one() {
        let (suite, mixes) = (standard(), embedded_mixes());
        let coverage = coverage_of(&suite, |_| true);
        let sentences = sentences(&served(&suite, &coverage, &mixes));
        assert_eq!(sentences.len(), mixes.len());
        for (mix, sentence) in mixes.iter().zip(&sentences) {
            let expected = match &mix.basis {
                Basis::Trace(trace) => trace.attribution.as_str(),
                Basis::Assumption { .. } => "an assumption, not a measurement",
            };
            assert!(sentence.contains(expected) && sentence.contains(&mix.name), "{sentence}");
        }
    }
}
