//! Who computes the same bits: of exact workloads everybody should; of native ones, kinds of hardware may.
//!
//! Every profile has the output digest of each workload for one fixed input. In exact numerics two digests can only differ if a machine is faulty or
//! its operator lies, and anybody can prove which by running that input.

use std::collections::BTreeMap;

use proofmark_workloads::Suite;

use super::claim::{Claim, is_exact};
use crate::Digest;

/// Kinds of hardware in the matrix: the most frequent ones.
const MAX_KINDS: usize = 24;

/// The digests of an exact workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Its place in the suite.
    pub workload: usize,
    /// What the suite says is right.
    pub golden: Option<Digest>,
    /// Places of the claims that have each digest: most first, of equally many the lesser digest.
    pub sharing: Vec<(Digest, Vec<usize>)>,
}

/// Whether kinds of hardware have the same native digests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Determinism {
    /// The most frequent first.
    pub hardware: Vec<String>,
    /// By two kinds: the probability that two claims, one of each, have the same digest in a native workload that both measured;
    /// `None` where no two have measured one.
    pub same: Vec<Vec<Option<f64>>>,
}

impl Agreement {
    /// Places of claims with another digest than the suite's, or, where it says none, than most claims have; where no digest has more than
    /// another, of all.
    #[must_use]
    pub fn differing(&self) -> Vec<usize> {
        let right = self.golden.or_else(|| match &self.sharing[..] {
            [(most, _)] => Some(*most),
            [(most, claims), (_, others), ..] if claims.len() > others.len() => Some(*most),
            _ => None,
        });
        let mut differing: Vec<usize> = self
            .sharing
            .iter()
            .filter(|(digest, _)| Some(*digest) != right)
            .flat_map(|(_, claims)| claims.iter().copied())
            .collect();
        differing.sort_unstable();
        differing
    }
}

/// Of each exact workload that was measured.
#[must_use]
pub fn agreements(suite: &Suite, claims: &[Claim]) -> Vec<Agreement> {
    let exact = (0..suite.workloads.len()).filter(|workload| is_exact(suite, *workload));
    let of_workload = |workload: usize| {
        let mut sharing: Vec<(Digest, Vec<usize>)> =
            by_digest(claims, workload, |_| true).into_iter().collect();
        sharing.sort_by_key(|(_, claims)| std::cmp::Reverse(claims.len()));
        Agreement { workload, golden: suite.workloads[workload].self_check, sharing }
    };
    exact.map(of_workload).filter(|agreement| !agreement.sharing.is_empty()).collect()
}

/// The matrix of native workloads.
#[must_use]
pub fn determinism(suite: &Suite, claims: &[Claim]) -> Determinism {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for claim in claims {
        *count.entry(&claim.hardware).or_default() += 1;
    }
    let mut kinds: Vec<(&str, usize)> = count.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds.truncate(MAX_KINDS);
    let native: Vec<usize> =
        (0..suite.workloads.len()).filter(|workload| !is_exact(suite, *workload)).collect();
    // By kind and workload: how many have each digest.
    let counted = |kind: &str| -> Vec<BTreeMap<Digest, usize>> {
        let of = |workload: &usize| by_digest(claims, *workload, |claim| claim.hardware == kind);
        let counts = |digests: BTreeMap<Digest, Vec<usize>>| {
            digests.into_iter().map(|(digest, claims)| (digest, claims.len())).collect()
        };
        native.iter().map(of).map(counts).collect()
    };
    let counts: Vec<_> = kinds.iter().map(|(kind, _)| counted(kind)).collect();
    let same = |a: usize, b: usize| {
        let (mut pairs, mut equal) = (0.0, 0.0);
        for (of_a, of_b) in counts[a].iter().zip(&counts[b]) {
            let [all_a, all_b] = [of_a, of_b].map(|counts| counts.values().sum::<usize>() as f64);
            let shared = of_a.iter().map(|(digest, count)| {
                let others = of_b.get(digest).copied().unwrap_or(0) as f64;
                *count as f64 * if a == b { others - 1.0 } else { others }
            });
            pairs += all_a * if a == b { all_b - 1.0 } else { all_b }.max(0.0);
            equal += shared.sum::<f64>();
        }
        (pairs > 0.0).then(|| equal / pairs)
    };
    let row = |a| (0..kinds.len()).map(|b| same(a, b)).collect();
    Determinism {
        hardware: kinds.iter().map(|(kind, _)| (*kind).to_owned()).collect(),
        same: (0..kinds.len()).map(row).collect(),
    }
}

/// Places of claims, by their digest of a workload.
fn by_digest(
    claims: &[Claim],
    workload: usize,
    is_asked: impl Fn(&Claim) -> bool,
) -> BTreeMap<Digest, Vec<usize>> {
    let mut digests: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (place, claim) in claims.iter().enumerate().filter(|(_, claim)| is_asked(claim)) {
        if let Some(digest) = claim.traces[workload].self_check {
            digests.entry(digest).or_default().push(place);
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{claim, suite};
    use super::*;

    #[test]
    fn whoever_has_another_digest_than_the_suites_is_named_though_most_have_it() {
        let suite = suite();
        let mut claims = vec![claim("a", "1", 1.0), claim("b", "2", 1.0), claim("c", "3", 1.0)];
        for claim in &mut claims[1..] {
            claim.traces[0].self_check = Some(Digest::of(b"wrong"));
        }
        let found = agreements(&suite, &claims);
        assert_eq!(found.len(), suite.workloads.iter().filter(|w| w.self_check.is_some()).count());
        assert_eq!((found[0].workload, found[0].sharing.len(), found[0].differing()), (0, 2, vec![1, 2]));
        assert!(found[1..].iter().all(|found| found.differing().is_empty()));
    }

    #[test]
    fn without_a_suites_digest_most_are_right_and_of_equally_many_nobody_is() {
        let digests = |counts: [usize; 2]| Agreement {
            workload: 0,
            golden: None,
            sharing: vec![
                (Digest::of(b"one"), (0..counts[0]).collect()),
                (Digest::of(b"two"), (counts[0]..counts[0] + counts[1]).collect()),
            ],
        };
        assert_eq!(digests([3, 1]).differing(), [3]);
        assert_eq!(digests([2, 2]).differing(), [0, 1, 2, 3]);
    }

    #[test]
    fn hardware_shares_bits_as_often_as_two_of_its_claims_do() {
        let suite = suite();
        let of = |operator: &str, machine: &str, hardware: &str| Claim {
            hardware: hardware.to_owned(),
            ..claim(operator, machine, 1.0)
        };
        // The fixture's native digests follow from the machine.
        let claims = [of("a", "1", "x"), of("b", "1", "x"), of("c", "2", "x"), of("d", "1", "y")];
        let found = determinism(&suite, &claims);
        assert_eq!(found.hardware, ["x", "y"]);
        let third = Some(1.0 / 3.0);
        assert_eq!(found.same, [vec![third, Some(2.0 / 3.0)], vec![Some(2.0 / 3.0), None]]);
    }
}
