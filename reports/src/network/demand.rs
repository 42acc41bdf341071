//! What a network is asked: rows of requests that the same workloads of a suite stand for, with their shares.

use std::collections::BTreeMap;

use proofmark_workloads::{Basis, Mix, RequestKind, Suite, Workload};
use serde::Deserialize;

use super::csv_table::{self, TableFault};

const MILLION: f64 = 1e6;
/// Shares of a CSV add up to 1 but for this.
const ROUNDING: f64 = 1e-6;

/// A demand, held against a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Where it is from, in words, with the attribution of a trace.
    pub source: String,
    /// No two with the same workloads.
    pub rows: Vec<DemandRow>,
    /// The share that no workload of the suite stands for: it fails.
    pub unasked: f64,
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct DemandRow {
    /// The workload that stands for them; of several, the one with the least work.
    pub workload: String,
    /// The workload's demand class.
    pub class: String,
    /// The share of all requests.
    pub share: f64,
    /// Places in the suite of all workloads that are no easier than these requests: a machine serves them by the best of these.
    pub workloads: Vec<usize>,
}

/// Why a mix is no demand of a suite.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fact}")]
pub struct MixFault {
    /// What is wrong.
    pub fact: String,
}

/// A line of a network's own demand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemandLine {
    workload: String,
    share: f64,
}

impl Demand {
    /// The suite's own shares.
    #[must_use]
    pub fn of_suite(suite: &Suite) -> Self {
        let shares = suite.workloads.iter().map(|workload| workload.share_ppm as f64 / MILLION);
        let source =
            format!("the shares of suite {} {}, an assumption of its author", suite.name, suite.version);
        Self { source, rows: rows_of_workloads(suite, shares), unasked: 0.0 }
    }

    /// A network's own: a line a workload, with columns `workload` and `share`; shares add up to 1.
    ///
    /// # Errors
    /// When a line names no workload of the suite, or one twice, or its share is none; or the shares do not add up.
    pub fn of_csv(csv: &[u8], suite: &Suite) -> Result<Self, TableFault> {
        let mut shares: BTreeMap<usize, f64> = BTreeMap::new();
        for line in csv_table::lines(csv, &["workload", "share"], &[])? {
            let (number, DemandLine { workload, share }) = line?;
            let fault = |fact: String| TableFault::at(number, fact);
            let told = crate::words::clipped(&workload, 100);
            let place = suite.workloads.iter().position(|known| known.id == workload).ok_or_else(|| {
                fault(format!("workload `{told}` is not in suite {} {}", suite.name, suite.version))
            })?;
            if !(0.0..=1.0).contains(&share) {
                return Err(fault(format!("share of `{told}` is {share}, expected 0 to 1")));
            }
            if shares.insert(place, share).is_some() {
                return Err(fault(format!("workload `{told}` is there twice")));
            }
        }
        let sum: f64 = shares.values().sum();
        if (sum - 1.0).abs() > ROUNDING {
            return Err(TableFault::whole(format!("shares add up to {sum}, expected 1")));
        }
        let all = (0..suite.workloads.len()).map(|place| shares.get(&place).copied().unwrap_or(0.0) / sum);
        Ok(Self {
            source: "the network's own shares".to_owned(),
            rows: rows_of_workloads(suite, all),
            unasked: 0.0,
        })
    }

    /// That of a mix, by its sizes; with one model of the suite alone, which a mix of generation needs where several models could serve it:
    /// traces name no model.
    ///
    /// # Errors
    /// When no workload stands for any request of the mix, or the model is not said or unknown.
    pub fn of_mix(mix: &Mix, model: Option<&str>, suite: &Suite) -> Result<Self, MixFault> {
        let refused = |fact: String| Err(MixFault { fact });
        let is_generation =
            mix.requests.iter().all(|request| matches!(request.kind, RequestKind::Generation { .. }));
        let mut models: Vec<&str> = Vec::new();
        let of_model = |place: &usize| model.is_none_or(|model| suite.workloads[*place].model.name == model);
        let mut rows: BTreeMap<Vec<usize>, u64> = BTreeMap::new();
        for request in &mix.requests {
            let serve = |place: &usize| request.is_no_harder_than(suite.workloads[*place].shape);
            let places: Vec<usize> = (0..suite.workloads.len()).filter(serve).collect();
            models.extend(places.iter().map(|place| suite.workloads[*place].model.name.as_str()));
            *rows.entry(places.into_iter().filter(of_model).collect()).or_default() += request.share_ppm;
        }
        models.sort_unstable();
        models.dedup();
        let (named, list) = (&mix.name, models.join(", "));
        match model {
            _ if models.is_empty() => {
                return refused(format!("suite {} has no workload for requests of {named}", suite.name));
            }
            Some(model) if !models.contains(&model) => {
                return refused(format!("{named} has no requests for model `{model}`; models are {list}"));
            }
            None if is_generation && models.len() > 1 => {
                return refused(format!("{named} names no model: say {named}/MODEL with one of {list}"));
            }
            _ => {}
        }
        let unasked = rows.remove(&Vec::new()).unwrap_or(0) as f64 / MILLION;
        let row = |(workloads, share_ppm): (Vec<usize>, u64)| {
            let of = |place: usize| &suite.workloads[place];
            let flops = |place: &usize| of(*place).work(1).flops();
            let least = workloads.iter().copied().min_by_key(flops).unwrap_or_default();
            let (workload, class) = (of(least).id.clone(), of(least).class.clone());
            DemandRow { workload, class, share: share_ppm as f64 / MILLION, workloads }
        };
        let basis = match &mix.basis {
            Basis::Trace(trace) => trace.attribution.clone(),
            Basis::Assumption { .. } => "an assumption, not a measurement".to_owned(),
        };
        let with = model.map(|model| format!(" with {model}")).unwrap_or_default();
        let source = format!("{named}{with} [{basis}]");
        Ok(Self { source, rows: rows.into_iter().map(row).collect(), unasked })
    }

