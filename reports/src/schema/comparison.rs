//! Comparison, version 1: what `compare --output json` prints.
//!
//! Nothing of it is signed: it follows from profiles and a demand, and whoever has them can compute it again. So its figures are plain numbers, probabilities
//! and shares from 0 to 1; an interval is `{value, low, high}`. Member names and meanings stay within the major version.

use serde::Serialize;

use super::v1::SuiteReference;
use crate::Digest;
#[cfg(test)]
use crate::schema::form;

/// What a network covers, what each operator adds, and how fragile that is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Comparison {
    /// `proofmark.comparison`
    pub kind: String,
    /// The version of this schema.
    pub schema: String,
    /// What all profiles are of.
    pub suite: SuiteReference,
    /// Where the demand is from, in words.
    pub demand_source: String,
    /// Profiles that were taken.
    pub profiles: u64,
    /// Machines that they are of, by commitment.
    pub machines: u64,
    /// Machines whose availability nobody said; they are taken to be there always.
    pub machines_of_unknown_availability: u64,
    /// Profiles that say that they are synthetic.
    pub synthetic_profiles: u64,
    /// Figures that follow from random numbers follow from this one.
    pub seed: u64,
    /// The probability that a request of the demand succeeds on some machine, were each tried and did they fail independently.
    pub coverage: Figure,
    /// The same where machines fail together.
    pub coverage_common_cause: CommonCause,
    /// From demand to served.
    pub waterfall: Vec<Stage>,
    /// A row a demand class.
    pub classes: Vec<ClassFigures>,
    /// A row a workload that is asked for.
    pub demand: Vec<DemandFigures>,
    /// A row an operator, the greatest Shapley value first.
    pub operators: Vec<OperatorFigures>,
    /// Machines that are not in the network yet.
    pub candidates: Vec<CandidateFigures>,
    /// What is left when a group is gone, the worst first.
    pub outages: Vec<Outage>,
    /// The worst groups of one attribute together.
    pub worst_outages: Vec<WorstOutage>,
    /// In how few hands the network is.
    pub concentration: Vec<ConcentrationFigures>,
    /// Served rates; `null` unless a rate was given.
    pub capacity: Option<CapacityFigures>,
    /// Why `capacity` is `null` though a rate was given.
    pub capacity_reason: Option<String>,
    /// Who computes the same bits, by exact workload.
    pub agreement: Vec<AgreementFigures>,
    /// Which hardware has the same native outputs.
    pub determinism: DeterminismFigures,
    /// Profiles that look like one machine or like copies.
    pub resemblances: Vec<ResemblanceFigures>,
    /// Where demand is lost, the greatest loss first.
    pub gaps: Vec<Gap>,
    /// Machines to add next, the best first.
    pub additions: Vec<AdditionFigures>,
    /// What was left out, and why.
    pub refused: Vec<Refused>,
}

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Figure {
    /// By the measured proportions.
    pub value: f64,
    /// Of the interval.
    pub low: f64,
    /// As `low`.
    pub high: f64,
}

/// Coverage where groups of machines fail together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommonCause {
    /// By which machines fail together: `region`, `provider`, `hardware`, `software`.
    pub attribute: String,
    /// The probability that a group fails, an assumption.
    pub outage_probability: f64,
    /// Groups that fail less often, because one of their machines does.
    pub limited_groups: u64,
    /// The expectation; `null` where it cannot be computed.
    pub coverage: Option<f64>,
    /// Where several attributes fail independently of each other.
    pub all_attributes: Option<SimulatedFigure>,
    /// Why something is `null`.
    pub reason: Option<String>,
}

/// A mean over random outages.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SimulatedFigure {
    /// Those by which machines fail.
    pub attributes: Vec<String>,
    /// The mean.
    pub coverage: f64,
    /// Of the mean.
    pub standard_error: f64,
    /// How many outages were drawn.
    pub draws: u64,
}

