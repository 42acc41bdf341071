//! A comparison, put together from all that the other modules compute.

mod capacity;
mod classes;
mod fragility;
mod gaps;
mod honesty;
mod operators;

use std::collections::BTreeMap;

use proofmark_workloads::Suite;

use super::attributes::Attributes;
use super::capacity::routing::Request;
use super::chances::{Bounded, Chances};
use super::claim::Claim;
use super::coverage::{any, bounded, failure_by_row, gain};
use super::demand::{Demand, DemandRow};
use super::fleet::{Fleet, Standing};
use super::groups::{Attribute, Groups, Outage};
use super::waterfall::{self, Left, Need};
use crate::schema::comparison::{CandidateFigures, Comparison, DemandFigures, Figure, Refused, Stage};
use crate::schema::v1::SuiteReference;

/// What is compared, and how.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Of all profiles.
    pub suite: &'a Suite,
    /// Held against it.
    pub demand: &'a Demand,
    /// At least one.
    pub claims: &'a [Claim],
    /// What the network knows of operators.
    pub operators: &'a BTreeMap<String, Attributes>,
    /// Machines that are not in the network, by the names of their files.
    pub candidates: &'a [(String, Claim)],
    /// For the figures of capacity.
    pub arrivals: Option<Arrivals>,
    /// By what machines fail together; `None`: the first of region, provider and hardware that is known.
    pub group_by: Option<Attribute>,
    /// How often a group fails as a whole.
    pub outage: Outage,
    /// Up to so many groups are taken out together.
    pub together: usize,
    /// Of all random numbers.
    pub seed: u64,
    /// How many of the profiles are synthetic.
    pub synthetic: u64,
    /// What was left out.
    pub refused: Vec<Refused>,
}

/// Requests as they come.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// Requests a second.
    pub rate_per_s: f64,
    /// Of a trace, at that rate; `None`: at random.
    pub trace: Option<Vec<Request>>,
}

/// A comparison, and what it was computed from.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What is said of the network.
    pub comparison: Comparison,
    /// Its machines.
    pub fleet: Fleet,
    /// How they do in the rows of the demand.
    pub standing: Standing,
}

/// Everything that is known, and what several figures follow from.
struct Known<'a> {
    question: &'a Question<'a>,
    fleet: Fleet,
    standing: Standing,
    /// How each candidate does alone.
    candidates: Vec<Standing>,
    shares: Vec<f64>,
    left: Vec<Left>,
    coverage: Bounded,
    /// The probability of failure in each row.
    failure: Vec<f64>,
    /// Machines by each attribute that is known of any, which is by what they can fail together.
    causes: Vec<(Attribute, Groups)>,
}

/// What the network covers, what each operator adds, and how fragile that is.
#[must_use]
pub fn compare(question: &Question<'_>) -> Compared {
    let Question { suite, demand, claims, .. } = question;
    let known = Known::of(question);
    let (coverage_common_cause, shapley_common_cause) = fragility::common_cause(&known);
    let (capacity, worth) = capacity::capacity(&known).unzip();
    let (operators, rewards) = operators::operators(&known, shapley_common_cause, worth);
    let machines = &known.fleet.machines;
    let demand_rows = known.demand();
    let kinds = known.kinds();
    let comparison = Comparison {
        kind: Comparison::KIND.to_owned(),
        schema: Comparison::SCHEMA.to_owned(),
        suite: SuiteReference {
            name: suite.name.clone(),
            version: suite.version.clone(),
            digest: suite.digest,
        },
        demand_source: demand.source.clone(),
        profiles: claims.len() as u64,
        machines: machines.len() as u64,
        machines_of_unknown_availability: known.of_unknown_availability(),
        synthetic_profiles: question.synthetic,
        seed: question.seed,
        coverage: figure(known.coverage),
        coverage_common_cause,
        waterfall: known.waterfall(),
        classes: classes::classes(&demand_rows),
        demand: demand_rows,
        operators,
        candidates: known.candidates(),
        outages: fragility::outages(&known),
        worst_outages: fragility::worst_outages(&known),
        concentration: fragility::concentration(&known, &rewards),
        capacity,
        capacity_reason: capacity::reason(&known),
        agreement: honesty::agreement(&known),
        determinism: honesty::determinism(&known),
        resemblances: honesty::resemblances(&known),
        gaps: gaps::gaps(&known, &kinds),
        additions: gaps::additions(&known, &kinds),
        refused: question.refused.clone(),
    };
    Compared { comparison, fleet: known.fleet, standing: known.standing }
}

