//! Whether exact workloads still compute the same bits.

use super::Common;
use crate::Digest;
use crate::schema::change::{DigestChange, Digests};
use crate::schema::v1::{Profile, SelfCheck};

const NATIVE: &str = "native";

/// What became of the outputs of the workloads that both profiles have.
pub(super) fn digests(old: &Profile, new: &Profile, common: &[Common<'_>]) -> Digests {
    let mut digests = Digests::default();
    for cells in common {
        let changed = [self_check(cells), answer(cells)].into_iter().flatten().next();
        if cells.new.numerics == NATIVE {
            digests.native_changed.extend(changed.map(|_| cells.new.workload.clone()));
        } else if let Some((input, before, after)) = changed {
            digests.changed.push(DigestChange {
                workload: cells.new.workload.clone(),
                old: before,
                new: after,
                input,
                allowed_because: allowed(old, new, cells),
            });
        } else if cells.old.self_check_digest.is_some() && cells.new.self_check_digest.is_some() {
            digests.same += 1;
        }
    }
    digests
}

/// A digest for one input, in the old profile and in the new one.
type Changed = (String, Digest, Digest);

fn self_check(cells: &Common<'_>) -> Option<Changed> {
    let (old, new) = cells.old.self_check_digest.zip(cells.new.self_check_digest)?;
    (old != new).then(|| ("self_check".to_owned(), old, new))
}

/// The first request of the same seed with another output: of the same program, key and challenge, as runs of a test have them.
fn answer(cells: &Common<'_>) -> Option<Changed> {
    let rounds = cells.old.rounds.iter().zip(&cells.new.rounds).enumerate();
    rounds.filter(|(_, (old, new))| old.seed_0 == new.seed_0).find_map(|(round, (old, new))| {
        // A seed follows from the outputs before it, so behind the first difference nothing is the same.
        let mut outputs = old.output_digests.iter().zip(&new.output_digests).enumerate();
        let (request, (old, new)) = outputs.find(|(_, (old, new))| old != new)?;
        Some((format!("round {round}, request {request}"), *old, *new))
    })
}

/// Why another digest is no fault.
fn allowed(
    old: &Profile,
    new: &Profile,
    Common { old: before, new: after, .. }: &Common<'_>,
) -> Option<String> {
    if after.self_check == SelfCheck::Mismatch {
        return None;
    }
    let raised = |what: &str, old: &str, new: &str| Some(format!("{what} was raised from {old} to {new}"));
    if exact_version(&before.numerics) < exact_version(&after.numerics)
        && exact_version(&before.numerics).is_some()
    {
        return raised("the arithmetic", &before.numerics, &after.numerics);
    }
    if old.suite.name == new.suite.name && version(&old.suite.version) < version(&new.suite.version) {
        return raised(&old.suite.name, &old.suite.version, &new.suite.version);
    }
    let is_mended = before.self_check == SelfCheck::Mismatch && after.self_check == SelfCheck::Match;
    is_mended.then(|| "the old one was wrong, the new one is the suite's".to_owned())
}

/// Of `exact/1`.
fn exact_version(numerics: &str) -> Option<u64> {
    numerics.strip_prefix("exact/")?.parse().ok()
}

/// The parts of `1.3.0`, one after another.
fn version(text: &str) -> Vec<Option<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}