/// A step of the waterfall.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stage {
    /// `model`, `hardware`, `capacity`, `route`, `latency` or `verified`.
    pub factor: String,
    /// The share of demand that is left after it.
    pub left: f64,
}

/// A class of demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClassFigures {
    /// Its name; empty for requests that no workload stands for.
    pub class: String,
    /// Of all requests.
    pub share: f64,
    /// The probability that a request of the class succeeds.
    pub success: Figure,
    /// The factor that loses the most of it; `null` where none loses anything.
    pub binding_factor: Option<String>,
    /// What is left after each factor.
    pub waterfall: Vec<Stage>,
}

/// A row of the demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemandFigures {
    /// Its id in the suite; empty for requests that no workload stands for.
    pub workload: String,
    /// Its demand class.
    pub class: String,
    /// Of all requests.
    pub share: f64,
    /// The probability that a request succeeds.
    pub success: Figure,
    /// The factor that leaves nothing; `null` where some machine succeeds.
    pub failing_factor: Option<String>,
    /// Machines on which it can succeed.
    pub machines: u64,
    /// What is left after each factor.
    pub waterfall: Vec<Stage>,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OperatorFigures {
    /// Its `did:key`.
    pub operator: String,
    /// Machines that it claims.
    pub machines: u64,
    /// Machines that others claim too; what they are worth is split equally.
    pub shared_machines: u64,
    /// Of its first machine: the share of time that it answers; `null` where nobody said.
    pub availability: Option<f64>,
    /// Of its first machine.
    pub region: Option<String>,
    /// Of its first machine.
    pub provider: Option<String>,
    /// Of its first machine.
    pub hardware: String,
    /// In the network's unit.
    pub stake: Option<f64>,
    /// The success of its best machine in each row of the demand.
    pub success: Vec<f64>,
    /// How much coverage falls without it.
    pub marginal: Figure,
    /// Its share of coverage, over all orders in which machines could have come.
    pub shapley: Figure,
    /// The same where machines fail together by one attribute.
    pub shapley_common_cause: Option<f64>,
    /// Of what the network loses without it, what no capacity of others could make up for; `null` without a rate.
    pub coverage_part: Option<f64>,
    /// The rest of what the network loses without it.
    pub volume_part: Option<f64>,
    /// How much more the network would serve at first with one more machine like its first; `null` without a rate.
    pub machine_price: Option<f64>,
}

/// A machine that is not in the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CandidateFigures {
    /// Its profile.
    pub file: String,
    /// Its `did:key`.
    pub operator: String,
    /// Its processor.
    pub hardware: String,
    /// How much coverage rises with it.
    pub marginal: Figure,
}

/// What is left without a group of machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outage {
    /// As in [`CommonCause::attribute`].
    pub attribute: String,
    /// Its value.
    pub group: String,
    /// How many are gone.
    pub machines: u64,
    /// What is left.
    pub coverage: f64,
}

/// What is left without several groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorstOutage {
    /// As in [`CommonCause::attribute`].
    pub attribute: String,
    /// Their values.
    pub groups: Vec<String>,
    /// What is left.
    pub coverage: f64,
    /// `exhaustive`: none is worse; `greedy`: one may be.
    pub search: String,
}

/// Measures of concentration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConcentrationFigures {
    /// Of what: `region`, `provider`, `hardware`, `software` or `operator`.
    pub attribute: String,
    /// By what: `machines`, `reward` (Shapley value) or `stake`.
    pub weight: String,
    /// The share of the weight whose attribute is known; the rest is left out.
    pub known: f64,
    /// The greatest group.
    pub largest: String,
    /// Its share.
    pub largest_share: f64,
    /// How many there are.
    pub hill_0: Figure,
    /// As many of equal size have the same entropy.
    pub hill_1: Figure,
    /// As many of equal size have the same HHI.
    pub hill_2: Figure,
    /// The sum of squared shares.
    pub hhi: Figure,
    /// The least number that have more than half.
    pub nakamoto: Figure,
}

