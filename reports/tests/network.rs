//! The arithmetic of networks against its independent implementation (`reports/interop/network_vectors.py`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_reports::network::additions::additions;
use proofmark_reports::network::capacity::Capacity;
use proofmark_reports::network::capacity::worth::{Totals, worth};
use proofmark_reports::network::chances::{Bounded, Chances, Estimated};
use proofmark_reports::network::common_cause::Grouping;
use proofmark_reports::network::concentration::concentration;
use proofmark_reports::network::coverage::{self, Units};
use proofmark_reports::network::{outages, shapley};
use serde::Deserialize;

/// The vectors are exact, rounded once.
const CLOSE: f64 = 1e-12;

#[derive(Deserialize)]
struct Vectors {
    fleets: Vec<FleetVector>,
    concentration: Vec<ConcentrationVector>,
    sampled: Sampled,
}

#[derive(Deserialize)]
struct FleetVector {
    name: String,
    shares: Vec<f64>,
    value: Vec<Vec<f64>>,
    low: Vec<Vec<f64>>,
    high: Vec<Vec<f64>>,
    unit: Vec<usize>,
    loss: Vec<f64>,
    coverage: Interval,
    marginal: Vec<Interval>,
    shapley: Vec<Interval>,
    candidates: Vec<Candidate>,
    grouping: GroupingVector,
    greedy: Greedy,
    capacity: Option<CapacityVector>,
}

#[derive(Deserialize)]
struct CapacityVector {
    rate: f64,
    mu: Vec<Vec<f64>>,
    success: f64,
    worth: Vec<WorthVector>,
}

#[derive(Deserialize)]
struct WorthVector {
    total: f64,
    coverage_part: f64,
    volume_part: f64,
}

#[derive(Clone, Copy, Deserialize)]
struct Interval {
    value: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Candidate {
    value: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    marginal: Interval,
}

#[derive(Deserialize)]
struct GroupingVector {
    group: Vec<usize>,
    p: Vec<f64>,
    coverage: f64,
    shapley: Vec<f64>,
    outages: Vec<f64>,
    worst: Vec<Worst>,
}

#[derive(Deserialize)]
struct Worst {
    k: usize,
    groups: Vec<usize>,
    coverage: f64,
}

#[derive(Deserialize)]
struct Greedy {
    kinds: Vec<Vec<f64>>,
    picks: Vec<usize>,
    gains: Vec<f64>,
}

#[derive(Deserialize)]
struct ConcentrationVector {
    weights: Vec<f64>,
    hill_0: f64,
    hill_1: f64,
    hill_2: f64,
    hhi: f64,
    nakamoto: f64,
}

#[derive(Deserialize)]
struct Sampled {
    fleet: String,
    machines: Vec<SampledMachine>,
}

#[derive(Deserialize)]
struct SampledMachine {
    machine: usize,
    mean: f64,
    standard_error: f64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/network.json")).unwrap()
}

impl FleetVector {
    fn chances(&self) -> Estimated {
        let of = |rows: &[Vec<f64>]| Chances::new(self.unit.len(), rows.to_vec()).unwrap();
        Estimated { value: of(&self.value), low: of(&self.low), high: of(&self.high) }
    }

    fn units(&self) -> Units {
        Units { of_machine: self.unit.clone(), count: self.marginal.len() }
    }

    #[track_caller]
    fn close(&self, what: &str, actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= CLOSE, "{}: {what} is {actual}, expected {expected}", self.name);
    }

    #[track_caller]
    fn all_close(&self, what: &str, actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len(), "{}: {what}", self.name);
        for (place, (actual, expected)) in actual.iter().zip(expected).enumerate() {
            self.close(&format!("{what} {place}"), *actual, *expected);
        }
    }

    #[track_caller]
    fn bounded_close(&self, what: &str, actual: &[Bounded], expected: &[Interval]) {
        for (end, of, expected_of) in [
            ("value", (|b| b.value) as fn(&Bounded) -> f64, (|i| i.value) as fn(&Interval) -> f64),
            ("low", |b| b.low, |i| i.low),
            ("high", |b| b.high, |i| i.high),
        ] {
            let (actual, expected): (Vec<_>, Vec<_>) =
                (actual.iter().map(of).collect(), expected.iter().map(expected_of).collect());
            self.all_close(&format!("{what} {end}"), &actual, &expected);
        }
    }
}

#[test]
fn coverage_and_marginals_are_those_of_the_independent_implementation() {
    for fleet in vectors().fleets {
        let (chances, units) = (fleet.chances(), fleet.units());
        let found = coverage::bounded(&chances, &fleet.shares);
        fleet.bounded_close("coverage", &[found], &[fleet.coverage]);
        let found = coverage::bounded_marginals(&chances, &fleet.shares, &units);
        fleet.bounded_close("marginal", &found, &fleet.marginal);
        let [value, low, high] = [&chances.value, &chances.low, &chances.high].map(coverage::failure_by_row);
        for candidate in &fleet.candidates {
            let gain = |own: &[f64], others: &[f64]| coverage::gain(own, others, &fleet.shares);
            let found = Bounded {
                value: gain(&candidate.value, &value),
                low: gain(&candidate.low, &high),
                high: gain(&candidate.high, &low),
            };
            fleet.bounded_close("candidate", &[found], &[candidate.marginal]);
        }
        let loss: Vec<f64> =
            value.iter().zip(&fleet.shares).map(|(failure, share)| share * failure).collect();
        fleet.all_close("loss", &loss, &fleet.loss);
    }
}

