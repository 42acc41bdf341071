//! One chain through the whole run, so that timed steps can neither be precomputed nor run side by side.
//!
//! With `H` = SHA-256 over length-prefixed fields ([`Digest::of_fields`]); digests enter as their 32 bytes, integers
//! as 8 bytes little-endian:
//! - `head_0 = H("proofmark/run/1", suite digest, operator's public key, machine commitment, binary digest, challenge
//!   digest)`
//! - `seed_0 = H("proofmark/cell/2", head, round, cell index, cell digest)`, where the cell digest is the SHA-256 of the
//!   canonical JSON of [`CellIdentity`]
//! - `seed_(i+1) = H("proofmark/step/1", seed_i, i, output digest_i)`
//! - the seed after the last step is the head of the first trial, or of the next round to be run: round 0 of each cell, then round 1 of
//!   each, and so on
//! - `trial seed = H("proofmark/trial/1", head, trial index)`: of the arrivals, whose gaps the rate only scales, so that nobody
//!   picks a rate for its arrivals. Requests of a trial overlap, so they cannot be chained: `request seed_j =
//!   H("proofmark/request/1", trial seed, j)`
//! - `H("proofmark/served/1", trial seed, requests an hour, output digests one after another)` is the head after the trial
//!
//! A cell that is not measured leaves the head as it is.

use serde::Serialize;

use crate::Digest;
use crate::canonical_json;
use crate::schema::v1::{Cell, Trial};

/// What binds a run to its circumstances before the first step.
#[derive(Clone, Copy, Debug)]
pub struct RunIdentity {
    /// Of the suite file.
    pub suite_digest: Digest,
    /// The operator's public key.
    pub operator_key: [u8; 32],
    /// See `machine.commitment`.
    pub machine_commitment: Digest,
    /// Of the program.
    pub binary_digest: Digest,
    /// SHA-256 of the canonical JSON of the challenge.
    pub challenge_digest: Digest,
}

/// What binds a round's steps to how they were run; its member names are those of the wire.
#[derive(Clone, Debug, Serialize)]
pub struct CellIdentity<'a> {
    /// 0; later attempts count up.
    pub attempt: u32,
    /// Sequences a request.
    pub batch: u32,
    /// `cpu`
    pub device: &'a str,
    /// `exact/1`, `exact/q8` or `native`
    pub numerics: &'a str,
    /// `f32`
    pub precision: &'a str,
    /// Threads.
    pub threads: u32,
    /// Digest of the loaded weights.
    pub weights: Digest,
    /// The workload's id.
    pub workload: &'a str,
}

impl<'a> CellIdentity<'a> {
    /// Of an attempt at a round of a cell that has loaded its weights.
    #[must_use]
    pub fn of(cell: &'a Cell, attempt: u32) -> Option<Self> {
        Some(Self {
            attempt,
            batch: cell.batch,
            device: &cell.device,
            numerics: &cell.numerics,
            precision: &cell.precision,
            threads: cell.threads,
            weights: cell.weights.as_ref()?.digest,
            workload: &cell.workload,
        })
    }
}

/// The head before the first cell.
#[must_use]
pub fn first_head(run: &RunIdentity) -> Digest {
    Digest::of_fields(
        "proofmark/run/1",
        &[
            &run.suite_digest.0,
            &run.operator_key,
            &run.machine_commitment.0,
            &run.binary_digest.0,
            &run.challenge_digest.0,
        ],
    )
}

/// The seed of the first step of a cell's round.
#[must_use]
pub fn round_seed(head: Digest, round: u64, cell_index: u64, cell: &CellIdentity<'_>) -> Digest {
    // Strings and integers only, so that it can always be written.
    let cell = Digest::of(&canonical_json::write(cell).unwrap_or_default());
    Digest::of_fields(
        "proofmark/cell/2",
        &[&head.0, &round.to_le_bytes(), &cell_index.to_le_bytes(), &cell.0],
    )
}

/// The seed after step `step`.
#[must_use]
pub fn next_seed(seed: Digest, step: u64, output: Digest) -> Digest {
    Digest::of_fields("proofmark/step/1", &[&seed.0, &step.to_le_bytes(), &output.0])
}

/// The seed after all steps of a round: the head before its trials.
#[must_use]
pub fn seed_after(seed_0: Digest, outputs: &[Digest]) -> Digest {
    outputs.iter().zip(0..).fold(seed_0, |seed, (output, step)| next_seed(seed, step, *output))
}

/// The seed of a trial's arrivals.
#[must_use]
pub fn trial_seed(head: Digest, trial: u64) -> Digest {
    Digest::of_fields("proofmark/trial/1", &[&head.0, &trial.to_le_bytes()])
}

/// The seed of a trial's request.
#[must_use]
pub fn request_seed(trial_seed: Digest, request: u64) -> Digest {
    Digest::of_fields("proofmark/request/1", &[&trial_seed.0, &request.to_le_bytes()])
}

/// The head after a trial.
#[must_use]
pub fn head_after_trial(trial_seed: Digest, trial: &Trial) -> Digest {
    let outputs: Vec<u8> = trial.output_digests.iter().flat_map(|output| output.0).collect();
    let rate = trial.requests_per_hour.to_le_bytes();
    Digest::of_fields("proofmark/served/1", &[&trial_seed.0, &rate, &outputs])
}

/// The head after all trials of a search.
#[must_use]
pub fn head_after_trials(head: Digest, trials: &[Trial]) -> Digest {
    trial_seeds(head, trials).last().map_or(head, |(seed, trial)| head_after_trial(seed, trial))
}

/// The trials of a search with their seeds; `head` is the one before the first.
pub fn trial_seeds(mut head: Digest, trials: &[Trial]) -> impl Iterator<Item = (Digest, &Trial)> {
    trials.iter().zip(0..).map(move |(trial, index)| {
        let seed = trial_seed(head, index);
        head = head_after_trial(seed, trial);
        (seed, trial)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Made by `reports/interop/chain_vectors.py`, an independent implementation.
    const VECTORS: &str = include_str!("../tests/vectors/chain.json");

    #[test]
    fn seeds_and_heads_match_the_independent_vectors() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let digest = |name: &str| -> Digest { vectors[name].as_str().unwrap().parse().unwrap() };
        let run = RunIdentity {
            suite_digest: digest("suite_digest"),
            operator_key: digest("operator_key").0,
            machine_commitment: digest("machine_commitment"),
            binary_digest: digest("binary_digest"),
            challenge_digest: digest("challenge_digest"),
        };
        let head = first_head(&run);
        assert_eq!(head, digest("head_0"));
        let cell = CellIdentity {
            attempt: 0,
            batch: 4,
            device: "cpu",
            numerics: "exact/1",
            precision: "f32",
            threads: 2,
            weights: digest("weights"),
            workload: "embed-exact-f32",
        };
        let seed = round_seed(head, 4, 3, &cell);
        assert_eq!(seed, digest("seed_0"));
        let outputs: Vec<Digest> = vectors["output_digests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o.as_str().unwrap().parse().unwrap())
            .collect();
        let head = seed_after(seed, &outputs);
        assert_eq!(head, digest("chain_head"));

        let seed = trial_seed(head, 2);
        assert_eq!(seed, digest("trial_seed"));
        assert_eq!(request_seed(seed, 1), digest("request_seed"));
        let mut trial = Trial::planned(7200, 3);
        trial.output_digests = outputs[..3].to_vec();
        assert_eq!(head_after_trial(seed, &trial), digest("head_after_trial"));
    }
}