/// Served rates, each request tried once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapacityFigures {
    /// Requests a second.
    pub rate_per_s: f64,
    /// The share that succeeds under the best routing; low and high enclose what the solver left open.
    pub success: Figure,
    /// What the routers serve.
    pub routers: Vec<RouterFigures>,
    /// The marginal value of each row's demand and of the machines' time.
    pub prices: Vec<PriceFigures>,
    /// How the losses were found of which operators' parts are: `exact`, or by the `prices` of their machines, which are bounds from below,
    /// where solving again for each would take too long.
    pub worth: String,
}

/// What a router serves of simulated arrivals.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RouterFigures {
    /// `random_eligible` or `least_loaded`.
    pub router: String,
    /// How many arrived.
    pub requests: u64,
    /// The share that succeeded.
    pub success: f64,
    /// Of `success`.
    pub standard_error: f64,
    /// The share that no machine could serve.
    pub nobody_eligible: f64,
    /// The share that waited too long.
    pub waited_too_long: f64,
    /// The share that failed on its machine.
    pub failed: f64,
}

/// What one more unit would add.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PriceFigures {
    /// Its id in the suite.
    pub workload: String,
    /// How many more requests would succeed with one more that comes, at first: less than 1 where machines are busy.
    pub demand_price: f64,
}

/// Who has which digest of an exact workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AgreementFigures {
    /// Its id in the suite.
    pub workload: String,
    /// What the suite says is right; `null` where it says nothing.
    #[cfg_attr(test, schemars(with = "Option<form::Digest>"))]
    pub golden: Option<Digest>,
    /// The most frequent first.
    pub digests: Vec<SharedDigest>,
    /// Whose machines differ: a fault or a lie.
    pub differing: Vec<String>,
}

/// A digest and how many share it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SharedDigest {
    /// Of the output for the suite's fixed seed.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub digest: Digest,
    /// How many profiles have it.
    pub profiles: u64,
}

/// Which hardware has the same native outputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DeterminismFigures {
    /// The most frequent first.
    pub hardware: Vec<String>,
    /// The probability that a profile of each has the same digest in a native workload; `null` where there are no two.
    pub same: Vec<Vec<Option<f64>>>,
}

/// Two profiles that resemble each other too much.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResemblanceFigures {
    /// Both `did:key`s.
    pub operators: [String; 2],
    /// SHA-256 of both files.
    #[cfg_attr(test, schemars(with = "[form::Digest; 2]"))]
    pub report_ids: [Digest; 2],
    /// `same_samples` or `near_medians`.
    pub kind: String,
    /// In words.
    pub detail: String,
}

/// Lost demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// As [`DemandFigures::workload`].
    pub workload: String,
    /// Its demand class.
    pub class: String,
    /// The share of all requests that is lost here.
    pub loss: f64,
    /// The factor that loses the most of it.
    pub binding_factor: String,
    /// One more machine of this kind would win the most of it back; `null` where none would.
    pub closed_by: Option<GapCloser>,
}

/// A kind of machine for a gap.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GapCloser {
    /// Hardware of the network, or the file of a candidate.
    pub machine: String,
    /// By how much coverage rises.
    pub gain: f64,
}

/// A machine to add.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AdditionFigures {
    /// Hardware of the network, or the file of a candidate.
    pub machine: String,
    /// By how much coverage rises with it, after those before.
    pub gain: f64,
    /// What it is then.
    pub coverage: f64,
}

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refused {
    /// Its name.
    pub file: String,
    /// Every reason.
    pub reasons: Vec<String>,
}

impl Comparison {
    /// What `kind` says.
    pub const KIND: &'static str = "proofmark.comparison";
    /// What `schema` says.
    pub const SCHEMA: &'static str = "1.0.0";
}