#[test]
fn shapley_values_are_those_of_the_independent_implementation() {
    for fleet in vectors().fleets {
        let found = shapley::bounded(&fleet.chances(), &fleet.shares);
        fleet.bounded_close("shapley", &found, &fleet.shapley);
    }
}

#[test]
fn a_hundred_thousand_sampled_orders_agree_within_their_error() {
    let Vectors { fleets, sampled, .. } = vectors();
    let fleet = fleets.iter().find(|fleet| fleet.name == sampled.fleet).unwrap();
    let found = shapley::bounded(&fleet.chances(), &fleet.shares);
    assert!(fleet.unit.len() == 200 && sampled.machines.len() > 3);
    for SampledMachine { machine, mean, standard_error } in sampled.machines {
        let value = found[machine].value;
        assert!(
            (value - mean).abs() < 4.5 * standard_error,
            "{machine}: {value}, {mean} +- {standard_error}"
        );
    }
}

#[test]
fn common_causes_are_those_of_the_independent_implementation() {
    for fleet in vectors().fleets {
        let GroupingVector { group, p, coverage, shapley, .. } = &fleet.grouping;
        let grouping = Grouping { of_machine: group.clone(), fails: p.clone() };
        let given_up = grouping.given_up(&fleet.chances().value).unwrap();
        fleet.close("common cause", grouping.coverage(&given_up, &fleet.shares), *coverage);
        fleet.all_close("shapley under groups", &grouping.shapley(&given_up, &fleet.shares), shapley);
    }
}

#[test]
fn outages_are_those_of_the_independent_implementation() {
    for fleet in vectors().fleets {
        let GroupingVector { group, p, outages: expected, worst, .. } = &fleet.grouping;
        let chances = fleet.chances().value;
        let groups = Units { of_machine: group.clone(), count: p.len() };
        fleet.all_close("outage", &outages::without_each(&chances, &fleet.shares, &groups), expected);
        for Worst { k, groups: expected, coverage } in worst {
            let found = outages::worst(&chances, &fleet.shares, &groups, *k);
            assert_eq!(&found.groups, expected, "{}: worst {k}", fleet.name);
            fleet.close("worst", found.coverage, *coverage);
        }
    }
}

#[test]
fn additions_are_those_of_the_independent_implementation() {
    for fleet in vectors().fleets {
        let Greedy { kinds, picks, gains } = &fleet.greedy;
        let failure = coverage::failure_by_row(&fleet.chances().value);
        let found = additions(kinds, &failure, &fleet.shares, picks.len());
        assert_eq!(&found.iter().map(|added| added.kind).collect::<Vec<_>>(), picks, "{}", fleet.name);
        fleet.all_close("gain", &found.iter().map(|added| added.gain).collect::<Vec<_>>(), gains);
    }
}

/// The solver's own tolerance is looser than that of the arithmetic; its bounds hold whatever it does.
#[test]
fn capacity_and_worth_are_those_of_the_independent_implementation() {
    const SOLVED: f64 = 1e-9;
    let mut widest: f64 = 0.0;
    let mut checked = 0;
    for fleet in vectors().fleets {
        let Some(vector) = &fleet.capacity else { continue };
        let chances = fleet.chances().value;
        let capacity = Capacity {
            chances: &chances,
            sustained_per_s: &vector.mu,
            shares: &fleet.shares,
            rate_per_s: vector.rate,
        };
        let (all, worth, totals) = worth(&capacity, &fleet.units());
        assert_eq!(totals, Totals::Exact);
        let Bounded { value, low, high } = all.served;
        assert!(low <= vector.success + CLOSE && vector.success <= high + CLOSE, "{}: {all:?}", fleet.name);
        assert!((value - vector.success).abs() <= SOLVED, "{}: {value}, {}", fleet.name, vector.success);
        widest = widest.max(high - low);
        for (unit, (found, expected)) in worth.iter().zip(&vector.worth).enumerate() {
            for (what, actual, expected) in [
                ("total", found.total, expected.total),
                ("coverage part", found.coverage_part, expected.coverage_part),
                ("volume part", found.volume_part, expected.volume_part),
            ] {
                assert!(
                    (actual - expected).abs() <= SOLVED,
                    "{} {unit}: {what} {actual}, {expected}",
                    fleet.name
                );
            }
            assert!(found.machine_price <= 1.0 + CLOSE);
            checked += 1;
        }
    }
    println!("bounds are {widest:e} apart at most");
    assert!(widest < 1e-8 && checked > 100, "{widest} {checked}");
}

#[test]
fn concentration_is_that_of_the_independent_implementation() {
    for vector in vectors().concentration {
        let found = concentration(&vector.weights);
        for (actual, expected) in [
            (found.hill_0, vector.hill_0),
            (found.hill_1, vector.hill_1),
            (found.hill_2, vector.hill_2),
            (found.hhi, vector.hhi),
            (found.nakamoto, vector.nakamoto),
        ] {
            assert!((actual - expected).abs() <= CLOSE, "{:?}: {found:?}", vector.weights);
        }
    }
}
