//! The answers of a cell.

use crate::schema::v1::Cell;
use crate::{Digest, chain};

/// An output that can be computed again from its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of the input.
    pub seed: Digest,
    /// Of the output, as the profile says.
    pub digest: Digest,
}

/// Every answer of a cell, in the order of its profile: the steps of each round, then the requests of each trial.
///
/// A profile that was verified has in every round as many digests as steps, and its seeds follow from the chain.
#[must_use]
pub fn answers(cell: &Cell) -> Vec<Answer> {
    let mut answers = Vec::new();
    for round in &cell.rounds {
        let mut seed = round.seed_0;
        for (digest, step) in round.output_digests.iter().zip(0..) {
            answers.push(Answer { seed, digest: *digest });
            seed = chain::next_seed(seed, step, *digest);
        }
    }
    let before = cell.rounds.last().map(|round| chain::seed_after(round.seed_0, &round.output_digests));
    if let (Some(head), Some(capacity)) = (before, &cell.capacity) {
        for (trial_seed, trial) in chain::trial_seeds(head, &capacity.trials) {
            let requests = trial.output_digests.iter().zip(0..);
            answers.extend(requests.map(|(digest, request)| Answer {
                seed: chain::request_seed(trial_seed, request),
                digest: *digest,
            }));
        }
    }
    answers
}
