//! The chain through all rounds, in the order in which they ran: round 0 of every cell, then round 1 of every cell, and so on.

use ed25519_dalek::VerifyingKey;
use proofmark_workloads::Suite;

use crate::chain::{self, CellIdentity, RunIdentity};
use crate::schema::v1::{Cell, Profile, Round};
use crate::{Digest, profile};

/// What breaks the chain, cell by cell.
pub(super) fn check(profile: &Profile, suite: &Suite, key: &VerifyingKey) -> Vec<Vec<String>> {
    let mut faults = vec![Vec::new(); profile.cells.len()];
    let Ok(challenge_digest) = profile::challenge_digest(&profile.challenge) else { return faults };
    let mut head = chain::first_head(&RunIdentity {
        suite_digest: profile.suite.digest,
        operator_key: key.to_bytes(),
        machine_commitment: profile.machine.commitment,
        binary_digest: profile.harness.binary_digest,
        challenge_digest,
    });
    for (place, number) in (0..).zip(0..suite.timing.rounds) {
        for (index, (cell, faults)) in profile.cells.iter().zip(&mut faults).enumerate() {
            let Some(round) = cell.rounds.get::<usize>(place) else { continue };
            match CellIdentity::of(cell, round.attempt) {
                None => faults.push(format!("round {place} without weights")),
                Some(identity) => {
                    let seed_0 = chain::round_seed(head, number, index as u64, &identity);
                    if round.seed_0 != seed_0 {
                        faults.push(format!(
                            "seed_0 of round {place} does not follow from the chain before it"
                        ));
                    }
                }
            }
            if round.chain_head != end(cell, round, number + 1 == suite.timing.rounds) {
                faults.push(format!(
                    "chain_head of round {place} does not follow from seed_0 and the output digests"
                ));
            }
            // From the head as written, so that one break is reported once.
            head = round.chain_head;
        }
    }
    faults
}

fn end(cell: &Cell, round: &Round, is_last: bool) -> Digest {
    let head = chain::seed_after(round.seed_0, &round.output_digests);
    match &cell.capacity {
        Some(capacity) if is_last => chain::head_after_trials(head, &capacity.trials),
        _ => head,
    }
}
