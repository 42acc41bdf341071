//! Profiles that no machine measured: a fleet of plausible machines and their operators, for tests of whatever reads many profiles.
//!
//! A profile of a fleet is signed, and everything in it that follows from the rest does so as in an honest one, so that it passes
//! verification. Invented are times, ceilings, and the digests of weights and outputs, which no audit can confirm. So each says inside
//! its signature that it is synthetic ([`is_synthetic`]), and anybody can make the keys.
//!
//! What is true of each profile stands beside it ([`Truth`]): times come from distributions that are known, and some operators claim
//! machines or copy figures of others.

mod claim;
mod classes;
mod declared;
mod hardware;
mod members;
mod random;
mod run;
mod service;
mod trials;
mod truth;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use proofmark_workloads::Suite;
use serde_json::{Map, Value, json};

use crate::chain::{self, RunIdentity};
use crate::document::{WriteError, sign};
use crate::key::{self, SigningKey};
use crate::network::attributes::EXTENSION;
use crate::profile::challenge_digest;
use crate::schema::v1::{Cell, Challenge, Harness, KIND, Profile, SCHEMA, Sitting, Status, SuiteReference};
use crate::{Digest, Timestamp, coverage, derived, did_key};
use claim::Claim;
use classes::Isa;
use declared::Declared;
use hardware::Hardware;
use members::{Member, members};
use random::{Origin, Random};
use run::{Measured, Run};
use service::Service;

pub use truth::{Kind, Truth};

/// The member of `extensions` that marks a synthetic profile.
const MARK: &str = "synthetic";
const GENERATOR: &str = "proofmark fleet synth";
/// Runs begin within thirty days from 2026-01-05T00:00:00Z.
const FIRST_START_S: u64 = 1_767_571_200;
const STARTS_S: usize = 30 * 86_400;
const MILLION: f64 = 1e6;

/// Whether a profile says that no machine measured it: by any generator, in whatever form.
#[must_use]
pub fn is_synthetic(profile: &Profile) -> bool {
    profile.extensions.contains_key(MARK)
}

/// Operators and their machines, certified with one suite. A larger fleet of the same seed begins with the smaller one.
#[derive(Clone, Debug)]
pub struct Fleet<'a> {
    suite: &'a Suite,
    seed: u64,
    members: Vec<Member>,
}

/// A profile of a fleet.
#[derive(Clone, Debug)]
pub struct Synthetic {
    /// A name for its file, in the order of the fleet.
    pub file_name: String,
    /// The signed profile.
    pub bytes: Vec<u8>,
    /// What is true of it.
    pub truth: Truth,
}

impl<'a> Fleet<'a> {
    /// A fleet of so many operators, most of them with one machine.
    #[must_use]
    pub fn new(suite: &'a Suite, operators: u32, seed: u64) -> Self {
        Self { suite, seed, members: members(seed, operators) }
    }

    /// The number of profiles: some operators have several.
    #[must_use]
    pub fn profiles(&self) -> usize {
        self.members.len()
    }

    /// A profile by its place in the fleet: the same bytes whenever, wherever and after whichever others it is made.
    ///
    /// # Errors
    /// Never in practice: the profile holds strings and safe integers.
    ///
    /// # Panics
    /// When the fleet has fewer profiles.
    pub fn profile(&self, index: usize) -> Result<Synthetic, WriteError> {
        let claim = Claim::of(self.members[index], self.seed);
        let hardware = Hardware::of(claim.hardware);
        let declared = claim.declared(&hardware);
        let file_name = format!("synthetic-{index:06}.json");
        let (mut profile, finished_at) = self.measured(&claim, &hardware)?;
        profile.extensions = self.extensions(index, &hardware, &declared);
        let truth = Truth {
            file: file_name.clone(),
            operator: profile.operator.clone(),
            class: hardware.class.name.to_owned(),
            machine: profile.machine.commitment,
            region: declared.region.to_owned(),
            provider: declared.provider.to_owned(),
            availability_ppm: declared.availability_ppm,
            stake: declared.stake,
            kind: claim.kind(&profile.cells),
            of: claim.of.map(|of| did_key::format(&signing_key(of).verifying_key())),
            success_ppm: self.success_ppm(&hardware, &profile.cells),
        };
        let bytes = sign(profile, finished_at, &signing_key(claim.own))?;
        Ok(Synthetic { file_name, bytes, truth })
    }

