//! A competent forger: changes a profile, recomputes all that follows, and signs it again.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod answers;
pub(crate) mod attacks;
pub(crate) mod cheats;
pub(crate) mod odds;
pub(crate) mod scene;
pub(crate) mod table;

use std::fs;
use std::time::Duration;

use proofmark_reports::chain::{self, CellIdentity, RunIdentity};
use proofmark_reports::document::{self, sign};
use proofmark_reports::key::{self, SigningKey};
use proofmark_reports::profile::challenge_digest;
use proofmark_reports::schema::v1::{Profile, Trial};
use proofmark_reports::{Digest, Timestamp, capacity, coverage, derived};
use proofmark_workloads::{Suite, Workload};

use crate::place::Place;

/// What the operator of a place certified, its suite, and its key.
pub(crate) struct Forger {
    pub(crate) profile: Profile,
    pub(crate) suite: Suite,
    pub(crate) key: SigningKey,
}

/// A step for which the forger needs an answer.
pub(crate) struct Asked<'a> {
    /// The cell's place in the profile.
    pub(crate) cell: u64,
    pub(crate) workload: &'a Workload,
    /// Among the answers of its cell.
    pub(crate) place: u64,
    /// Of the input.
    pub(crate) seed: Digest,
    /// What the profile has so far.
    pub(crate) stated: Digest,
}

impl Forger {
    pub(crate) fn of(place: &Place) -> Self {
        let text = fs::read_to_string(place.path("tiny.toml")).unwrap();
        let pem = fs::read_to_string(place.path("state/proofmark/keys/operator.pem")).unwrap();
        let bytes = fs::read(place.path("profile.json")).unwrap();
        Self {
            profile: document::open(&bytes).unwrap().document,
            suite: Suite::parse("tiny.toml", &text).unwrap(),
            key: key::from_pem(&pem).unwrap(),
        }
    }

    /// The bytes of the changed profile, of which nothing else is recomputed.
    pub(crate) fn edit(&self, change: impl Fn(&mut Profile)) -> Vec<u8> {
        let mut profile = self.profile.clone();
        change(&mut profile);
        let created = profile.finished_at.parse().unwrap();
        sign(profile, created, &self.key).unwrap()
    }

    /// The bytes of the changed profile, in which everything follows from everything.
    pub(crate) fn forge(&self, change: impl Fn(&mut Profile)) -> Vec<u8> {
        self.forge_with(change, |asked| asked.stated)
    }

    /// As [`Self::forge`], each step answered anew in the order of the chain.
    pub(crate) fn forge_with(
        &self,
        change: impl Fn(&mut Profile),
        mut answer: impl FnMut(&Asked<'_>) -> Digest,
    ) -> Vec<u8> {
        let mut profile = self.profile.clone();
        change(&mut profile);
        let mut head = chain::first_head(&RunIdentity {
            suite_digest: profile.suite.digest,
            operator_key: self.key.verifying_key().to_bytes(),
            machine_commitment: profile.machine.commitment,
            binary_digest: profile.harness.binary_digest,
            challenge_digest: challenge_digest(&profile.challenge).unwrap(),
        });
        for place in 0..self.suite.timing.rounds {
            for (index, cell) in profile.cells.iter_mut().enumerate() {
                let Some(round) = cell.rounds.get(place as usize) else { continue };
                let identity = CellIdentity::of(cell, round.attempt).unwrap();
                let seed_0 = chain::round_seed(head, place, index as u64, &identity);
                let workload = self.suite.workload(&cell.workload).unwrap();
                let before: usize =
                    cell.rounds[..place as usize].iter().map(|round| round.output_digests.len()).sum();
                head = seed_0;
                for (step, digest) in (0..).zip(&mut cell.rounds[place as usize].output_digests) {
                    let (cell, place) = (index as u64, before as u64 + step);
                    *digest = answer(&Asked { cell, workload, place, seed: head, stated: *digest });
                    head = chain::next_seed(head, step, *digest);
                }
                let is_last = place + 1 == self.suite.timing.rounds;
                if let Some(capacity) = cell.capacity.as_mut().filter(|_| is_last) {
                    serve(head, &mut capacity.trials);
                    head = chain::head_after_trials(head, &capacity.trials);
                }
                let round = &mut cell.rounds[place as usize];
                (round.seed_0, round.chain_head) = (seed_0, head);
            }
        }
        for cell in &mut profile.cells {
            let workload = self.suite.workload(&cell.workload).unwrap();
            derived::complete(cell, &self.suite, workload, profile.ceilings);
        }
        profile.coverage = coverage::of_machine(&self.suite, &profile.cells);
        // Other arrivals take another time; a verifier's clock may differ a little.
        let finished_at: Timestamp = profile.finished_at.parse().unwrap();
        let finished_at = finished_at.checked_add(Duration::from_secs(10)).unwrap();
        profile.finished_at = finished_at.to_string();
        sign(profile, finished_at, &self.key).unwrap()
    }
}

/// Times of trials that go with other arrivals: one request after another, each in a millisecond.
fn serve(mut head: Digest, trials: &mut [Trial]) {
    for (trial, index) in trials.iter_mut().zip(0..) {
        let seed = chain::trial_seed(head, index);
        let mut free_ns = 0;
        let arrivals = capacity::schedule_ns(seed, trial).into_iter().take(trial.output_digests.len());
        trial.latency_ns = arrivals
            .map(|arrival| {
                free_ns = free_ns.max(arrival) + 1_000_000;
                free_ns - arrival
            })
            .collect();
        if !trial.ttft_ns.is_empty() {
            trial.ttft_ns = trial.latency_ns.iter().map(|latency| latency / 2).collect();
        }
        trial.batches = vec![1; trial.latency_ns.len()];
        head = chain::head_after_trial(seed, trial);
    }
}