impl<'a> Known<'a> {
    fn of(question: &'a Question<'a>) -> Self {
        let Question { demand, claims, operators, candidates, .. } = *question;
        let fleet = Fleet::new(claims, operators);
        let standing = fleet.standing(demand);
        let alone = |(_, claim): &(String, Claim)| {
            Fleet::new(std::slice::from_ref(claim), operators).standing(demand)
        };
        let shares = demand.shares();
        let groups = Attribute::ALL.map(|attribute| (attribute, Groups::new(&fleet, attribute)));
        Self {
            question,
            candidates: candidates.iter().map(alone).collect(),
            left: waterfall::left(&standing, &fleet.machines),
            coverage: bounded(&standing.chances, &shares),
            failure: failure_by_row(&standing.chances.value),
            causes: groups.into_iter().filter(|(_, groups)| groups.is_known()).collect(),
            shares,
            standing,
            fleet,
        }
    }

    fn of_unknown_availability(&self) -> u64 {
        self.fleet.machines.iter().filter(|machine| machine.attributes.availability.is_none()).count() as u64
    }

    /// Of all requests; what no workload stands for has no model.
    fn waterfall(&self) -> Vec<Stage> {
        let left =
            |need: usize| self.left.iter().zip(&self.shares).map(|(left, share)| share * left[need]).sum();
        Need::ALL.into_iter().enumerate().map(|(place, need)| stage(need, left(place))).collect()
    }

    fn demand(&self) -> Vec<DemandFigures> {
        let chances = &self.standing.chances;
        let row = |(place, row): (usize, &DemandRow)| {
            let success = |of: &Chances| any(of.rows()[place].iter().copied());
            let left = &self.left[place];
            DemandFigures {
                workload: row.workload.clone(),
                class: row.class.clone(),
                share: row.share,
                success: Figure {
                    value: success(&chances.value),
                    low: success(&chances.low),
                    high: success(&chances.high),
                },
                failing_factor: waterfall::failing(left).map(|need| need.name().to_owned()),
                machines: chances.value.rows()[place].iter().filter(|chance| **chance > 0.0).count() as u64,
                waterfall: stages(left),
            }
        };
        let mut rows: Vec<DemandFigures> = self.question.demand.rows.iter().enumerate().map(row).collect();
        let unasked = self.question.demand.unasked;
        if unasked > 0.0 {
            rows.push(DemandFigures {
                workload: String::new(),
                class: String::new(),
                share: unasked,
                success: Figure { value: 0.0, low: 0.0, high: 0.0 },
                failing_factor: Some(Need::Model.name().to_owned()),
                machines: 0,
                waterfall: stages(&[0.0; 6]),
            });
        }
        rows
    }

    fn candidates(&self) -> Vec<CandidateFigures> {
        let chances = &self.standing.chances;
        let [low, high] = [&chances.low, &chances.high].map(failure_by_row);
        let of = |((file, claim), alone): (&(String, Claim), &Standing)| {
            let own = &alone.chances;
            let gain = |own: &Chances, failure: &[f64]| gain(&column(own, 0), failure, &self.shares);
            CandidateFigures {
                file: file.clone(),
                operator: claim.operator.clone(),
                hardware: claim.hardware.clone(),
                marginal: Figure {
                    value: gain(&own.value, &self.failure),
                    low: gain(&own.low, &high),
                    high: gain(&own.high, &low),
                },
            }
        };
        self.question.candidates.iter().zip(&self.candidates).map(of).collect()
    }
}

fn column(chances: &Chances, machine: usize) -> Vec<f64> {
    chances.rows().iter().map(|row| row[machine]).collect()
}

fn stages(left: &Left) -> Vec<Stage> {
    Need::ALL.into_iter().zip(left).map(|(need, left)| stage(need, *left)).collect()
}

fn stage(need: Need, left: f64) -> Stage {
    Stage { factor: need.name().to_owned(), left }
}

fn figure(Bounded { value, low, high }: Bounded) -> Figure {
    Figure { value, low, high }
}