    /// The profile of a run, and its end.
    fn measured(&self, claim: &Claim, hardware: &Hardware) -> Result<(Profile, Timestamp), WriteError> {
        let suite = self.suite;
        let mut random = claim.own.random("run", 0);
        let start = Duration::from_secs(FIRST_START_S + random.below(STARTS_S) as u64);
        let challenge = Challenge::SelfIssued { nonce: random.digest() };
        let key = signing_key(claim.own).verifying_key();
        let mut machine = hardware.seen();
        machine.commitment = hardware::commitment(claim.commitment);
        let harness = harness(hardware.class.isa);
        let head = chain::first_head(&RunIdentity {
            suite_digest: suite.digest,
            operator_key: key.to_bytes(),
            machine_commitment: machine.commitment,
            binary_digest: harness.binary_digest,
            challenge_digest: challenge_digest(&challenge)?,
        });
        let run = Run {
            suite,
            hardware,
            machine: &machine,
            arithmetic: claim.arithmetic(),
            noise: claim.noise,
            head,
        };
        let Measured { ceilings, cells, duration_ns } = run.measure();
        // No run takes centuries.
        let duration = Duration::from_nanos(u64::try_from(duration_ns).unwrap_or(u64::MAX));
        let [started_at, finished_at] =
            [start, start + duration].map(|since| Timestamp::of(SystemTime::UNIX_EPOCH + since));
        let profile = Profile {
            kind: KIND.to_owned(),
            schema: SCHEMA.to_owned(),
            suite: SuiteReference {
                name: suite.name.clone(),
                version: suite.version.clone(),
                digest: suite.digest,
            },
            operator: did_key::format(&key),
            machine,
            harness,
            challenge,
            started_at: started_at.to_string(),
            finished_at: finished_at.to_string(),
            sittings: vec![Sitting { started_at: started_at.to_string(), first_round: 0, first_cell: 0 }],
            ceilings,
            coverage: coverage::of_machine(suite, &cells),
            doubts: derived::run_doubts(&cells),
            cells,
            extensions: Map::new(),
            proof: None,
        };
        Ok((profile, finished_at))
    }

    fn extensions(&self, index: usize, hardware: &Hardware, declared: &Declared) -> Map<String, Value> {
        // As text, because canonical JSON holds no number of 64 bits.
        let seed = self.seed.to_string();
        let mark =
            json!({ "generator": GENERATOR, "seed": seed, "index": index, "class": hardware.class.name });
        let members = [(MARK, Some(mark)), (EXTENSION, declared.attributes().extension())];
        members.into_iter().filter_map(|(name, member)| Some((name.to_owned(), member?))).collect()
    }

    fn success_ppm(&self, hardware: &Hardware, cells: &[Cell]) -> BTreeMap<String, u64> {
        let success = |(place, cell): (usize, &Cell)| {
            let workload = self.suite.workloads.get(place).filter(|_| cell.status == Status::Measured);
            let success = workload.map_or(0.0, |workload| {
                Service::of(hardware, workload, place, 1).success(workload.slo.limits)
            });
            (cell.workload.clone(), (success * MILLION).round() as u64)
        };
        cells.iter().enumerate().map(success).collect()
    }
}

/// The operator's.
fn signing_key(origin: Origin) -> SigningKey {
    let Origin { seed, operator, .. } = origin;
    key::from_seed(&Random::of("operator", &[seed, operator.into()]).digest().0)
}

/// One build for each architecture.
fn harness(isa: Isa) -> Harness {
    let crates = [("candle_core", "0.11.1"), ("candle_nn", "0.11.1"), ("gemm", "0.19.0")];
    Harness {
        version: "0.1.0".to_owned(),
        git_commit: "unknown".to_owned(),
        binary_digest: Digest::of_fields("proofmark/synthetic/binary/1", &[isa.architecture().as_bytes()]),
        rustc: "rustc 1.95.0".to_owned(),
        crates: crates.map(|(name, version)| (name.to_owned(), version.to_owned())).into_iter().collect(),
        isa: isa.name().to_owned(),
    }
}
