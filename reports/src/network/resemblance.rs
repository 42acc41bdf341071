//! Claims under several keys and commitments that look like one machine, or like a copy.
//!
//! Latencies are in nanoseconds, so honest runs hardly ever have the same one at the same place, and the medians of two runs, even of one machine,
//! differ by more than [`NEAR`] in some workload. Whoever adds noise of a few per cent is not found: under independence an undetected split earns, which
//! is why a network should challenge all identities at the same time, when those on one machine contend with each other.

use std::collections::BTreeMap;

use super::claim::{Claim, Trace};

/// Medians that are nearer to each other than this share, in every workload, are too near.
pub const NEAR: f64 = 0.005;
/// Workloads that two claims must have in common to be held against each other.
const LEAST_WORKLOADS: usize = 4;
/// Claims with the next greater mean that each is held against.
const WINDOW: usize = 256;

/// Two claims of different operators and machines that resemble each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Resemblance {
    /// Places of both claims, the lesser first.
    pub claims: (usize, usize),
    /// In what.
    pub kind: ResemblanceKind,
}

/// In what two claims resemble each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResemblanceKind {
    /// The same nanoseconds, in at least half of the workloads.
    SameSamples {
        /// How many workloads.
        workloads: usize,
    },
    /// Medians within [`NEAR`] of each other in every workload.
    NearMedians {
        /// The greatest distance, as a share.
        farthest: f64,
    },
}

/// All pairs that were found; of many alike, each with the first of them.
#[must_use]
pub fn resemblances(claims: &[Claim]) -> Vec<Resemblance> {
    let mut found = BTreeMap::new();
    for resemblance in near(claims).into_iter().chain(same(claims)) {
        found.insert(resemblance.claims, resemblance.kind);
    }
    found.into_iter().map(|(claims, kind)| Resemblance { claims, kind }).collect()
}

/// Different keys and commitments: what shares a commitment is one machine already.
fn are_apart(a: &Claim, b: &Claim) -> bool {
    a.operator != b.operator && a.machine != b.machine
}

fn same(claims: &[Claim]) -> Vec<Resemblance> {
    let mut first: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (place, claim) in claims.iter().enumerate() {
        for (workload, trace) in claim.traces.iter().enumerate() {
            let Some(latency_ns) = trace.first_latency_ns else { continue };
            let first = *first.entry((workload, latency_ns)).or_insert(place);
            if are_apart(&claims[first], claim) {
                *shared.entry((first, place)).or_default() += 1;
            }
        }
    }
    let measured =
        |place: usize| claims[place].traces.iter().filter(|trace| trace.first_latency_ns.is_some()).count();
    let is_copy = |((_, place), workloads): &((usize, usize), usize)| {
        *workloads >= LEAST_WORKLOADS && 2 * workloads >= measured(*place)
    };
    let resemblance =
        |(claims, workloads)| Resemblance { claims, kind: ResemblanceKind::SameSamples { workloads } };
    shared.into_iter().filter(is_copy).map(resemblance).collect()
}

fn near(claims: &[Claim]) -> Vec<Resemblance> {
    // Near medians have near means, so only neighbours are held against each other.
    let mut ordered: Vec<(f64, usize)> = claims
        .iter()
        .enumerate()
        .filter_map(|(place, claim)| Some((mean_log(&claim.traces)?, place)))
        .collect();
    ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut found, mut is_found) = (Vec::new(), vec![false; claims.len()]);
    for (at, (mean, place)) in ordered.iter().enumerate() {
        for (other_mean, other) in ordered[at + 1..].iter().take(WINDOW) {
            if other_mean - mean > NEAR {
                break;
            }
            if is_found[*other] {
                continue;
            }
            let (a, b) = (*place.min(other), *place.max(other));
            if claims[a].hardware != claims[b].hardware || !are_apart(&claims[a], &claims[b]) {
                continue;
            }
            if let Some(farthest) = farthest(&claims[a].traces, &claims[b].traces).filter(|far| *far <= NEAR)
            {
                found.push(Resemblance { claims: (a, b), kind: ResemblanceKind::NearMedians { farthest } });
                is_found[*other] = true;
            }
        }
    }
    found
}

/// Of the logarithms of all medians; workloads that are not measured count as one nanosecond.
fn mean_log(traces: &[Trace]) -> Option<f64> {
    let logs = traces.iter().map(|trace| trace.median_latency_ns.map_or(0.0, |ns| (ns.max(1) as f64).ln()));
    let measured = traces.iter().filter(|trace| trace.median_latency_ns.is_some()).count();
    (measured >= LEAST_WORKLOADS).then(|| logs.sum::<f64>() / measured as f64)
}

/// The greatest distance of two medians; `None` unless both measured the same workloads.
fn farthest(a: &[Trace], b: &[Trace]) -> Option<f64> {
    let mut farthest: f64 = 0.0;
    for (a, b) in a.iter().zip(b) {
        match (a.median_latency_ns, b.median_latency_ns) {
            (Some(a), Some(b)) => {
                let (least, greatest) = (a.min(b).max(1) as f64, a.max(b).max(1) as f64);
                farthest = farthest.max(greatest / least - 1.0);
                if farthest > NEAR {
                    return None;
                }
            }
            (None, None) => {}
            _ => return None,
        }
    }
    Some(farthest)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::claim;
    use super::*;

    #[test]
    fn honest_claims_of_one_kind_of_hardware_do_not_resemble_each_other() {
        let claims: Vec<Claim> = (0..300).map(|n| claim(&format!("o{n}"), &format!("m{n}"), 1.0)).collect();
        assert_eq!(resemblances(&claims), []);
    }

    #[test]
    fn copied_samples_and_medians_with_little_noise_are_found_and_one_machine_is_not_reported() {
        let first = claim("a", "1", 1.0);
        let copy = Claim { traces: first.traces.clone(), ..claim("b", "2", 1.0) };
        let mut noisy = Claim { traces: first.traces.clone(), ..claim("c", "3", 1.0) };
        for trace in &mut noisy.traces {
            trace.first_latency_ns = trace.first_latency_ns.map(|ns| ns + 7);
            trace.median_latency_ns = trace.median_latency_ns.map(|ns| ns + ns / 1000);
        }
        let same_machine = Claim { traces: first.traces.clone(), ..claim("d", "1", 1.0) };
        let noise: Vec<Claim> = (0..50).map(|n| claim(&format!("o{n}"), &format!("m{n}"), 1.0)).collect();
        let claims = [vec![first, copy, noisy, same_machine], noise].concat();
        let found: Vec<_> = resemblances(&claims).into_iter().map(|r| (r.claims, r.kind)).collect();
        let workloads = claims[0].traces.len();
        assert_eq!(found[0], ((0, 1), ResemblanceKind::SameSamples { workloads }));
        assert!(matches!(found[1], ((0, 2), ResemblanceKind::NearMedians { farthest }) if farthest > 0.0009));
        let pairs: Vec<_> = found.iter().map(|(claims, _)| *claims).collect();
        assert_eq!(pairs, [(0, 1), (0, 2), (1, 3)]);
    }
}