    /// The rows' shares.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        self.rows.iter().map(|row| row.share).collect()
    }
}

/// A row each workload that has a share.
fn rows_of_workloads(suite: &Suite, shares: impl Iterator<Item = f64>) -> Vec<DemandRow> {
    let workloads = suite.workloads.iter().zip(shares).enumerate();
    let asked = workloads.filter(|(_, (_, share))| *share > 0.0);
    let row = |(place, (workload, share)): (usize, (&Workload, f64))| DemandRow {
        workload: workload.id.clone(),
        class: workload.class.clone(),
        share,
        workloads: vec![place],
    };
    asked.map(row).collect()
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::{embedded_mixes, embedded_suite};

    use super::*;

    fn smoke() -> Suite {
        embedded_suite("smoke").unwrap()
    }

    #[track_caller]
    fn assert_refused(csv: &str, expected: &str) {
        let fault = Demand::of_csv(csv.as_bytes(), &smoke()).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }

    #[test]
    fn a_suites_own_shares_add_up_to_one() {
        let demand = Demand::of_suite(&smoke());
        assert!((demand.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(demand.rows.iter().all(|row| row.share > 0.0 && row.workloads.len() == 1));
    }

    #[test]
    fn a_csv_is_read_and_what_is_wrong_with_it_is_said_with_its_line() {
        let good = "workload,share\nchat-15m-exact-f32,0.25\nrerank-minilm-exact-f32,0.75\n";
        let demand = Demand::of_csv(good.as_bytes(), &smoke()).unwrap();
        assert_eq!(demand.shares(), [0.25, 0.75]);
        assert_eq!(demand.rows[1].class, "ranking");
        assert_refused("share\n1\n", "line 1: columns are `share`, expected `workload,share`");
        assert_refused("workload,share,weight\nchat-15m-exact-f32,1,1\n", "line 2: unknown field `weight`");
        assert_refused("workload,share\nchat,1\n", "line 2: workload `chat` is not in suite smoke");
        assert_refused(
            "workload,share\nchat-15m-exact-f32,-0.5\n",
            "line 2: share of `chat-15m-exact-f32` is -0.5",
        );
        assert_refused("workload,share\nchat-15m-exact-f32,much\n", "line 2: ");
        assert_refused(
            "workload,share\nchat-15m-exact-f32,0.5\nchat-15m-exact-f32,0.5\n",
            "line 3: workload",
        );
        assert_refused("workload,share\nchat-15m-exact-f32,0.5\n", "shares add up to 0.5, expected 1");
        assert_refused("", "columns are ``");
    }

    #[test]
    fn a_trace_needs_a_model_and_leaves_unasked_what_no_workload_stands_for() {
        let mixes = embedded_mixes();
        let mix = mixes.iter().find(|mix| mix.name == "azure-2023-code").unwrap();
        let standard = embedded_suite("standard").unwrap();
        let refused = Demand::of_mix(mix, None, &standard).unwrap_err().to_string();
        assert!(refused.contains("say azure-2023-code/MODEL with one of"), "{refused}");
        let refused = Demand::of_mix(mix, Some("gpt"), &standard).unwrap_err().to_string();
        assert!(refused.contains("no requests for model `gpt`"), "{refused}");
        let demand = Demand::of_mix(mix, Some("smollm2-135m-shape"), &standard).unwrap();
        let asked: f64 = demand.shares().iter().sum();
        assert!((asked + demand.unasked - 1.0).abs() < 1e-9 && asked > 0.5, "{asked}");
        for row in &demand.rows {
            let least = &standard.workloads[row.workloads[0]];
            assert_eq!(least.model.name, "smollm2-135m-shape");
            assert!(row.workloads.iter().any(|place| standard.workloads[*place].id == row.workload));
        }
    }
}
